"""Layers made small enough for one file: WGS 84, simplified, rounded, written compactly."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

ROAD_CLASSES = (
    ("motorway", "motorway_link"),
    ("trunk", "trunk_link"),
    ("primary", "primary_link"),
    ("secondary", "secondary_link"),
    ("tertiary", "tertiary_link"),
    ("unclassified",),
    ("residential", "living_street"),
)
"""Classes drawn on the base map, most important first; paths are never drawn."""

ROAD_BUDGET = 1_500_000
"""Bytes of a page that roads may take: what keeps a city's page under 5 MB."""

POLYGON = 3
"""Number of the type in GEOS."""

SCREEN = 3000
"""Pixels across which a region is drawn at most: detail finer than one of them is dropped."""


def pixel_m(frame: gpd.GeoDataFrame) -> float:
    """Return the size of one screen pixel over the whole layer, in the units of its CRS.

    Examples
    --------
    >>> square = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 30_000, 3_000)], crs="EPSG:32649")
    >>> pixel_m(square)
    10.0
    """
    if frame.empty:
        return 0.0
    west, south, east, north = frame.total_bounds
    return float(max(east - west, north - south) / SCREEN)


def lonlat(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the layer in WGS 84, geometry only in its own column, index kept."""
    return frame if frame.crs == "EPSG:4326" else frame.to_crs("EPSG:4326")


def polygons(frame: gpd.GeoDataFrame, *, shared_borders: bool = False) -> list[str]:
    """Return one encoded shape a row, simplified to a pixel, to 5 decimals (about a metre).

    Parameters
    ----------
    frame
        Polygons in a metric CRS.
    shared_borders
        Simplify borders that two polygons share once for both, so that no slivers open.

    Returns
    -------
    list
        Rings joined by spaces, polygons by line ends; blank where a row has no shape. A polygon
        smaller than a pixel keeps its shape.

    Examples
    --------
    >>> corner = shapely.Polygon([(0, 0), (0, 9), (9, 0)])
    >>> polygons(gpd.GeoDataFrame(geometry=[corner], crs="EPSG:4326"))
    ['???_y|u@_y|u@~x|u@~x|u@?']
    """
    if frame.empty:
        return []
    size = pixel_m(frame)
    shapes: npt.NDArray[np.object_] = np.asarray(frame.geometry.array, dtype=object)
    simple = (
        shapely.coverage_simplify(shapes, size)
        if shared_borders
        else shapely.simplify(shapes, size, preserve_topology=True)
    )
    lost = shapely.is_empty(simple) | shapely.is_missing(simple)
    return _written(np.where(lost, shapes, simple), frame.crs)


def _written(shapes: npt.NDArray[np.object_], crs: Any) -> list[str]:
    """Return shapes, polygons of which are encoded: rings by spaces, polygons by line ends."""
    parts, row = shapely.get_parts(shapes, return_index=True)
    areal = shapely.get_type_id(parts) == POLYGON
    parts, row = parts[areal & ~shapely.is_empty(parts)], row[areal & ~shapely.is_empty(parts)]
    if not len(parts):
        return [""] * len(shapes)
    rings, part = shapely.get_rings(parts, return_index=True)
    told = [[] for _ in shapes]  # type: list[list[str]]
    lines = np.split(np.array(_encoded_each(rings, crs), dtype=object), _starts(part, len(parts)))
    for place, of_part in zip(row.tolist(), lines, strict=True):
        told[place].append(" ".join(of_part))
    return ["\n".join(polygon) for polygon in told]


def encode(lonlats: npt.NDArray[np.float64]) -> str:
    """Return points as one ASCII string: differences in 1e-5 degrees, base 64 with continuation.

    This is Google's polyline algorithm, longitude first; ``pages/siting.js`` reads it back.
    All its characters are safe inside a JSON string in a script but for the backslash, which JSON
    doubles.

    Examples
    --------
    >>> encode(np.array([[113.1, 29.2], [113.1, 29.2001]]))
    '_zhqT_cfqD?S'
    """
    return encode_each(lonlats, np.zeros(len(lonlats), dtype=np.int64), 1)[0]


def encode_each(
    lonlats: npt.NDArray[np.float64], line: npt.NDArray[np.int64], lines: int
) -> list[str]:
    """Return many lines encoded, each as :func:`encode` does.

    Parameters
    ----------
    lonlats
        Points of all lines, one line after the other.
    line
        To which line a point belongs, from 0, ascending.
    lines
        How many there are; one without points is blank.

    Examples
    --------
    >>> encode_each(np.array([[113.1, 29.2], [113.1, 29.2001], [0, 0.0]]), np.array([0, 0, 2]), 3)
    ['_zhqT_cfqD?S', '', '??']
    """
    ticks = np.rint(np.asarray(lonlats, dtype=float).reshape(-1, 2) * 1e5).astype(np.int64)
    steps = np.diff(ticks, axis=0, prepend=0)
    starts = _starts(line, lines)
    first = np.r_[0, starts]
    first = first[first < len(ticks)]
    steps[first] = ticks[first]
    numbers = np.where(steps < 0, ~(steps << 1), steps << 1).ravel()
    fives = numbers[:, None] >> (5 * np.arange(8))  # 40 bits hold any degree
    used = fives > 0
    used[:, 0] = True
    signs = (fives & 0x1F) + 63 + 0x20 * np.c_[used[:, 1:], np.zeros(len(used), dtype=bool)]
    written = signs[used].astype(np.uint8).tobytes().decode("ascii")
    ends = np.r_[0, np.cumsum(used.sum(axis=1))][::2]  # after each point, both its numbers
    cuts = [0, *ends[starts].tolist(), len(written)]
    return [written[a:b] for a, b in itertools.pairwise(cuts)]


def _starts(group: npt.NDArray[np.int64], groups: int) -> npt.NDArray[np.int64]:
    """Return where each group but the first begins in an ascending list of groups."""
    found: npt.NDArray[np.int64] = np.searchsorted(group, np.arange(1, groups))
    return found


def encode_lines(shapes: Iterable[Any], crs: Any, size: float) -> str:
    """Return lines, merged and simplified to ``size``, as encoded strings joined by spaces."""
    return _encoded(_thinned(shapes, size), crs)


def _thinned(shapes: Iterable[Any], size: float) -> npt.NDArray[np.object_]:
    """Return lines merged and simplified, each for itself: none need keep clear of another."""
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(_parts(shapes))))
    parts: npt.NDArray[np.object_] = shapely.simplify(merged, size)
    return parts[shapely.length(parts) >= size]


def _encoded(lines: npt.NDArray[np.object_], crs: Any) -> str:
    return " ".join(line for line in _encoded_each(lines, crs) if line)


def _encoded_each(lines: npt.NDArray[np.object_], crs: Any) -> list[str]:
    """Return lines or rings encoded."""
    there = lonlat(gpd.GeoDataFrame(geometry=lines, crs=crs)).geometry.to_numpy()
    xy, line = shapely.get_coordinates(there, return_index=True)
    return encode_each(xy, line, len(there))


def encode_areas(shape: Any, crs: Any, size: float) -> str:
    """Return an area drawn no larger than it is, encoded: rings by spaces, polygons by lines.

    It is drawn in by a pixel and then simplified to a pixel, so that nothing is shown as reached
    that is not; what is narrower than two pixels is not drawn.

    Parameters
    ----------
    shape
        Polygons in a metric CRS.
    crs
        Their CRS.
    size
        Metres a pixel.

    Returns
    -------
    str
        Blank where nothing is wide enough.

    Examples
    --------
    >>> encode_areas(shapely.box(500_000, 0, 501_000, 900), "EPSG:4547", 10.0).count(" ")
    0
    """
    # a metre more for the rounding of coordinates
    inner = shapely.simplify(shapely.buffer(shape, -(size + 1.0), quad_segs=2), size)
    parts = shapely.get_parts(inner)
    return _written(
        np.array([shapely.multipolygons(parts[shapely.area(parts) >= (2 * size) ** 2])]), crs
    )[0]


def _parts(shapes: Iterable[Any]) -> npt.NDArray[np.object_]:
    parts: npt.NDArray[np.object_] = shapely.get_parts(np.asarray(list(shapes), dtype=object))
    lines: npt.NDArray[np.object_] = parts[shapely.get_type_id(parts) == 1]
    return lines


def roads(frame: gpd.GeoDataFrame, *, budget: int) -> tuple[list[str], int]:
    """Return the roads of the base map by class and how many classes fit.

    Parameters
    ----------
    frame
        Table ``roads`` (``highway``, line geometry) in a metric CRS.
    budget
        Bytes the encoded roads may take; a class that does not fit is left out with all below it.

    Returns
    -------
    tuple
        One encoded string for each class of :data:`ROAD_CLASSES` drawn, and the number of classes
        that hold roads but were left out.

    Examples
    --------
    >>> line = shapely.LineString([(113, 29), (113.1, 29)])
    >>> roads(gpd.GeoDataFrame({"highway": ["trunk"]}, geometry=[line], crs=4326), budget=99)
    (['', '_iupT_a_pD_pR?'], 0)
    """
    size = pixel_m(frame)
    kinds = frame["highway"].astype(str).to_numpy() if len(frame) else np.array([], dtype=str)
    shapes: npt.NDArray[np.object_] = np.asarray(frame.geometry.array, dtype=object)
    drawn: list[str] = []
    spent = 0
    for position, names in enumerate(ROAD_CLASSES):
        chosen = shapes[np.isin(kinds, names)]
        thin = _thinned(chosen, size) if len(chosen) else chosen
        # a point takes two bytes at least: what cannot fit is not written down to see
        fits = spent + 2 * int(shapely.get_num_coordinates(thin).sum()) <= budget
        line = _encoded(thin, frame.crs) if fits and len(thin) else ""
        if not fits or spent + len(line) > budget:
            left = [np.isin(kinds, later).any() for later in ROAD_CLASSES[position:]]
            return drawn, int(sum(left))
        drawn.append(line)
        spent += len(line)
    while drawn and not drawn[-1]:
        drawn.pop()
    return drawn, 0


def spots(frame: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Return longitude and latitude of each row: the point, or a point inside the polygon.

    Examples
    --------
    >>> spots(gpd.GeoDataFrame(geometry=[shapely.Point(113.5, 29)], crs="EPSG:4326")).tolist()
    [[113.5, 29.0]]
    """
    inside = gpd.GeoDataFrame(geometry=frame.geometry.representative_point(), crs=frame.crs)
    return shapely.get_coordinates(lonlat(inside).geometry.to_numpy())


def places(frame: gpd.GeoDataFrame) -> list[list[float]]:
    """Return ``[lat, lon]`` to 5 decimals (about a metre) for each row, as :func:`spots` finds it.

    Examples
    --------
    >>> places(gpd.GeoDataFrame(geometry=[shapely.Point(113.12345678, 29)], crs="EPSG:4326"))
    [[29.0, 113.12346]]
    """
    return [[round(lat, 5), round(lon, 5)] for lon, lat in spots(frame).tolist()]


def squares(frame: gpd.GeoDataFrame, states: Sequence[pd.Series[Any]]) -> tuple[str, list[str]]:
    """Return cells as encoded points in an order that packs well, and their states in that order.

    Parameters
    ----------
    frame
        Cells (points or polygons) in a metric CRS.
    states
        One-digit states aligned with ``frame``, one series an indicator.

    Examples
    --------
    >>> cells = gpd.GeoDataFrame(geometry=[shapely.Point(113, 29)], crs="EPSG:4326")
    >>> squares(cells, [pd.Series([2])])
    ('_iupT_a_pD', ['2'])
    """
    if frame.empty:
        return "", ["" for _ in states]
    centres = frame.geometry.representative_point()
    order = np.lexsort((centres.x.to_numpy(), np.round(centres.y.to_numpy(), -2)))
    there = lonlat(gpd.GeoDataFrame(geometry=centres.iloc[order], crs=frame.crs))
    packed = ["".join(str(int(v)) for v in state.to_numpy()[order]) for state in states]
    return encode(shapely.get_coordinates(there.geometry.to_numpy())), packed
