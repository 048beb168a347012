"""Raw layers → sites with their entrances and offers, and people at points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from siting import tables
from siting.errors import DataError, Problem
from siting.load.conform import SETTLEMENT_WORDS, join_drops
from siting.load.gates import gates_of, points_of
from siting.load.geometry import shapes_of
from siting.load.intake import Columns, Intake, Layer, group_of
from siting.tables import POLYGON, label

# A smaller shape of the same service with this share of its land inside a larger one is part of
# the same campus (a school building inside the school's grounds).
_CAMPUS_SHARE: Final = 0.9


class Sites(NamedTuple):
    """Sites, their entrances, what they offer, and drops."""

    sites: gpd.GeoDataFrame
    entrances: gpd.GeoDataFrame
    offers: pd.DataFrame
    drops: pd.DataFrame


def sites(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    service: str,
    status: Literal["existing", "candidate"] = "existing",
    columns: Columns | None = None,
    level: str | None = None,
    entrances: gpd.GeoDataFrame | None = None,
    entrance_columns: Columns | None = None,
    area: Any = None,
    layer: str | None = None,
) -> Sites:
    """Return the places where one service is, or could be, offered.

    One campus is one site: a point inside a polygon of the same layer, and a polygon that lies
    for 90 % or more of its area inside a larger one, are dropped and listed as ``inside w123``.
    Rows alike in place and name are one site too. A point site's entrance is itself; a polygon's
    is each entrance given for it, else a point inside it.

    Parameters
    ----------
    raw
        Points or polygons; columns ``site_id``, ``name``, ``level``, ``capacity``, ``enrolment``.
    service
        The service offered; ids are its rows' own, so two services may name the same site.
    status
        ``"existing"`` or ``"candidate"``.
    level
        Level of every offer that no column says it for.
    entrances
        Points; a column ``site_id``, or each belongs to the site within 20 m.
    area
        Study area in the working CRS; sites wholly outside are dropped and listed.
    """
    layer = layer or (f"services.{service}" if status == "existing" else "candidates")
    known = ("site_id", "name", "level", "capacity", "enrolment")
    intake = Intake(raw, layer=layer, columns=columns or {}, known=known)
    ids = intake.ids("site_id", prefix="site", content=("name",))
    names = intake.names(ids)
    offers: dict[str, Any] = {"site_id": ids, "service": [service] * len(intake)}
    levels = [v or (level or "") for v in intake.text("level")]
    if any(levels):
        offers["level"] = levels
    for key in ("capacity", "enrolment"):
        count = intake.whole(key)
        if intake.has(key):
            offers[key] = count
    shapes = shapes_of(intake, crs, kinds=("Point", *POLYGON), area=area)
    intake.finish()
    _one_campus(intake, ids, names, shapes)
    data = {
        "site_id": ids,
        "name": names,
        "status": [status] * len(intake),
        "geometry": shapes,
    }
    table = intake.table("sites", data, crs=crs, sort="site_id")
    offered = intake.table("offers", offers, crs=None, sort="site_id")
    gates = _entrances(table, entrances, entrance_columns, crs, layer)
    return Sites(table, gates.table, offered, join_drops(intake.listed(), gates.drops))


def join_sites(parts: Sequence[Sites]) -> Sites:
    """Return the sites of several services as one set.

    The same id in two services is one site with two offers, if both say the same place; a site
    that is both existing and candidate is existing.

    Raises
    ------
    DataError
        An id stands for two different places (further than 50 m apart).
    """
    if not parts:
        raise DataError(Problem("services", "no service has any sites", "Name a service."))
    every = pd.concat([p.sites for p in parts], ignore_index=True)
    every["_candidate"] = every["status"] == "candidate"
    every = every.sort_values(["site_id", "_candidate"], kind="stable")
    first = every.drop_duplicates("site_id").set_index("site_id").geometry
    apart = every.geometry.distance(
        gpd.GeoSeries(first.loc[every["site_id"]].to_numpy(), index=every.index, crs=every.crs)
    )
    far = sorted(set(every.loc[apart > 50.0, "site_id"]))
    if far:
        raise DataError(
            Problem(
                "services",
                f"{len(far)} site ids stand for different places in different layers",
                "Make ids unique over all services (put the service before the number).",
                tuple(label(i) for i in far),
            )
        )
    merged = every.drop_duplicates("site_id").drop(columns="_candidate").reset_index(drop=True)
    gates = pd.concat([p.entrances for p in parts], ignore_index=True)
    gates["_wkb"] = shapely.to_wkb(gates.geometry.to_numpy(), hex=True)
    gates = gates.drop_duplicates(["site_id", "_wkb"]).sort_values(["site_id", "_wkb"])
    gates = gates.drop(columns="_wkb").reset_index(drop=True)
    offers = pd.concat([p.offers for p in parts], ignore_index=True)
    for key in ("capacity", "enrolment"):
        if key in offers:
            offers[key] = offers[key].astype("Int64")
    if "level" in offers:
        offers["level"] = offers["level"].fillna("").astype("str")
    offers = offers.drop_duplicates(["site_id", "service"])
    offers = offers.sort_values(["site_id", "service"]).reset_index(drop=True)
    tables.check("sites", merged)
    tables.check("entrances", gates)
    tables.check("offers", offers)
    return Sites(merged, gates, offers, join_drops(*(p.drops for p in parts)))


def people(
    raw: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS,
    columns: Columns | None = None,
    settlement: str | None = None,
    groups: Mapping[str, str] | None = None,
    whole: Literal["error", "largest_remainder"] = "error",
    area: Any = None,
    layer: str = "people",
) -> Layer:
    """Return people at points.

    Parameters
    ----------
    raw
        Points, or polygons (buildings, grid cells: a point inside stands for each); columns
        ``demand_id``, ``population``, ``settlement``.
    settlement
        Class of every point that no column says it for; blank where neither does, and then
        :func:`siting.demand.from_points` takes it from the zones.
    groups
        Age group → the file's column of its people, kept as columns named by the group.
    whole
        Persons are whole numbers. Fractions are an error, or are rounded so that the total is
        the total rounded (``"largest_remainder"``), each listed.
    area
        Study area in the working CRS; people outside stay and are listed: they are in no zone
        and so not assessed.
    """
    groups = groups or {}
    known = ("demand_id", "population", "settlement", *groups)
    intake = Intake(raw, layer=layer, columns={**(columns or {}), **groups}, known=known)
    ids = intake.ids("demand_id", prefix="people", content=known[1:])
    if intake.require("population"):
        if whole == "error":
            persons = intake.whole("population", blank=False)
        else:
            persons = _rounded(intake, ids)
    else:
        persons = pd.Series([0] * len(intake), dtype="Int64")
    values = persons.fillna(0).to_numpy(dtype=np.int64)
    data: dict[str, Any] = {
        "demand_id": ids,
        "population": values,
        "settlement": intake.choice("settlement", SETTLEMENT_WORDS, settlement or ""),
    }
    for group in groups:
        data[group] = group_of(intake, group, values).fillna(0).to_numpy(dtype=np.int64)
    shapes = shapes_of(
        intake, crs, kinds=("Point", *POLYGON), must_stay=values > 0, area=area, outside="kept"
    )
    data["geometry"] = points_of(shapes)
    intake.finish()
    return Layer(intake.table("people", data, crs=crs, sort="demand_id"), intake.listed())


def _rounded(intake: Intake, ids: Sequence[str]) -> pd.Series[Any]:
    """Return fractional persons made whole, the total being the total rounded."""
    given = intake.number("population", blank=False)
    floor = np.floor(np.nan_to_num(given))
    part = np.nan_to_num(given) - floor
    extra = int(np.floor(part.sum() + 0.5))
    order = np.lexsort((np.array(ids, dtype=str), -part))
    persons = floor.astype(np.int64)
    persons[order[:extra]] += 1
    for i in np.flatnonzero(part > 0):
        intake.note(int(i), f"population {given[i]:g} is taken as {persons[i]}", "rounded")
    return pd.Series(persons, dtype="Int64")


def _one_campus(intake: Intake, ids: list[str], names: list[str], shapes: Any) -> None:
    """Drop what lies inside a larger shape of the same layer, and repeated rows."""
    kept = np.flatnonzero(intake.keep)
    sizes = shapely.area(shapes)
    order = sorted(kept.tolist(), key=lambda i: (-sizes[i], ids[i]))
    held = np.array([shapes[i] for i in order], dtype=object)
    tree = shapely.STRtree(held)
    inner, outer = tree.query(held, predicate="intersects")
    home: dict[int, int] = {}
    for a, b in sorted(zip(inner.tolist(), outer.tolist(), strict=True)):
        i, j = order[a], order[b]
        if b >= a or a in home or b in home:
            continue
        if sizes[j] <= 0:  # two points at one place: one site only if they have one name
            same = shapely.equals(shapes[i], shapes[j]) and _one_name(names, ids, i, j)
        elif sizes[i] <= 0:
            same = True
        else:
            shared = float(shapely.area(shapely.intersection(shapes[i], shapes[j])))
            same = shared >= _CAMPUS_SHARE * sizes[i]
        if same:
            home[a] = b
    for a, b in home.items():
        i, j = order[a], order[b]
        gone = np.zeros(len(intake), dtype=bool)
        gone[i] = True
        at = "inside" if sizes[j] > 0 else "the same as"
        called = "" if names[j] == ids[j] else f" ({label(names[j])})"
        intake.drop(gone, f"{at} {label(ids[j])}{called}")


def _one_name(names: Sequence[str], ids: Sequence[str], i: int, j: int) -> bool:
    return names[i] == names[j] or names[i] == ids[i] or names[j] == ids[j]


def _entrances(
    table: gpd.GeoDataFrame,
    given: gpd.GeoDataFrame | None,
    columns: Columns | None,
    crs: pyproj.CRS,
    layer: str,
) -> Layer:
    own = gpd.GeoDataFrame(
        {"site_id": table["site_id"]}, geometry=points_of(table.geometry.to_numpy()), crs=crs
    )
    if given is None:
        return Layer(tables.check("entrances", own), tables.drops_table())
    gates = gates_of(
        given,
        table.set_index("site_id").geometry,
        crs=crs,
        key="site_id",
        columns=columns,
        layer=f"{layer}.entrances",
    )
    rest = own[~own["site_id"].isin(gates.table["site_id"])]
    every = pd.concat([gates.table, rest], ignore_index=True)
    every = every.sort_values("site_id", kind="stable").reset_index(drop=True)
    return Layer(tables.check("entrances", every), gates.drops)
