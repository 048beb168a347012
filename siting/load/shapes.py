"""Shapes in the working CRS: areas that add up exactly, and polygons made valid."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

# Areas are kept in whole 1024ths of a square metre: such floats add up exactly, in any order.
_AREA_STEP: Final = 1024.0


def area_m2(shapes: Any) -> npt.NDArray[np.float64]:
    """Return areas in m², rounded to 1/1024 m² so that any sum of them is exact.

    Examples
    --------
    >>> area_m2([shapely.box(0, 0, 10, 10.00001)]).tolist()
    [100.0]
    """
    areas = shapely.area(np.asarray(shapes, dtype=object))
    return np.asarray(np.round(areas * _AREA_STEP) / _AREA_STEP, dtype=np.float64)


def farthest_m(shapes: Any, points: Any) -> npt.NDArray[np.float64]:
    """Return how far the farthest corner of each shape is from its point: none of it is farther.

    Shapes without a corner, and those without a point, are 0: whoever reads them says so.

    Examples
    --------
    >>> farthest_m([shapely.box(0, 0, 8, 6)], [shapely.Point(4, 3)]).tolist()
    [5.0]
    """
    corners, at = shapely.get_coordinates(np.asarray(shapes, dtype=object), return_index=True)
    middle, of = shapely.get_coordinates(np.asarray(points, dtype=object), return_index=True)
    centre = np.full((len(points), 2), np.nan)
    centre[of] = middle
    farthest = np.zeros(len(points))
    np.fmax.at(farthest, at, np.hypot(*(corners - centre[at]).T))
    return farthest


def polygons_of(shape: Any) -> Any:
    """Return the polygons of any geometry as one polygon or multipolygon (empty if none).

    Examples
    --------
    >>> bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    >>> polygons_of(shapely.make_valid(bow)).geom_type
    'MultiPolygon'
    """
    parts = [
        p
        for p in shapely.get_parts(shapely.get_parts(shape)).tolist()
        if p.geom_type == "Polygon" and p.area > 0
    ]
    if not parts:
        return shapely.Polygon()
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def made_valid(
    shapes: npt.NDArray[np.object_], skip: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.object_], list[tuple[int, str]]]:
    """Return shapes with invalid polygons made valid, and what was done to which.

    Examples
    --------
    >>> bow = np.array([shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])], dtype=object)
    >>> made_valid(bow, np.array([False]))[1]
    [(0, 'Self-intersection: made valid, area 0.0 → 2.0 m²')]
    """
    shapes = shapes.copy()
    mends = []
    flat = shapely.get_dimensions(shapes) == 2
    for i in np.flatnonzero(flat & ~skip & ~shapely.is_valid(shapes)):
        row = int(i)
        before = float(shapely.area(shapes[row]))
        reason = str(shapely.is_valid_reason(shapes[row])).split("[")[0]
        whole = polygons_of(shapely.make_valid(shapes[row]))
        after = float(shapely.area(whole))
        shapes[row] = whole
        if after > 0:
            mends.append((row, f"{reason}: made valid, area {before:.1f} → {after:.1f} m²"))
    return shapes, mends


def digests(
    columns: Sequence[Sequence[str]], rows: int, *, shapes: npt.NDArray[np.object_] | None = None
) -> list[str]:
    """Return a short digest of each row's shape and text: the same wherever the row stands.

    Examples
    --------
    >>> once = shapely.box(0, 0, 1, 1)
    >>> digests([["a", "a"]], 2, shapes=np.array([once, shapely.reverse(once)]))
    ['c9e107d26c08', 'c9e107d26c08']
    """
    where = [""] * rows if shapes is None else shapely.to_wkb(shapely.normalize(shapes), hex=True)
    texts = ["\x1f".join([str(at), *row]) for at, *row in zip(where, *columns, strict=True)]
    return [hashlib.sha256(t.encode("utf-8", "replace")).hexdigest()[:12] for t in texts]
