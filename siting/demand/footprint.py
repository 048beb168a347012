"""How far people may live from the point that stands for them."""

from __future__ import annotations

import numpy as np
import pandas as pd


def spread_mm(demand: pd.DataFrame, *, within_m: float = 0.0) -> pd.Series[int]:
    """Return how far from their point people may live, by demand id, in whole millimetres.

    A point that stands for land (a cell of residential land, a building) stands in the middle of
    it: people live at most half the diagonal of a square of that area away, √(area / 2). That is
    exact for a square cell and a square house; in a strip some live farther, and a cell size
    (``people.cell_m``) that fits the land keeps strips short.

    Parameters
    ----------
    demand
        ``demand_id``, ``area_m2`` (0 where no land is known).
    within_m
        The same for points without land, as far as anybody knows: a village, a hexagon.

    Examples
    --------
    >>> spread_mm(pd.DataFrame({"demand_id": ["cell", "village"], "area_m2": [10_000.0, 0.0]}),
    ...           within_m=300).tolist()
    [70711, 300000]
    """
    area = demand["area_m2"].to_numpy(dtype=np.float64)
    metres = np.where(area > 0, np.sqrt(area / 2), within_m)
    return pd.Series(
        np.rint(metres * 1_000).astype(np.int64),
        index=pd.Index(demand["demand_id"], name="demand_id"),
        name="spread_mm",
    )
