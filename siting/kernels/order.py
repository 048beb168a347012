"""Nodes in the order of a curve that fills the plane, so that neighbours lie close in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from siting.kernels.compile import I64, compiled

LEVELS = 20
"""The plane is cut into 2^20 × 2^20 cells: on a city of 100 km, 10 cm."""


@compiled
def _hilbert(x: I64, y: I64) -> Any:
    """Return the place of each cell along the Hilbert curve.

    From the largest squares to the smallest: which quarter, in the order of the curve, and the
    cell as seen from a quarter that is turned. (J. Skilling, 2004, AIP Conf. Proc. 707, 381-387,
    in two dimensions.)
    """
    place = np.empty(x.size, dtype=np.int64)
    for i in range(x.size):
        a, b = x[i], y[i]
        total = np.int64(0)
        for level in range(LEVELS - 1, -1, -1):
            right, upper = (a >> level) & 1, (b >> level) & 1
            total += ((3 * right) ^ upper) << (2 * level)
            rest = (np.int64(1) << level) - 1
            a &= rest
            b &= rest
            if upper == 0:
                if right == 1:
                    a, b = rest - a, rest - b
                a, b = b, a
        place[i] = total
    return place


def order_along_curve(xy: npt.NDArray[np.float64]) -> I64:
    """Return the rows of ``xy`` in the order of a Hilbert curve through them.

    Rows in one cell, and all where coordinates are not finite, keep their order.

    Examples
    --------
    >>> order_along_curve(np.array([[0.0, 0], [9, 9], [0, 9], [9, 0]])).tolist()
    [0, 2, 1, 3]
    """
    if not xy.size or not np.isfinite(xy).all():
        return np.arange(xy.shape[0], dtype=np.int64)
    low = xy.min(axis=0)
    extent = max(float((xy.max(axis=0) - low).max()), 1e-9)
    cell = ((xy - low) * ((2**LEVELS - 1) / extent)).astype(np.int64)
    place = _hilbert(np.ascontiguousarray(cell[:, 0]), np.ascontiguousarray(cell[:, 1]))
    result: I64 = np.argsort(place, kind="stable")
    return result
