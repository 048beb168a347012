"""People at places: from points or control totals, with age groups, as the study asks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import shapely

from siting import demand as demand_room
from siting import load, tables, text
from siting.demand import Demand, Density
from siting.errors import DataError, Problem
from siting.load import Layer, join_drops
from siting.pipeline.reader import Reader
from siting.rules import Rule
from siting.study import Part, People, Study

DENSITY = ("dense_per_km2", "dense_persons", "moderate_per_km2", "moderate_persons")


def layers(
    study: Study,
    reader: Reader,
    layer: Callable[..., Any],
    zones: gpd.GeoDataFrame | None,
    crs: pyproj.CRS,
) -> dict[str, Layer | None]:
    """Return what is read of people, by the name of the part (blank: the study names none)."""
    people = study.people
    groups = {n: g.column for n, g in people.groups.items() if g.column is not None}
    found: dict[str, Layer | None] = {}
    _known_zones(study, zones)
    for name, origin, at in _origins(people):
        if origin.raster is not None:
            found[name] = _raster(study, reader, zones, crs, origin, f"{at}.raster")
        elif origin.points is not None:
            given = {} if people.parts else groups
            found[name] = layer(
                "people", f"{at}.points", Layer, load.people, groups=given, whole=people.whole
            )
        elif origin.carriers is not None:
            found[name] = layer("carriers", f"{at}.carriers", Layer, load.carriers)
    return found


def demand(
    study: Study,
    zones: gpd.GeoDataFrame | None,
    people: Mapping[str, Layer | None],
    totals: Layer | None,
    cells: gpd.GeoDataFrame | None,
    *,
    rules: Mapping[str, Rule],
    land_use: Sequence[gpd.GeoDataFrame] = (),
) -> Demand:
    """Return the demand table and its drops: places as they are, or totals spread."""
    asked = study.people
    otherwise: str | Density | None = asked.settlement
    if otherwise == "density":
        otherwise = Density(**{name: rules[f"settlement.{name}"].strict for name in DENSITY})
    said: dict[str, Any] = {"land_use": land_use, "settlement": otherwise}
    of_zoning = None if zones is None else zones[zones["zoning"] == _zoning(study)]
    with_class = None
    if (
        of_zoning is not None
        and "settlement" in of_zoning
        and (of_zoning["settlement"] != "").any()
    ):
        with_class = of_zoning
    carried = asked.controlled if asked.parts else asked.spread is not None
    made: dict[str, Demand] = {}
    for name, origin, _ in _origins(asked):
        layer = people.get(name)
        table = None if layer is None else layer.table
        if carried:
            made[name] = _carriers(origin, table, cells)
        elif table is None:
            raise DataError(Problem("people", "there is nobody", "Give people."))
        else:
            make = demand_room.from_points if origin.raster is None else demand_room.from_raster
            declared = origin.settlement if isinstance(origin, Part) else None
            made[name] = make(table, declared=declared, zones=with_class, **said)
    listed = join_drops(tables.drops_table(), *(m.drops for m in made.values()))
    only = {part.name: _may_speak(part) for part in asked.parts if part.zones is not None}
    if not carried:
        if not asked.parts or of_zoning is None:
            return made[""]._replace(drops=listed)
        whole = demand_room.one_source_a_zone(
            {n: m.table for n, m in made.items()},
            of_zoning,
            only=only,
            density=otherwise if isinstance(otherwise, Density) else None,
        )
        return whole._replace(drops=join_drops(listed, whole.drops))
    carriers = made[""] if "" in made else _stacked(made, of_zoning, only)
    amount = _amount(study, totals, of_zoning)
    spread = demand_room.spread(
        amount,
        carriers.table,
        zones=None if isinstance(amount, int) else of_zoning,
        by="weight",
        fallback=asked.no_carrier,
        sources=[part.name for part in asked.parts],
        **said,
    )
    return spread._replace(drops=join_drops(listed, carriers.drops, spread.drops))


def _may_speak(part: Part) -> tuple[str, ...]:
    """Return the zones a part may speak for; ``""``, outside every zone, where its raster keeps it.

    What a raster keeps there is of cells that the part's own zones touch.
    """
    kept = part.raster is not None and part.raster.outside == "kept"
    return (*(part.zones or ()), *([""] if kept else []))


def _known_zones(study: Study, zones: gpd.GeoDataFrame | None) -> None:
    """Refuse parts that would speak for zones which are not there."""
    known = set() if zones is None else set(zones.loc[zones["zoning"] == _zoning(study), "zone_id"])
    lost = sorted({z for part in study.people.parts for z in part.zones or ()} - known)
    if lost:
        raise DataError(
            Problem(
                "people.parts",
                "a part may speak for zones that are not there",
                f'Use ids of the zoning "{_zoning(study)}".',
                tuple(tables.label(z) for z in lost),
            )
        )


def _origins(people: People) -> list[tuple[str, People | Part, str]]:
    """Return where people come from: name, what is asked, and its place in the study file."""
    if not people.parts:
        return [("", people, "people")]
    many = len(people.parts) > 1
    return [
        (part.name, part, f"people.parts[{i}]" if many else "people.parts")
        for i, part in enumerate(people.parts, start=1)
    ]


def _carriers(
    origin: People | Part, table: gpd.GeoDataFrame | None, cells: gpd.GeoDataFrame | None
) -> Demand:
    """Return carriers with the weight they carry by."""
    drops = tables.drops_table()
    if origin.spread == "residential" and cells is not None:
        carriers = demand_room.carriers_of(cells)
        weight = carriers["area_m2"]
    elif table is None:
        raise DataError(Problem("people", "there is nothing to spread people over", "Give it."))
    elif origin.raster is not None:
        carriers, drops, _ = demand_room.carriers_from_raster(table)
        weight = carriers["weight"]
    elif origin.points is not None:
        carriers = table.rename(columns={"demand_id": "carrier_id"}).assign(area_m2=0.0)
        weight = carriers["population"].astype("float64")
    else:
        carriers = table
        equal = pd.Series(1.0, index=table.index)
        weight = table["area_m2"] if origin.spread == "buildings" else equal
        weight = table.get("weight", weight)
    said = carriers["settlement"].astype("str")
    declared = origin.settlement if isinstance(origin, Part) else None
    by = pd.Series("own", index=said.index).where(said != "", "study" if declared else "")
    columns = ["carrier_id", "area_m2", "geometry"]
    columns += ["spread_m"] if "spread_m" in carriers else []
    kept = carriers[columns].assign(
        weight=weight,
        settlement=said.where(said != "", declared or "").astype("str"),
        class_from=by.astype("str"),
    )
    return Demand(kept, drops)


def _stacked(
    made: Mapping[str, Demand], zones: gpd.GeoDataFrame | None, only: Mapping[str, Sequence[str]]
) -> Demand:
    """Return the carriers of all parts, each named by its part, where it may speak."""
    parts, drops = [], []
    for name, part in made.items():
        table = part.table.assign(
            carrier_id=(f"{name}:" + part.table["carrier_id"].astype("str")).astype("str"),
            source=pd.Series([name] * len(part.table), dtype="str", index=part.table.index),
        )
        if name in only and zones is not None:
            own = demand_room.zone_of_points(table.geometry, zones)
            may = own.isin(list(only[name])).to_numpy()
            if not may.all():
                what = f"{int((~may).sum())} places carry nobody: not in the zones of this part"
                drops.append(("people", name, what, "no people"))
            table = table[may]
        parts.append(table)
    stacked: gpd.GeoDataFrame = pd.concat(parts, ignore_index=True)
    return Demand(stacked, tables.drops_table(drops))


def _amount(
    study: Study, totals: Layer | None, zones: gpd.GeoDataFrame | None
) -> int | pd.DataFrame:
    """Return the totals to spread."""
    if study.people.total is not None:
        return study.people.total
    if totals is not None:
        by_zone: pd.DataFrame = totals.table
        return by_zone
    if zones is not None and "population" in zones:
        return pd.DataFrame(zones[["zone_id", "population"]])
    raise DataError(
        Problem(
            "people",
            "no totals to spread: neither total, nor totals, nor a population of the zones",
            "Give people.total, [people.totals], or map population in zones.columns.",
        )
    )


def _raster(
    study: Study,
    reader: Reader,
    zones: gpd.GeoDataFrame | None,
    crs: pyproj.CRS,
    origin: People | Part,
    name: str,
) -> Layer | None:
    """Return the pieces of a raster of people, cut along the zones it may speak for."""
    source = origin.raster
    assert source is not None  # asked for by whoever calls
    along = None if zones is None else zones[zones["zoning"] == (source.zoning or _zoning(study))]
    only = origin.zones if isinstance(origin, Part) and along is not None else None
    land = source.land_area
    digest = hashlib.sha256()
    if along is not None:
        for zone_id, shape in sorted(
            zip(along["zone_id"], shapely.to_wkb(along.geometry.to_numpy()), strict=True)
        ):
            digest.update(zone_id.encode() + b"\0" + shape)
    return reader(
        "population",
        name,
        Layer,
        lambda: load.population(
            source.file,
            crs=crs,
            zones=along,
            only=only,
            holds=source.holds,
            land_area=None if land is None else land.file,
            declared=source.crs,
            band=source.band,
            block=source.block,
            outside=source.outside,
            layer=name,
        ),
        crs=crs.to_wkt(),
        zones=digest.hexdigest(),
        only=only,
        land=None if land is None else reader.sums[f"{name}.land_area"],
    )


def cohorts(
    study: Study,
    demand: gpd.GeoDataFrame,
    people: Mapping[str, Layer | None],
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
    own = people.get("")
    if columns and study.people.points is not None and own is not None:
        parts.append(demand_room.cohorts_from_columns(own.table, columns, year=year))
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


def _zoning(study: Study) -> str:
    """Return the zoning that totals, parts and rasters go by."""
    if study.people.totals is not None:
        return study.people.totals.zoning
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
    """People who all live outside every zone of a zoning mean that a layer is in the wrong place.

    Each zoning by itself: another that holds them does not show that this one lies right.
    """
    for zoning, layer in zones.groupby("zoning", sort=False):
        hull = shapely.union_all(layer.geometry.to_numpy())
        shapely.prepare(hull)
        if not shapely.intersects(hull, demand.geometry.to_numpy()).any():
            return Problem(
                "people",
                f"none of {len(demand)} places with people lies in any zone of {zoning}",
                "One of the two layers is in the wrong place: check the CRS of people and zones.",
            )
    return None


def rules_used(demand: gpd.GeoDataFrame) -> set[str]:
    """Return the rules by which places have their settlement class."""
    used = {"settlement.codes"} if (demand["class_from"] != "density").any() else set()
    if (demand["class_from"] == "density").any():
        used |= {f"settlement.{name}" for name in DENSITY}
    return used


def notes(
    study: Study, demand: gpd.GeoDataFrame, uncounted: Mapping[str, int], lang: str
) -> list[str]:
    """Say of people, for the pages: what says their classes, their sources, who is not counted.

    And what the ranges know of how they live around their points.
    """
    persons = demand.groupby("class_from", sort=False)["population"].sum()
    parts = [
        text.get(f"class_from.{name}", lang, n=text.count(int(persons[name])))
        for name in tables.CLASS_FROM
        if persons.get(name, 0) > 0
    ]
    told = [text.get("note.settlement", lang, parts=text.joined(parts, lang))]
    if "source" in demand:
        by = demand.groupby("source", sort=True)["population"].sum().to_dict()
        told.append(text.get("note.people_sources", lang, parts=_by_source(by, lang)))
    if uncounted:
        told.append(text.get("note.people_uncounted", lang, parts=_by_source(uncounted, lang)))
    anywhere = demand_room.spread_mm(demand).to_numpy() == 0
    unknown = int(demand.loc[anywhere, "population"].sum())
    if unknown and study.people.within_m:
        within = text.count(study.people.within_m)
        told.append(text.get("note.spread_within", lang, m=within))
    elif unknown:
        told.append(text.get("note.spread_unknown", lang, n=text.count(unknown)))
    return told


def _by_source(persons: Mapping[Any, int], lang: str) -> str:
    return text.joined(
        [
            f"{_called(str(name), lang)} {text.get('unit.persons', lang, n=text.count(int(n)))}"
            for name, n in persons.items()
            if n
        ],
        lang,
    )


def totals_notes(study: Study, zones: gpd.GeoDataFrame, lang: str) -> list[str]:
    """Say which rows of the control totals are no zone's own: their sum, and rows of no code."""
    totals = study.people.totals
    if totals is None:
        return []
    told = []
    if totals.total_row is not None:
        told.append(text.get("note.totals_row", lang, row=totals.total_row))
    if totals.merge:
        of = zones[zones["zoning"] == totals.zoning].set_index("zone_id")["name"]
        rows = [
            text.get("note.totals_merged.row", lang, row=row, zone=str(of.get(zone, zone)))
            for row, zone in sorted(totals.merge.items())
        ]
        told.append(text.get("note.totals_merged", lang, rows=text.joined(rows, lang)))
    return told


def _called(source: str, lang: str) -> str:
    return text.get("source.zone_point", lang) if source == "zone_point" else source


def table(demand: gpd.GeoDataFrame, membership: pd.DataFrame) -> pd.DataFrame:
    """Return persons by zone, settlement class, what says the class, and source.

    Every zoning sums to everybody; outside every zone is ``zone_id`` blank.
    """
    keys = ["settlement", "class_from"] + (["source"] if "source" in demand else [])
    places = pd.DataFrame(demand[["demand_id", "population", *keys]])
    joined = membership.merge(places, on="demand_id")
    sums = joined.groupby(["zoning", "zone_id", *keys], as_index=False, sort=True)
    counted = sums.agg(places=("demand_id", "size"), persons=("population", "sum"))
    return counted[counted["persons"] > 0].reset_index(drop=True)
