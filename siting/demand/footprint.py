"""How far people may live from the point that stands for them."""

from __future__ import annotations

import numpy as np
import pandas as pd


def spread_mm(demand: pd.DataFrame, *, within_m: float = 0.0) -> pd.Series[int]:
    """Return how far from their point people may live, by demand id, in whole millimetres.

    Where ``spread_m`` says it, nobody lives farther: what was drawn (a cell of residential land, a
    building, a piece of a raster cell) knows its farthest corner. Where the area alone is known the
    land is taken for a square around its point: √(area / 2), half its diagonal.

    Parameters
    ----------
    demand
        ``demand_id``, ``area_m2`` (0 where no land is known), ``spread_m`` (optional; missing
        where the area alone is known, or nothing).
    within_m
        The same for points of which neither is known, as far as anybody knows: a village, a
        hexagon.

    Examples
    --------
    >>> spots = pd.DataFrame({"demand_id": ["cell", "village", "piece"],
    ...                       "area_m2": [10_000.0, 0.0, 10_000.0],
    ...                       "spread_m": [None, None, 100.0]})
    >>> spread_mm(spots, within_m=300).tolist()
    [70711, 300000, 100000]
    """
    area = demand["area_m2"].to_numpy(dtype=np.float64)
    metres = np.where(area > 0, np.sqrt(area / 2), within_m)
    if "spread_m" in demand:
        known = demand["spread_m"].to_numpy(dtype=np.float64)
        metres = np.where(np.isnan(known), metres, known)
    return pd.Series(
        np.rint(metres * 1_000).astype(np.int64),
        index=pd.Index(demand["demand_id"], name="demand_id"),
        name="spread_mm",
    )
