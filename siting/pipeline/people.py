"""People at places: from points or control totals, with age groups, as the study asks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import shapely

from siting import demand as demand_room
from siting import load, tables, text
from siting.demand import Density
from siting.errors import DataError, Problem
from siting.load import Layer, join_drops
from siting.pipeline.reader import Reader
from siting.rules import Rule
from siting.study import Study

DENSITY = ("dense_per_km2", "dense_persons", "moderate_per_km2", "moderate_persons")


def demand(
    study: Study,
    zones: gpd.GeoDataFrame | None,
    people: Layer | None,
    totals: Layer | None,
    cells: gpd.GeoDataFrame | None,
    *,
    rules: Mapping[str, Rule],
    land_use: Sequence[gpd.GeoDataFrame] = (),
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Return the demand table and its drops: points as they are, or totals spread."""
    asked = study.people
    otherwise: str | Density | None = asked.settlement
    if otherwise == "density":
        otherwise = Density(**{name: rules[f"settlement.{name}"].strict for name in DENSITY})
    said: dict[str, Any] = {"land_use": land_use, "settlement": otherwise}
    zoning = asked.totals.zoning if asked.totals is not None else _first_zoning(study)
    of_zoning = None if zones is None else zones[zones["zoning"] == zoning]
    with_class = None
    if (
        of_zoning is not None
        and "settlement" in of_zoning
        and (of_zoning["settlement"] != "").any()
    ):
        with_class = of_zoning
    if asked.raster is not None and asked.spread is None and people is not None:
        made = demand_room.from_raster(people.table, zones=with_class, **said)
        return made.table, made.drops
    if asked.points is not None and people is not None:
        made = demand_room.from_points(people.table, zones=with_class, **said)
        return made.table, made.drops
    listed = tables.drops_table()
    if asked.spread == "residential" and cells is not None:
        carriers, by = demand_room.carriers_of(cells), "area"
    elif asked.spread == "raster" and people is not None:
        surrogate = demand_room.carriers_from_raster(people.table)
        carriers, by, listed = surrogate.table, "weight", surrogate.drops
    elif people is not None:
        carriers = people.table
        by = (
            "weight" if "weight" in carriers else "area" if asked.spread == "buildings" else "equal"
        )
    else:
        raise DataError(Problem("people", "there is nothing to spread people over", "Give it."))
    amount: int | pd.DataFrame
    if asked.total is not None:
        amount = asked.total
    elif totals is not None:
        amount = totals.table
    elif of_zoning is not None and "population" in of_zoning:
        amount = of_zoning[["zone_id", "population"]]
    else:
        raise DataError(
            Problem(
                "people",
                "no totals to spread: neither total, nor totals, nor a population of the zones",
                "Give people.total, [people.totals], or map population in zones.columns.",
            )
        )
    made = demand_room.spread(
        amount,
        carriers,
        zones=None if isinstance(amount, int) else of_zoning,
        by=by,  # type: ignore[arg-type]  # one of its literals
        fallback=asked.no_carrier,
        **said,
    )
    return made.table, join_drops(listed, made.drops)


def raster_layer(
    study: Study, reader: Reader, zones: gpd.GeoDataFrame | None, crs: pyproj.CRS
) -> Layer | None:
    """Return the pieces of the study's raster of people, cut along one zoning."""
    source, totals = study.people.raster, study.people.totals
    assert source is not None  # asked for by whoever calls
    zoning = source.zoning or (totals.zoning if totals is not None else _first_zoning(study))
    along = None if zones is None else zones[zones["zoning"] == zoning]
    land = source.land_area
    digest = hashlib.sha256()
    if along is not None:
        for name, shape in sorted(
            zip(along["zone_id"], shapely.to_wkb(along.geometry.to_numpy()), strict=True)
        ):
            digest.update(name.encode() + b"\0" + shape)
    return reader(
        "population",
        "people.raster",
        Layer,
        lambda: load.population(
            source.file,
            crs=crs,
            zones=along,
            holds=source.holds,
            land_area=None if land is None else land.file,
            declared=source.crs,
            band=source.band,
            block=source.block,
            outside=source.outside,
            layer="people.raster",
        ),
        crs=crs.to_wkt(),
        zones=digest.hexdigest(),
        land=None if land is None else reader.sums["people.raster.land_area"],
    )


def cohorts(
    study: Study,
    demand: gpd.GeoDataFrame,
    people: Layer | None,
    totals: Layer | None,
    zones: gpd.GeoDataFrame,
) -> pd.DataFrame:
    """Return the people of the study's age groups: from columns, or as declared shares."""
    groups, year = study.people.groups, study.people.year or 0
    shares = {name: group.share for name, group in groups.items() if group.share is not None}
    columns = [name for name, group in groups.items() if group.column is not None]
    parts = []
    if shares:
        parts.append(demand_room.cohorts(demand, shares, year=year))
    if columns and study.people.points is not None and people is not None:
        parts.append(demand_room.cohorts_from_columns(people.table, columns, year=year))
    elif columns and totals is not None and study.people.totals is not None:
        of_zoning = zones[zones["zoning"] == study.people.totals.zoning]
        member = demand_room.membership(demand, of_zoning).set_index("demand_id")["zone_id"]
        parts.append(
            demand_room.cohorts_from_totals(
                demand, totals.table, columns, zone_of=member, year=year
            )
        )
    if not parts:
        return pd.DataFrame({"demand_id": [], "year": [], "group": [], "persons": []})
    return pd.concat(parts, ignore_index=True)


def land_points(cells: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a point in every cell of residential land, with the cell's id as its own."""
    carriers = demand_room.carriers_of(cells)
    return carriers.rename(columns={"carrier_id": "demand_id"})


def _first_zoning(study: Study) -> str:
    return study.zones[0].zoning if study.zones else "region"


def one_region(study: Study, demand: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return one zone around all people, for a study that names no zones."""
    hull = shapely.convex_hull(shapely.union_all(demand.geometry.to_numpy()))
    name = study.region or study.title
    return gpd.GeoDataFrame(
        {"zoning": ["region"], "zone_id": ["region"], "name": [name]},
        geometry=[shapely.buffer(hull, 250.0)],
        crs=demand.crs,
    )


def all_outside(demand: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> Problem | None:
    """People who all live outside every zone mean that a layer is in the wrong place."""
    hull = shapely.union_all(zones.geometry.to_numpy())
    shapely.prepare(hull)
    if shapely.intersects(hull, demand.geometry.to_numpy()).any():
        return None
    return Problem(
        "people",
        f"none of {len(demand)} places with people lies in any zone",
        "One of the two layers is in the wrong place: check the CRS of people and zones.",
    )


def spread_notes(study: Study, demand: gpd.GeoDataFrame, lang: str) -> list[str]:
    """Say what the ranges know of how people live around their points."""
    unknown = int(demand.loc[demand["area_m2"] <= 0, "population"].sum())
    if not unknown:
        return []
    within = study.people.within_m
    if within:
        return [text.get("note.spread_within", lang, m=text.count(within))]
    return [text.get("note.spread_unknown", lang, n=text.count(unknown))]


def rules_used(demand: gpd.GeoDataFrame) -> set[str]:
    """Return the rules by which places have their settlement class."""
    used = {"settlement.codes"} if (demand["class_from"] != "density").any() else set()
    if (demand["class_from"] == "density").any():
        used |= {f"settlement.{name}" for name in DENSITY}
    return used


def notes(demand: gpd.GeoDataFrame, lang: str) -> list[str]:
    """Say what the settlement classes of people come from, for the pages."""
    persons = demand.groupby("class_from", sort=False)["population"].sum()
    parts = [
        text.get(f"class_from.{name}", lang, n=text.count(int(persons[name])))
        for name in tables.CLASS_FROM
        if persons.get(name, 0) > 0
    ]
    return [text.get("note.settlement", lang, parts=text.joined(parts, lang))]
