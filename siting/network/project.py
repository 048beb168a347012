"""Coordinates of a road source → the metric CRS of the study."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyproj

from siting.crs import from_lonlat, same, to_lonlat
from siting.errors import NetworkError

F64 = npt.NDArray[np.float64]


def projected(xy: F64, *, source: pyproj.CRS, target: pyproj.CRS, strict: bool = True) -> F64:
    """Return ``xy`` (n, 2; east, north or lon, lat) in ``target``.

    Unchanged to the bit where both are the same CRS, else rounded to a tenth of a millimetre, so
    that the last bits of a projection library do not decide which of two streets is nearer.

    Raises
    ------
    NetworkError
        A coordinate cannot be projected; where ``strict`` is off it is not finite instead.

    Examples
    --------
    >>> projected(np.array([[117.0, 0.0]]), source=pyproj.CRS(4490), target=pyproj.CRS(4547 + 1))
    array([[500000.,      0.]])
    """
    if same(source, target):
        return xy
    lon, lat = to_lonlat(source, xy[:, 0], xy[:, 1])
    x, y = from_lonlat(target, lon, lat)
    result: F64 = np.round(np.column_stack([x, y]), 4) + 0.0
    lost = int((~np.isfinite(result)).any(axis=1).sum())
    if lost and strict:
        raise NetworkError(
            f"roads: {lost} of {len(xy)} points cannot be projected from {source.name} to "
            f"{target.name}. Check that the roads lie in the study area."
        )
    return result
