"""Control totals spread over what carries them, every total kept to the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting import tables
from siting.demand.divide import largest_remainder
from siting.demand.people import Demand
from siting.demand.settlement import Otherwise, classes, finished
from siting.demand.zoning import zone_of_points
from siting.errors import DataError, Problem
from siting.tables import label


def spread(
    totals: int | pd.DataFrame,
    carriers: gpd.GeoDataFrame,
    *,
    zones: gpd.GeoDataFrame | None = None,
    by: Literal["area", "equal", "weight"] = "area",
    land_use: Sequence[gpd.GeoDataFrame] = (),
    settlement: Otherwise = None,
    fallback: Literal["error", "zone_point"] = "error",
    layer: str = "people",
) -> Demand:
    """Spread control totals over carriers, keeping every total to the person.

    Parameters
    ----------
    totals
        People of the whole region, or a table of ``zone_id`` and ``population``.
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

    Raises
    ------
    DataError
        Zones without carriers, totals for unknown zones, zones without a total, no weights.

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
    persons = np.zeros(len(spots), dtype=np.int64)
    drops: list[tuple[str, str, str, str]] = []
    zone = zone_of_points(spots.geometry, zones) if zones is not None else None
    if zone is not None:
        lost = np.flatnonzero(zone.to_numpy() == "")
        drops += [
            (layer, label(spots["carrier_id"].iat[i]), "in no zone: carries nobody", "no people")
            for i in lost
        ]
        weight[lost] = 0
    points: list[tuple[str, int, Any]] = []
    ids = spots["carrier_id"].tolist()
    if isinstance(totals, pd.DataFrame):
        if zone is None or zones is None:
            raise DataError(Problem(layer, "totals by zone need the zones", "Give the zoning."))
        asked = _totals(totals, zones, layer)
        empty = []
        for zone_id, total in sorted(asked.items()):
            inside = np.flatnonzero(zone.to_numpy() == zone_id)
            if total and weight[inside].sum() <= 0:
                empty.append(zone_id)
            elif total:
                persons[inside] = largest_remainder(
                    weight[inside], total, ids=[ids[i] for i in inside]
                )
        if empty and fallback == "error":
            raise DataError(
                Problem(
                    layer,
                    f"{len(empty)} of {len(asked)} zones have people but nothing that carries "
                    f"them ({by})",
                    'Add carriers there, or set no_carrier = "zone_point" to put their people '
                    "on one point in the zone.",
                    tuple(label(z) for z in empty),
                )
            )
        shapes = zones.set_index("zone_id").geometry
        for zone_id in empty:
            points.append((zone_id, asked[zone_id], shapely.point_on_surface(shapes[zone_id])))
            what = f"nothing carries its {asked[zone_id]} people: put on one point in the zone"
            drops.append((layer, label(zone_id), what, "added"))
    elif totals > 0 and weight.sum() <= 0:
        where = " inside the zones" if zone is not None else ""
        raise DataError(
            Problem(layer, f"{totals} people have nothing{where} that carries them", "Add land.")
        )
    else:
        persons = largest_remainder(weight, int(totals), ids=ids)
    added = gpd.GeoDataFrame(
        {
            "carrier_id": pd.Series([f"{z}/zone" for z, _, _ in points], dtype="str"),
            "settlement": pd.Series([""] * len(points), dtype="str"),
            "area_m2": [0.0] * len(points),
        },
        geometry=[p for _, _, p in points],
        crs=spots.crs,
    )
    if points:
        persons = np.concatenate([persons, np.array([n for _, n, _ in points], dtype=np.int64)])
        spots = pd.concat([spots, added], ignore_index=True)
    said = classes(spots["settlement"], spots.geometry, land_use=land_use, zones=zones)
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
    return Demand(finished(data, layer, settlement), tables.drops_table(drops))


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
