"""Where people stand once streets have changed: on their street, as long as it is there."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.errors import NetworkError
from siting.network.attach import attach
from siting.network.edits import Revised


def reattached(
    after: Revised,
    at: pd.DataFrame,
    points: gpd.GeoSeries,
    *,
    max_access_m: float,
    min_component_km: float,
    barriers: gpd.GeoSeries | None = None,
) -> pd.DataFrame:
    """Return attachments to the network before as attachments to the edited one.

    Who stands on a street that is still there stays at that place, even where the part of the
    network it lies on has become small, and does not move to a new street: so a street added makes
    nobody's way longer, but by what its junctions take. Who stood on none, or on one that is
    closed, attaches anew.

    Parameters
    ----------
    after
        From :func:`revised`.
    at
        Attachments to the network before.
    points
        The points that were attached, in the same order.
    max_access_m, min_component_km, barriers
        As of :func:`siting.network.attach`.

    Returns
    -------
    DataFrame
        As of :func:`siting.network.attach`, in the same order.

    Examples
    --------
    >>> from shapely import LineString, Point
    >>> from siting.network import Add, from_lines, revised
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (900, 0)])], crs=4547
    ... )
    >>> today = from_lines(roads, mode="walk")
    >>> homes = gpd.GeoSeries([Point(700, 30)], index=["D1"], crs=4547)
    >>> limits = {"max_access_m": 100, "min_component_km": 0}
    >>> at = attach(today, homes, **limits)
    >>> after = revised(today, [Add(((600, 0), (600, 20), (800, 20)), "residential")])
    >>> row = reattached(after, at, homes, **limits)
    >>> row[["edge_id", "offset_mm", "access_mm"]].iloc[0].tolist()
    [1, 100000, 30000]
    """
    if len(at) != len(points):
        raise NetworkError(
            f"attach: {len(points)} points do not fit {len(at)} attachments. Give the points that "
            "were attached, in their order."
        )
    new = after.network
    order = np.lexsort((after.start_mm, after.origin))
    keys = after.origin[order]
    edge = at["edge_id"].to_numpy(dtype=np.int64)
    offset = at["offset_mm"].to_numpy(dtype=np.int64)
    first = np.searchsorted(keys, edge, side="left")
    there = np.searchsorted(keys, edge, side="right")
    moved = np.full(len(at), -1, dtype=np.int64)
    for i in np.flatnonzero((edge >= 0) & (there > first)).tolist():
        pieces = order[first[i] : there[i]]
        # the last piece that begins before the place
        k = int(np.searchsorted(after.start_mm[pieces], offset[i], side="right")) - 1
        moved[i] = pieces[max(k, 0)]
    kept = moved >= 0
    result = at.reset_index(drop=True).copy()
    place = np.maximum(moved, 0)
    result["edge_id"] = np.where(kept, moved, -1)
    result["offset_mm"] = np.where(kept, offset - after.start_mm[place], -1)
    result["component"] = np.where(kept, new.component[new.tail[place]], -1)
    result = result.astype({name: at[name].dtype for name in at.columns})
    if not kept.all():
        again = attach(
            new, points[~kept], max_access_m=max_access_m, min_component_km=min_component_km,
            barriers=barriers,
        )  # fmt: skip
        rows = np.flatnonzero(~kept)
        for name in again.columns:
            column = result[name].to_numpy(copy=True)
            column[rows] = again[name].to_numpy()
            result[name] = pd.Series(column).astype(at[name].dtype)
    return result
