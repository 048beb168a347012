"""People of raster cells made whole: as they are, or as what control totals are spread by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import tables
from siting.demand.divide import largest_remainder
from siting.demand.people import Demand
from siting.demand.settlement import Otherwise, classes, finished


def from_raster(
    pieces: gpd.GeoDataFrame,
    *,
    declared: str | None = None,
    zones: gpd.GeoDataFrame | None = None,
    land_use: Sequence[gpd.GeoDataFrame] = (),
    settlement: Otherwise = None,
    layer: str = "people.raster",
) -> Demand:
    """Return the people of a raster as demand, in whole persons.

    The region's persons are the sum of all pieces, rounded half up; they are divided over the
    zones that the pieces are cut by, and each zone's over its pieces, by largest remainder: a
    zone is off its exact sum by less than one person and a half. Pieces that are left without a
    person are no places of demand; how many is listed.

    Parameters
    ----------
    pieces
        From :func:`siting.load.population`.
    declared
        Class of every piece of this source.
    zones
        One zoning whose ``settlement`` a piece takes where land use says none.
    land_use
        Polygons that say the class, see :func:`siting.demand.settlement.classes`.
    settlement
        Class of every piece that nothing says it for, or the density that decides it there.

    Raises
    ------
    DataError
        A piece has no settlement class from anywhere.

    Examples
    --------
    >>> import shapely
    >>> cells = gpd.GeoDataFrame(
    ...     {"piece_id": ["0/0", "0/1"], "zone_id": "a", "persons": [1.75, 2.5],
    ...      "area_m2": 81.0, "spread_m": 6.37},
    ...     geometry=[shapely.Point(0, 0), shapely.Point(9, 0)],
    ...     crs=4547,
    ... )
    >>> from_raster(cells, settlement="urban").table["population"].tolist()
    [2, 2]
    """
    tables.check("raster_people", pieces, layer=layer)
    spots = pieces.sort_values("piece_id", kind="stable").reset_index(drop=True)
    weight = spots["persons"].to_numpy(dtype=np.float64)
    groups = {str(k): np.sort(i) for k, i in spots.groupby("zone_id", sort=True).indices.items()}
    sums = [math.fsum(weight[i]) for i in groups.values()]  # exact, so that order never matters
    total = math.floor(math.fsum(weight) + 0.5)
    persons = np.zeros(len(spots), dtype=np.int64)
    ids = spots["piece_id"].tolist()
    parts = largest_remainder(sums, total, ids=list(groups)) if total else [0] * len(groups)
    for rows, part in zip(groups.values(), parts, strict=True):
        if part:
            persons[rows] = largest_remainder(weight[rows], int(part), ids=[ids[i] for i in rows])
    drops = []
    if (bare := int((persons == 0).sum())) or (weight != persons).any():
        what = (
            f"{math.fsum(weight):.1f} people are taken as {total} whole ones; {bare} pieces of "
            "cells are left with none"
        )
        drops.append((layer, f"{len(spots)} pieces of cells", what, "rounded"))
    kept = spots[persons > 0].reset_index(drop=True)
    blank = pd.Series([""] * len(kept), dtype="str")
    said = classes(blank, kept.geometry, declared=declared, land_use=land_use, zones=zones)
    data = gpd.GeoDataFrame(
        {
            "demand_id": kept["piece_id"],
            "population": persons[persons > 0],
            "settlement": said["settlement"],
            "class_from": said["class_from"],
            "area_m2": kept["area_m2"],
            "spread_m": kept["spread_m"],
        },
        geometry=kept.geometry.to_numpy(),
        crs=kept.crs,
    )
    return Demand(finished(data, layer, settlement), tables.drops_table(drops))


def carriers_from_raster(pieces: gpd.GeoDataFrame, *, layer: str = "people.raster") -> Demand:
    """Return pieces of cells as carriers, their people as weight; those in no zone are listed.

    Examples
    --------
    >>> import shapely
    >>> cells = gpd.GeoDataFrame(
    ...     {"piece_id": ["0/0/", "0/0/a"], "zone_id": ["", "a"], "persons": [1.75, 2.5],
    ...      "area_m2": [40.0, 41.0], "spread_m": 6.37},
    ...     geometry=[shapely.Point(0, 0), shapely.Point(9, 0)],
    ...     crs=4547,
    ... )
    >>> carriers_from_raster(cells).table[["carrier_id", "weight"]].values.tolist()
    [['0/0/a', 2.5]]
    """
    tables.check("raster_people", pieces, layer=layer)
    cut = (pieces["zone_id"] != "").any()
    inside = pieces[(pieces["zone_id"] != "") | ~cut]
    drops = []
    if len(inside) < len(pieces):
        gone = math.fsum(pieces.loc[pieces["zone_id"] == "", "persons"])
        drops = [
            (layer, f"{len(pieces) - len(inside)} pieces of cells",
             f"{gone:.1f} people in no zone: carry nobody", "left out")
        ]  # fmt: skip
    table = gpd.GeoDataFrame(
        {
            "carrier_id": inside["piece_id"],
            "weight": inside["persons"],
            "settlement": pd.Series([""] * len(inside), dtype="str", index=inside.index),
            "area_m2": inside["area_m2"],
            "spread_m": inside["spread_m"],
        },
        geometry=inside.geometry.to_numpy(),
        crs=pieces.crs,
    )
    checked = tables.check("carriers", table.reset_index(drop=True), layer=layer)
    return Demand(checked, tables.drops_table(drops))
