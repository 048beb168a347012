"""Points → their place on the street: the nearest edge that will do, and the leg to it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.errors import NetworkError
from siting.network.given import POINTS, checked, checked_parts
from siting.network.graph import RoadNetwork

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

COLUMNS = ("point_id", "edge_id", "offset_mm", "access_mm", "component", "why")
BLOCK = 50_000
"""Points handled at a time, which bounds memory and changes nothing else."""


def attach(
    network: RoadNetwork,
    points: gpd.GeoSeries,
    *,
    max_access_m: float,
    min_component_km: float,
    barriers: gpd.GeoSeries | None = None,
) -> pd.DataFrame:
    """Attach points to their nearest edge that the mode may stop on.

    The edge must be stoppable, lie in a component of at least ``min_component_km``, and be reached
    by a straight leg that crosses no barrier. Distances are compared as whole millimetres; of
    equally near edges the first in the network's order is taken.

    Parameters
    ----------
    network
        Any mode.
    points
        Points in the CRS of the network, indexed by point id. An id may repeat: a site with
        several entrances.
    max_access_m
        Longest leg, m (inclusive).
    min_component_km
        Least length of a component, km.
    barriers
        Lines or areas that a leg may not cross, in the same CRS: water, railways, walls. A leg may
        end on one (a street along a bank); its last millimetre is not looked at.

    Returns
    -------
    DataFrame
        One row per point, in their order: ``point_id``, ``edge_id`` (position of the edge, −1
        where unattached), ``offset_mm`` (from the tail, on the edge's ``length_mm``; −1 where
        unattached), ``access_mm`` (length of the leg; where unattached, of the leg to the nearest
        edge that would do but for its distance or a barrier, −1 where there is none),
        ``component`` (−1 where unattached) and ``why``:

        - ``""``: on the nearest edge of all;
        - ``"second_choice"``: a nearer edge was passed over, for one of the reasons above;
        - ``"beyond_max_access"``, ``"behind_barrier"`` (all edges in reach are), ``"no_edge"``
          (the network has none that would do): unattached.

    Raises
    ------
    DataError
        The CRS differs, or geometries are missing, empty or not points; barriers are not as asked.
    NetworkError
        ``max_access_m`` or ``min_component_km`` is negative or not a number.

    Examples
    --------
    >>> from shapely import LineString, Point
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (1000, 0)])], crs=4547
    ... )
    >>> home = gpd.GeoSeries([Point(250, 30)], index=["D1"], crs=4547)
    >>> row = attach(from_lines(roads, mode="walk"), home, max_access_m=100, min_component_km=0.5)
    >>> row[["edge_id", "offset_mm", "access_mm"]].iloc[0].tolist()
    [0, 250000, 30000]
    """
    check_reach(max_access_m, min_component_km)
    geometry = checked(network.crs, points, "points", kinds=POINTS)
    parts = barrier_parts(network, barriers)
    walls = shapely.STRtree(parts) if len(parts) else None
    n = len(geometry)
    edge = np.full(n, -1, dtype=np.int64)
    access = np.full(n, -1, dtype=np.int64)
    why = np.full(n, "no_edge", dtype=object)
    usable = np.flatnonzero(usable_edges(network, min_component_km))
    if usable.size:
        others = np.delete(network.geometry, usable)
        passed = shapely.STRtree(others) if others.size else None
        tree = shapely.STRtree(network.geometry[usable])
        for start in range(0, n, BLOCK):
            part = slice(start, start + BLOCK)
            edge[part], access[part], why[part] = _attach_block(
                geometry[part], network.geometry, passed, tree, usable, max_access_m, walls
            )
    offset = np.full(n, -1, dtype=np.int64)
    component = np.full(n, -1, dtype=np.int32)
    on = edge >= 0
    offset[on] = offsets_mm(network, edge[on], geometry[on])
    component[on] = network.component[network.tail[edge[on]]]
    return pd.DataFrame(
        {
            "point_id": pd.Series(points.index.to_numpy()).astype("str"),
            "edge_id": edge,
            "offset_mm": offset,
            "access_mm": access,
            "component": component,
            "why": pd.Series(why, dtype="str"),
        },
        columns=list(COLUMNS),
    )


def check_reach(max_access_m: float, min_component_km: float) -> None:
    """Raise NetworkError where a limit of attachment is negative or no number."""
    for name, value in (("max_access_m", max_access_m), ("min_component_km", min_component_km)):
        if not (np.isfinite(value) and value >= 0):
            raise NetworkError(f"attach: {name} is {value}; give a number from 0 up.")


def usable_edges(network: RoadNetwork, min_component_km: float) -> Bool:
    """Return the edges a point may attach to: stoppable, of some length, in no small component."""
    result: Bool = (
        network.stoppable
        & (network.length_mm > 0)
        & (network.component_km[network.component[network.tail]] >= min_component_km)
    )
    return result


def offsets_mm(network: RoadNetwork, edge: I64, points: Objects) -> I64:
    """Return how far along their edges the points project, in mm of ``length_mm`` from the tail."""
    share = shapely.line_locate_point(network.geometry[edge], points, normalized=True)
    length = network.length_mm[edge]
    along = np.floor(share * length + 0.5).astype(np.int64)
    result: I64 = np.clip(along, 0, length)
    return result


def _attach_block(
    points: Objects,
    lines: Objects,
    passed: shapely.STRtree | None,
    tree: shapely.STRtree,
    usable: I64,
    max_access_m: float,
    walls: shapely.STRtree | None,
) -> tuple[I64, I64, Objects]:
    """Return edge, leg (mm) and why of a block of points; ``passed`` are edges nobody may use."""
    n = len(points)
    edge, distance = _nearest(points, tree, n)
    edge, plain = usable[edge], distance.copy()
    if passed is not None:
        plain = np.minimum(plain, _nearest(points, passed, n)[1])
    limit = int(np.floor(max_access_m * 1000.0 + 1e-6))
    why = np.full(n, "", dtype=object)
    barred = np.zeros(n, dtype=bool)
    if walls is not None:
        near = np.flatnonzero(distance <= limit)
        crossing = _crosses(points[near], lines[edge[near]], distance[near], walls)
        blocked = near[crossing]
        second, further = _around(points[blocked], lines, tree, usable, max_access_m, limit, walls)
        got = second >= 0
        edge[blocked[got]], distance[blocked[got]] = second[got], further[got]
        barred[blocked[~got]] = True
    why[distance > plain] = "second_choice"
    why[barred] = "behind_barrier"
    far = ~barred & (distance > limit)
    why[far] = "beyond_max_access"
    return np.where(barred | far, -1, edge), distance, why


def _mm(distance: npt.NDArray[np.float64]) -> I64:
    result: I64 = np.floor(distance * 1000.0 + 0.5).astype(np.int64)
    return result


def _nearest(points: Objects, tree: shapely.STRtree, n: int) -> tuple[I64, I64]:
    """Return the first of the nearest lines of ``tree`` (to the mm) and its distance, mm."""
    (at, _), metres = tree.query_nearest(points, return_distance=True, all_matches=False)
    least = np.zeros(n)
    least[at] = metres
    # all lines that are as near to the millimetre, to choose by order and not by float noise
    i, line = tree.query(points, predicate="dwithin", distance=least + 0.002)
    mm = _mm(shapely.distance(points[i], tree.geometries[line]))
    order = np.lexsort((line, mm, i))
    _, first = np.unique(i[order], return_index=True)
    chosen = order[first]
    result: I64 = line[chosen].astype(np.int64)
    return result, mm[chosen]


def _crosses(points: Objects, lines: Objects, leg_mm: I64, walls: shapely.STRtree) -> Bool:
    """Return where the leg from a point to its nearest place on a line crosses a barrier.

    The last millimetre of a leg is not looked at: whether a street along a bank lies on this side
    of it or on that one would be decided by the last bits of a coordinate.
    """
    crossed = np.zeros(len(points), dtype=bool)
    some = np.flatnonzero(leg_mm > 1)
    ends = shapely.get_coordinates(shapely.shortest_line(points[some], lines[some]))
    start, foot = ends[::2], ends[1::2]
    back = (start - foot) * (0.001 / np.hypot(*(start - foot).T))[:, None]
    legs: Objects = np.asarray(shapely.linestrings(np.stack([start, foot + back], axis=1)))
    # shapely prepares what it asks with: a lake has many corners, a leg has two
    wall, leg = shapely.STRtree(legs).query(walls.geometries, predicate="intersects")
    through = ~shapely.touches(legs[leg], walls.geometries[wall])
    crossed[some[np.unique(leg[through])]] = True
    return crossed


def _around(
    points: Objects,
    lines: Objects,
    tree: shapely.STRtree,
    usable: I64,
    max_access_m: float,
    limit: int,
    walls: shapely.STRtree,
) -> tuple[I64, I64]:
    """Return the nearest line in reach whose leg crosses nothing, −1 where all do."""
    edge = np.full(len(points), -1, dtype=np.int64)
    distance = np.zeros(len(points), dtype=np.int64)
    for start in range(0, len(points), 2000):
        part = np.arange(start, min(start + 2000, len(points)))
        i, line = tree.query(points[part], predicate="dwithin", distance=max_access_m + 0.002)
        mm = _mm(shapely.distance(points[part[i]], tree.geometries[line]))
        free = mm <= limit
        i, line, mm = i[free], line[free], mm[free]
        free = ~_crosses(points[part[i]], lines[usable[line]], mm, walls)
        i, line, mm = i[free], line[free], mm[free]
        order = np.lexsort((line, mm, i))
        found, first = np.unique(i[order], return_index=True)
        chosen = order[first]
        edge[part[found]] = usable[line[chosen]]
        distance[part[found]] = mm[chosen]
        # a wall's far side still says how far the street would be
    missing = np.flatnonzero(edge < 0)
    if missing.size:
        _, distance[missing] = _nearest(points[missing], tree, missing.size)
    return edge, distance


def barrier_parts(network: RoadNetwork, barriers: gpd.GeoSeries | None) -> Objects:
    """Return barriers as simple lines and polygons, in the CRS of the network.

    Raises
    ------
    DataError
        The CRS differs, or geometries are missing, empty or neither lines nor areas.
    """
    return checked_parts(network.crs, barriers)
