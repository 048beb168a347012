"""Control totals spread over what carries them, every total kept to the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting import tables
from siting.demand.divide import largest_remainder
from siting.demand.people import Demand
from siting.demand.settlement import Density, Otherwise, classes, finished
from siting.demand.zoning import zone_of_points
from siting.errors import DataError, Problem
from siting.load.shapes import farthest_m
from siting.tables import label

TOWNS: Final = ("urban", "township_seat")  # 城镇: what an urbanisation rate counts


def spread(
    totals: int | pd.DataFrame,
    carriers: gpd.GeoDataFrame,
    *,
    zones: gpd.GeoDataFrame | None = None,
    by: Literal["area", "equal", "weight"] = "area",
    land_use: Sequence[gpd.GeoDataFrame] = (),
    settlement: Otherwise = None,
    fallback: Literal["error", "zone_point"] = "error",
    sources: Sequence[str] = (),
    layer: str = "people",
) -> Demand:
    """Spread control totals over carriers, keeping every total to the person.

    Parameters
    ----------
    totals
        People of the whole region, or a table of ``zone_id``, ``population`` and, where it is
        known, ``town_population``: those who live in places that are urban or township seats.
    carriers
        From :func:`carriers_of` (residential land) or :func:`siting.load.carriers` (buildings,
        villages).
    zones
        One zoning. Needed for totals by zone. A carrier in no zone gets nobody and is listed;
        one on a shared border belongs to the smallest ``zone_id``.
    by
        Share by ``area_m2``, equally, or by the ``weight`` column.
    land_use
        Polygons that say the class of carriers that say none, see
        :func:`siting.demand.settlement.classes`.
    settlement
        Class of every carrier that nothing says it for, or the density that decides it there.
    fallback
        For a zone with people and nothing to carry them: an error, or one point inside the zone,
        listed.
    sources
        Values of the column ``source`` of the carriers, the first choice first: each total is
        carried by the first source that has anything to carry it, and by no other.

    Raises
    ------
    DataError
        Zones without carriers, totals for unknown zones, zones without a total, no weights;
        totals of towns where density alone would say what is a town.

    Examples
    --------
    >>> spots = gpd.GeoDataFrame(
    ...     {"carrier_id": ["b", "a"], "settlement": ["urban"] * 2, "area_m2": [1.0, 1.0]},
    ...     geometry=[shapely.Point(0, 0), shapely.Point(9, 9)],
    ...     crs=4547,
    ... )
    >>> spread(5, spots).table[["demand_id", "population"]].values.tolist()
    [['a', 3], ['b', 2]]
    """
    tables.check("carriers", carriers, layer=layer)
    spots = carriers.sort_values("carrier_id", kind="stable").reset_index(drop=True)
    weight = _weights(spots, by, layer)
    zone = zone_of_points(spots.geometry, zones) if zones is not None else None
    said = classes(spots["settlement"], spots.geometry, land_use=land_use, zones=zones)
    if "class_from" in spots:
        own = said["class_from"] == "own"
        said["class_from"] = said["class_from"].where(~own, spots["class_from"])
    drops: list[tuple[str, str, str, str]] = []
    if zone is not None:
        lost = np.flatnonzero(zone.to_numpy() == "")
        drops += [
            (layer, label(spots["carrier_id"].iat[i]), "in no zone: carries nobody", "no people")
            for i in lost
        ]
        weight[lost] = 0
    persons = np.zeros(len(spots), dtype=np.int64)
    ids = spots["carrier_id"].tolist()
    empty: list[Draw] = []
    if isinstance(totals, pd.DataFrame):
        if zone is None or zones is None:
            raise DataError(Problem(layer, "totals by zone need the zones", "Give the zoning."))
        draws = _draws(totals, zones, layer)
        part = _parts(said["settlement"], settlement, layer) if any(d.part for d in draws) else ""
        held = pd.DataFrame(
            {"zone": zone, "part": part, "source": _ranks(spots, sources)}, index=spots.index
        )[weight > 0]
        rows_of: dict[Any, dict[int, Any]] = {}
        groups: dict[Any, Any] = held.groupby(list(held), sort=True).groups
        for (zone_id, name, rank), held_by in groups.items():
            rows_of.setdefault((zone_id, name), {})[rank] = np.sort(held_by.to_numpy())
        for draw in draws:
            found = rows_of.get((draw.zone_id, draw.part), {})
            if not found:
                empty += [draw] if draw.persons else []
                continue
            first, *others = sorted(found)
            rows = found[first]
            persons[rows] = largest_remainder(
                weight[rows], draw.persons, ids=[ids[i] for i in rows]
            )
            for rank in others:
                what = f"{len(found[rank])} places of zone {label(draw.zone_id)}{_of(draw)} carry "
                what += f"nobody: {sources[first]} speaks for it"
                drops.append((layer, sources[rank], what, "no people"))
        if empty and fallback == "error":
            raise DataError(
                Problem(
                    layer,
                    f"{len(empty)} of {len(draws)} zones have people but nothing that carries "
                    f"them ({by})",
                    'Add carriers there, or set no_carrier = "zone_point" to put their people '
                    "on one point in the zone.",
                    tuple(label(d.zone_id) + _of(d) for d in empty),
                )
            )
    elif totals > 0 and weight.sum() <= 0:
        where = " inside the zones" if zone is not None else ""
        raise DataError(
            Problem(layer, f"{totals} people have nothing{where} that carries them", "Add land.")
        )
    else:
        persons = largest_remainder(weight, int(totals), ids=ids)
    data = gpd.GeoDataFrame(
        {
            "demand_id": spots["carrier_id"].astype("str"),
            "population": persons,
            "settlement": said["settlement"],
            "class_from": said["class_from"],
            "area_m2": spots["area_m2"].astype("float64"),
        },
        geometry=spots.geometry.to_numpy(),
        crs=spots.crs,
    )
    if sources:
        data["source"] = spots["source"].astype("str")
    if "spread_m" in spots:
        data["spread_m"] = spots["spread_m"].astype("float64")
    if empty and zones is not None:
        added = _zone_points(empty, zones, land_use, settlement, sources)
        data = pd.concat([data, added], ignore_index=True)
        for draw in empty:
            what = f"nothing carries its {draw.persons} people{_of(draw)}: put on one point in it"
            drops.append((layer, label(draw.zone_id), what, "added"))
    return Demand(finished(data, layer, settlement), tables.drops_table(drops))


class Draw(NamedTuple):
    """Persons to be drawn in a zone: all of it (``part`` is blank), its towns or its villages."""

    zone_id: str
    part: str
    persons: int


def _of(draw: Draw) -> str:
    return f" ({draw.part}s)" if draw.part else ""


def _draws(totals: pd.DataFrame, zones: gpd.GeoDataFrame, layer: str) -> list[Draw]:
    asked = _totals(totals, zones, layer)
    if "town_population" not in totals:
        return [Draw(zone_id, "", n) for zone_id, n in sorted(asked.items())]
    towns = dict(zip(totals["zone_id"].astype("str"), totals["town_population"], strict=True))
    return [
        Draw(zone_id, part, n)
        for zone_id, total in sorted(asked.items())
        for part, n in (("town", int(towns[zone_id])), ("village", total - int(towns[zone_id])))
    ]


def _parts(settlement: pd.Series[Any], otherwise: Otherwise, layer: str) -> Any:
    """Return whether carriers are of towns or villages."""
    if isinstance(otherwise, Density) and (settlement == "").any():
        raise DataError(
            Problem(
                layer,
                "totals of towns need to know which places are towns, and density is known only "
                "when people are spread",
                "Map a settlement column or give [people.land_use], or take town_population out.",
            )
        )
    known = settlement.where(settlement != "", otherwise or "")
    return np.where(known.isin(TOWNS), "town", "village")


def _ranks(spots: gpd.GeoDataFrame, sources: Sequence[str]) -> Any:
    if not sources:
        return 0
    order = {name: rank for rank, name in enumerate(sources)}
    return spots["source"].map(order).to_numpy(dtype=np.int64)


def _zone_points(
    empty: Sequence[Draw],
    zones: gpd.GeoDataFrame,
    land_use: Sequence[gpd.GeoDataFrame],
    settlement: Otherwise,
    sources: Sequence[str],
) -> gpd.GeoDataFrame:
    """Return one place in each zone that nothing carries the people of.

    Its class is what land use or the zone says, where that is one of a town for the total of towns
    and a village for that of villages, then the study's on the same terms; only then the total's
    own word: a township seat, a village. Its people may live anywhere in the zone (``spread_m``).
    """
    shapes = zones.set_index("zone_id").geometry[[d.zone_id for d in empty]]
    places = gpd.GeoSeries(shapely.point_on_surface(shapes.to_numpy()), crs=zones.crs)
    part = pd.Series([d.part for d in empty], dtype=object)
    said = classes(pd.Series([""] * len(empty)), places, land_use=land_use, zones=zones)
    word, by = said["settlement"], said["class_from"]
    if isinstance(settlement, str):
        word, by = word.where(word != "", settlement), by.where(word != "", "study")
    fits = (part == "") | (part == "town") & word.isin(TOWNS)
    fits |= (part == "village") & (word == "village")
    told = part.map({"": "", "town": "township_seat", "village": "village"})
    data = gpd.GeoDataFrame(
        {
            "demand_id": pd.Series([f"{d.zone_id}/{d.part or 'zone'}" for d in empty], dtype="str"),
            "population": [d.persons for d in empty],
            "settlement": word.where(fits, told).astype("str"),
            "class_from": by.where(fits, "totals").astype("str"),
            "area_m2": 0.0,
            "spread_m": farthest_m(shapes.to_numpy(), places.to_numpy()),
        },
        geometry=places.to_numpy(),
        crs=zones.crs,
    )
    return data.assign(source="zone_point") if sources else data


def _weights(spots: gpd.GeoDataFrame, by: str, layer: str) -> npt.NDArray[Any]:
    if by == "equal":
        return np.ones(len(spots), dtype=np.int64)
    column = {"area": "area_m2", "weight": "weight"}[by]
    if column not in spots:
        raise DataError(
            Problem(layer, f"the carriers have no column {column}", "Map it, or spread equally.")
        )
    weights: npt.NDArray[Any] = spots[column].to_numpy(dtype=np.float64).copy()
    return weights


def _totals(totals: pd.DataFrame, zones: gpd.GeoDataFrame, layer: str) -> dict[str, int]:
    """Return people by zone, every zone having a total and every total a zone."""
    known = [str(z) for z in zones["zone_id"]]
    given = [str(z) for z in totals["zone_id"]]
    problems = []
    if len(set(known)) != len(known):
        problems.append(
            Problem(layer, "people can be spread by one zoning only", "Give one zoning.")
        )
    for rows, what, mend in (
        (
            sorted(set(given) - set(known)),
            "totals are for zones that are not there",
            "Correct their zone_id, or add the zones.",
        ),
        (
            sorted(set(known) - set(given)),
            "zones have no total",
            "Add their totals; write 0 where nobody lives.",
        ),
        (
            [z for z, n in zip(given, totals["population"], strict=True) if pd.isna(n)],
            "zones have no population",
            "Fill the column; write 0 where nobody lives.",
        ),
    ):
        if rows:
            shown = tuple(label(r) for r in rows)
            problems.append(Problem(layer, f"{len(rows)} {what}", mend, shown))
    if problems:
        raise DataError(problems)
    return {z: int(n) for z, n in zip(given, totals["population"], strict=True)}
