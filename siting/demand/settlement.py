"""Urban, township seat or village: by a column, land use, zones, or how densely people live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from siting import tables
from siting.demand.zoning import zone_of_points
from siting.errors import DataError, Problem
from siting.tables import label

CELL_M: Final = 1000.0  # the Degree of Urbanisation is defined on cells of 1 km²


@dataclass(frozen=True)
class Density:
    """Thresholds by which people are classed where nothing says their class.

    Attributes
    ----------
    dense_per_km2, dense_persons
        Cells of at least so many people, joined by their sides, that hold at least so many people
        together are urban.
    moderate_per_km2, moderate_persons
        Cells joined by sides or corners, likewise, are township seats where they are not urban.
    """

    dense_per_km2: float
    dense_persons: float
    moderate_per_km2: float
    moderate_persons: float


Otherwise: TypeAlias = str | Density | None


def classes(
    own: pd.Series[Any],
    points: gpd.GeoSeries,
    *,
    declared: str | None = None,
    land_use: Sequence[gpd.GeoDataFrame] = (),
    zones: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """Return the class of places and what says it: the first that does.

    Parameters
    ----------
    own
        The class that a place's own row says, blank where it says none.
    points
        The places.
    declared
        The class that the study declares for this source of people: that of the places whose own
        row says none, before land use and zones.
    land_use
        Layers of polygons from :func:`siting.load.residential`; the first whose polygon holds the
        place and says a class.
    zones
        One zoning with ``settlement``.

    Returns
    -------
    pandas.DataFrame
        ``settlement`` and ``class_from`` (``own``, ``study``, ``land_use``, ``zones``), blank
        where nothing says it; in the order of the places.

    Examples
    --------
    >>> town = gpd.GeoDataFrame(
    ...     {"residential_id": ["t"], "settlement": ["urban"]}, geometry=[shapely.box(0, 0, 2, 2)]
    ... )
    >>> spots = gpd.GeoSeries([shapely.Point(1, 1), shapely.Point(1, 1), shapely.Point(5, 5)])
    >>> classes(pd.Series(["village", "", ""]), spots, land_use=[town]).values.tolist()
    [['village', 'own'], ['urban', 'land_use'], ['', '']]
    """
    found = own.astype(object).reset_index(drop=True)
    by = pd.Series("", index=found.index, dtype=object).where(found == "", "own")

    def fill(said: pd.Series[Any], name: str) -> None:
        nonlocal found, by
        new = (found == "") & (said != "")
        found, by = found.where(~new, said), by.where(~new, name)

    fill(pd.Series(declared or "", index=found.index, dtype=object), "study")
    for layer in land_use:
        polygons = layer.rename(columns={"residential_id": "zone_id"})
        fill(_said(points, polygons), "land_use")
    if zones is not None and "settlement" in zones:
        fill(_said(points, zones), "zones")
    return pd.DataFrame({"settlement": found.astype("str"), "class_from": by.astype("str")})


def _said(points: gpd.GeoSeries, zones: gpd.GeoDataFrame) -> pd.Series[Any]:
    words = zones.set_index("zone_id")["settlement"]
    return zone_of_points(points, zones).map(words).fillna("").astype(object)


def by_density(demand: gpd.GeoDataFrame, thresholds: Density) -> pd.Series[Any]:
    """Return the class of every place by how densely people live around it.

    The level-1 classes of the Degree of Urbanisation on squares of 1 km that hang on the origin of
    the working CRS. Squares are taken whole, water included; gaps are not filled and edges not
    smoothed, so that a square speaks for itself.

    Parameters
    ----------
    demand
        ``population`` and points, in metres.

    Returns
    -------
    pandas.Series
        ``urban``, ``township_seat`` or ``village``, in the order of ``demand``.

    Examples
    --------
    >>> spots = gpd.GeoDataFrame(
    ...     {"population": [900, 700, 40]}, geometry=shapely.points([(5, 5), (1500, 5), (9000, 5)])
    ... )
    >>> by_density(spots, Density(500, 1600, 300, 500)).tolist()
    ['urban', 'urban', 'village']
    """
    xy = shapely.get_coordinates(demand.geometry.to_numpy())
    square, cell = np.unique(np.floor(xy / CELL_M).astype(np.int64), axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    persons = np.zeros(len(square), dtype=np.int64)
    np.add.at(persons, cell, demand["population"].to_numpy(dtype=np.int64))
    dense = _clusters(
        square, persons, thresholds.dense_per_km2, thresholds.dense_persons, corners=False
    )
    moderate = _clusters(
        square, persons, thresholds.moderate_per_km2, thresholds.moderate_persons, corners=True
    )
    words = np.where(dense, "urban", np.where(moderate, "township_seat", "village"))
    return pd.Series(words[cell], dtype="str")


def _clusters(
    square: npt.NDArray[np.int64],
    persons: npt.NDArray[np.int64],
    per_km2: float,
    least: float,
    *,
    corners: bool,
) -> npt.NDArray[np.bool_]:
    """Tell which squares lie in a cluster of squares that are dense enough and hold enough."""
    inside = np.flatnonzero(persons >= per_km2 * (CELL_M / 1000.0) ** 2)
    place = {(int(x), int(y)): k for k, (x, y) in enumerate(square[inside].tolist())}
    steps = [(1, 0), (0, 1), *([(1, 1), (1, -1)] if corners else [])]
    pairs = [
        (k, place[(x + i, y + j)])
        for (x, y), k in place.items()
        for i, j in steps
        if (x + i, y + j) in place
    ]
    tail, head = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    ones = np.ones(len(tail), dtype=np.int8)
    graph = coo_array((ones, (tail, head)), shape=(len(inside), len(inside)))
    _, cluster = connected_components(graph, directed=False)
    sizes = np.zeros(len(inside) + 1, dtype=np.int64)
    np.add.at(sizes, cluster, persons[inside])
    result = np.zeros(len(square), dtype=bool)
    result[inside] = sizes[cluster] >= least
    return result


def finished(data: gpd.GeoDataFrame, layer: str, otherwise: Otherwise) -> gpd.GeoDataFrame:
    """Return demand sorted and checked, every place having a settlement class.

    ``otherwise`` is the class where nothing says it, or the density that decides it there.
    """
    data = data.sort_values("demand_id", kind="stable").reset_index(drop=True)
    blank = data["settlement"] == ""
    if blank.any() and otherwise is not None:
        dense = isinstance(otherwise, Density)
        said = by_density(data, otherwise) if isinstance(otherwise, Density) else otherwise
        data["settlement"] = data["settlement"].where(~blank, said).astype("str")
        data["class_from"] = (
            data["class_from"].where(~blank, "density" if dense else "study").astype("str")
        )
        blank &= data["settlement"] == ""
    if blank.any():
        rows = tuple(label(i) for i in data.loc[blank, "demand_id"])
        raise DataError(
            Problem(
                layer,
                f"{len(rows)} of {len(data)} points have no settlement class",
                "Map a settlement column of the layer or the zones, give [people.land_use], or "
                'declare one for all: settlement = "urban", "township_seat", "village", or '
                '"density".',
                rows,
            )
        )
    return tables.check("demand", data, layer=layer)
