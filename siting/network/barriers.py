"""Barriers cut streets: rivers, railways and walls that only bridges, tunnels and gates pass.

A barrier line cuts what passes from one of its sides to the other; a barrier polygon is ground
nobody passes. ``docs/method-roads.md`` has the rules in a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting import rules
from siting.errors import NetworkError
from siting.network.given import POINTS, SHAPES, checked
from siting.network.graph import RoadNetwork, drops_table
from siting.network.meet import EPS_M, arm, meetings, star
from siting.network.redraw import Draft, stretch

Objects = npt.NDArray[np.object_]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

Drop = tuple[str, str, str, str]
Through = tuple[int, float]
"""A barrier line and how far along it, m."""


def cut(
    network: RoadNetwork,
    barriers: gpd.GeoSeries,
    *,
    crossings: gpd.GeoSeries | None = None,
    crossing_m: float | None = None,
) -> RoadNetwork:
    """Return the network without what passes a barrier at grade.

    A street that passes from one side of a barrier line to the other ends there, on both sides;
    one that only touches it, or runs along it and leaves it on the same side, does not. Where
    streets meet in a node on the line, each side gets a node of its own; a street along the line
    from node to node belongs to its left as drawn. What
    lies within a barrier polygon is left out; a street along its edge stays. Bridges and tunnels
    stay as they are.

    Parameters
    ----------
    network
        Any mode.
    barriers
        Lines or polygons in the CRS of the network. Leave out barriers that are themselves above
        or below ground (a railway on a viaduct).
    crossings
        Points where a barrier may be passed at grade: level crossings, gates, fords.
    crossing_m
        A crossing opens what passes the barrier this near, m; rule ``crossing.gate`` unless given.

    Returns
    -------
    RoadNetwork
        Lengths and times of the pieces of an edge add up to those of the whole. ``drops`` lists
        every edge cut or left out, by its ``way_id``. The same network where nothing is cut.

    Raises
    ------
    DataError
        CRS differs, or geometries are missing, empty or of another kind.
    NetworkError
        ``crossing_m`` is negative or not a number, or no street is left.

    Examples
    --------
    >>> from shapely import LineString
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> rail = gpd.GeoSeries([LineString([(20, -9), (20, 9)])], crs=4547)
    >>> cut(from_lines(roads, mode="walk"), rail).length_mm.tolist()
    [20000, 40000]
    """
    within_m = _gate_m(crossing_m)
    shapes = checked(network.crs, barriers, "barriers", kinds=SHAPES)
    gates = np.empty(0, dtype=object)
    if crossings is not None:
        gates = checked(network.crs, crossings, "crossings", kinds=POINTS)
    parts = shapely.get_parts(shapes)
    # in an order of their own, so that the order of rows does not matter
    parts = parts[np.argsort(shapely.to_wkb(parts), kind="stable")]
    flat = shapely.get_dimensions(parts) == 2
    lines, grounds = parts[~flat], parts[flat]
    open_near = _Gates(gates, within_m)
    draft = Draft(network)
    drops: list[Drop] = []
    at_grade = np.flatnonzero(~network.bridge & ~network.tunnel)
    found = meetings(network.geometry[at_grade], lines)
    shut = ~open_near(_points(found.xy))
    inner: dict[int, list[tuple[float, list[Through]]]] = {}
    nodes: dict[int, list[Through]] = {}
    drawn = shapely.length(network.geometry)
    order = np.lexsort((found.other, found.along, found.line))
    for k in order[shut[order]].tolist():
        edge, along = int(at_grade[found.line[k]]), float(found.along[k])
        through = (int(found.other[k]), float(found.other_along[k]))
        for node, off in ((network.tail[edge], along), (network.head[edge], drawn[edge] - along)):
            if off <= EPS_M:
                nodes.setdefault(int(node), []).append(through)
                break
        else:
            places = inner.setdefault(edge, [])
            if places and along - places[-1][0] <= 2 * EPS_M:
                places[-1][1].append(through)
            else:
                places.append((along, [through]))
    _part_nodes(draft, nodes, lines, drops)
    cuts = {edge: _cuts(network, edge, places, lines) for edge, places in inner.items()}
    inside = _inside(network, at_grade, grounds, open_near)
    for edge in sorted({e for e, at in cuts.items() if at} | set(inside)):
        _cut_edge(draft, edge, cuts.get(edge, []), inside.get(edge, []), drops)
    return draft.finished(drops_table(drops)) if drops else network


def over_water(network: RoadNetwork, water: gpd.GeoSeries) -> pd.DataFrame:
    """List streets that cross a water surface and say neither bridge nor tunnel: a road defect.

    Returns
    -------
    DataFrame
        ``table``, ``row``, ``what``, ``action`` (kept as drawn): one row a street that has a
        stretch within the water that is not its shore.

    Raises
    ------
    DataError
        CRS differs, or geometries are missing, empty or of another kind.

    Examples
    --------
    >>> from shapely import LineString, box
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> pond = gpd.GeoSeries([box(20, -9, 30, 9)], crs=4547)
    >>> over_water(from_lines(roads, mode="walk"), pond)["what"].tolist()
    ['10 m across water without a bridge or tunnel']
    """
    shapes = checked(network.crs, water, "water", kinds=SHAPES)
    parts = shapely.get_parts(shapes)
    grounds = parts[shapely.get_dimensions(parts) == 2]
    at_grade = np.flatnonzero(~network.bridge & ~network.tunnel)
    inside = _inside(network, at_grade, grounds, _Gates(np.empty(0, dtype=object), 0.0))
    metres: dict[int, float] = {}
    for edge, spans in inside.items():
        way = int(network.way_id[edge])
        metres[way] = metres.get(way, 0.0) + sum(stop - start for start, stop in spans)
    return drops_table(
        ("roads", f"way {way}", f"{m:.0f} m across water without a bridge or tunnel", "kept")
        for way, m in sorted(metres.items())
    )


def opens_nothing(
    networks: Iterable[RoadNetwork],
    barriers: gpd.GeoSeries | None,
    crossings: gpd.GeoSeries,
    *,
    crossing_m: float | None = None,
) -> Bool:
    """Return which crossings lie near no place where a street at grade meets a barrier.

    Such a point changes nothing: it lies off the street it is meant for, or there is no barrier.

    Parameters
    ----------
    networks
        Before :func:`cut`; a crossing that opens a street of one of them opens something.
    barriers, crossings, crossing_m
        As of :func:`cut`.

    Examples
    --------
    >>> from shapely import LineString, Point
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> rail = gpd.GeoSeries([LineString([(20, -90), (20, 90)])], crs=4547)
    >>> gates = gpd.GeoSeries([Point(25, 0), Point(20, 50)], crs=4547)
    >>> opens_nothing([from_lines(roads, mode="walk")], rail, gates).tolist()
    [False, True]
    """
    within_m = _gate_m(crossing_m)
    points = np.asarray(crossings.array, dtype=object)
    idle = np.ones(points.size, dtype=bool)
    if barriers is None:
        return idle
    parts = shapely.get_parts(np.asarray(barriers.array, dtype=object))
    walls = shapely.STRtree(parts)
    for network in networks:
        streets = network.geometry[~network.bridge & ~network.tunnel]
        tree = shapely.STRtree(streets)
        for i in np.flatnonzero(idle).tolist():
            near = walls.query(points[i], predicate="dwithin", distance=within_m)
            wall = shapely.buffer(shapely.union_all(parts[near]), EPS_M)
            mine = tree.query(points[i], predicate="dwithin", distance=within_m)
            met = shapely.intersection(streets[mine], wall)
            idle[i] = not shapely.dwithin(met, points[i], within_m + EPS_M).any()
    return idle


def _gate_m(crossing_m: float | None) -> float:
    """Return how near a crossing opens a street."""
    within_m = rules.load()["crossing.gate"].strict if crossing_m is None else crossing_m
    if not (np.isfinite(within_m) and within_m >= 0):
        raise NetworkError(f"barriers: crossing_m is {within_m}; give a number from 0 up.")
    return within_m


class _Gates:
    """Tells what a crossing point opens."""

    def __init__(self, gates: Objects, reach_m: float) -> None:
        self.tree = shapely.STRtree(gates)
        self.reach_m = reach_m

    def __call__(self, shapes: Objects) -> Bool:
        """Return which shapes lie within reach of a crossing."""
        near = np.zeros(len(shapes), dtype=bool)
        if len(self.tree.geometries):
            hit = self.tree.query(shapes, predicate="dwithin", distance=self.reach_m)[0]
            near[hit] = True
        return near


def _points(xy: F64) -> Objects:
    points = np.empty(len(xy), dtype=object)
    points[:] = shapely.points(xy)
    return points


def _star_of(lines: Objects, through: Iterable[Through]) -> list[tuple[float, bool, int]]:
    """Return the arms of barrier lines at a place."""
    arms = []
    for other, along in sorted(set(through)):
        for ahead in (True, False):
            angle = arm(lines[other], along, ahead=ahead)
            if angle is not None:
                arms.append((angle, ahead, other))
    return arms


def _cuts(
    network: RoadNetwork, edge: int, places: list[tuple[float, list[Through]]], lines: Objects
) -> list[float]:
    """Return where an edge passes from one side of a barrier to the other.

    Where it runs along one it may keep to either side: it is cut at the end of the stretch, and
    only where no side would do.
    """
    line = network.geometry[edge]
    cuts: list[float] = []
    sides: set[bool] = set()  # on which sides of the barrier it may be; left is True
    last = 0.0
    for at, through in sorted(places):
        around = star(_star_of(lines, through))
        before, after = arm(line, at, ahead=False), arm(line, at, ahead=True)
        if not around.angle or before is None or after is None:
            continue
        came, goes = around.along(before), around.along(after)
        if came is not None and not sides:  # along from its very start
            sides = {around.drawn_left(came, ahead=False)}
        if came is None:
            here = {around.sector(before)}
        else:
            here = {around.beside(came, left=left, ahead=False) for left in sides}
        if goes is None:
            if around.sector(after) not in here:
                cuts.append(at)
            sides = set()
        else:
            both = {left: around.beside(goes, left=left, ahead=True) for left in (True, False)}
            free = {left for left, sector in both.items() if sector in here}
            if came is not None:
                free = {
                    left
                    for left in free & sides
                    if both[left] == around.beside(came, left=left, ahead=False)
                }
            if not free:
                cuts.append(at)
            sides = free or {True, False}
            keeps = around.drawn_left(goes, ahead=True)
        last = at
    # what is along to its end must be where its node puts it
    if sides and keeps not in sides and (not cuts or cuts[-1] < last):
        cuts.append(last)
    return cuts


def _part_nodes(
    draft: Draft, nodes: dict[int, list[Through]], lines: Objects, drops: list[Drop]
) -> None:
    """Give each side of a barrier a node of its own where streets meet on it."""
    if not nodes:
        return
    network = draft.network
    wanted = np.array(sorted(nodes))
    ends: dict[int, list[tuple[int, bool]]] = {node: [] for node in nodes}
    for at_tail, column in ((True, network.tail), (False, network.head)):
        for edge in np.flatnonzero(np.isin(column, wanted)).tolist():
            ends[int(column[edge])].append((edge, at_tail))
    for node in wanted.tolist():
        around = star(_star_of(lines, nodes[node]))
        if len(around.angle) < 2:
            continue
        sides: dict[int, list[tuple[int, bool]]] = {}
        for edge, at_tail in sorted(ends[node]):
            line = network.geometry[edge]
            start = 0.0 if at_tail else float(shapely.length(line))
            angle = arm(line, start, ahead=at_tail)
            # an edge of no length has no direction: it stays with the first side
            sector = around.sector(angle) if angle is not None else -1
            sides.setdefault(sector, []).append((edge, at_tail))
        if len(sides) < 2:
            continue
        x, y = network.node_xy[node].tolist()
        first = min(sides, key=lambda s: min(sides[s]))
        for sector in sorted(sides):
            if sector == first:
                continue
            copy = draft.new_node(x, y, like=node)
            for edge, at_tail in sides[sector]:
                (draft.tail if at_tail else draft.head)[edge] = copy
        where = f"{x:.1f} {y:.1f}"
        drops += [
            ("roads", f"way {way}", f"meets others on a barrier at {where}", "parted there")
            for way in sorted({int(network.way_id[edge]) for edge, _ in ends[node]})
        ]


def _inside(
    network: RoadNetwork, at_grade: npt.NDArray[np.int64], grounds: Objects, open_near: _Gates
) -> dict[int, list[tuple[float, float]]]:
    """Return by edge the stretches (m from … to) within a polygon, no crossing near."""
    if not len(grounds):
        return {}
    # shapely prepares what it asks with: a lake has many corners, a street has few
    tree = shapely.STRtree(network.geometry[at_grade])
    ground, near = tree.query(grounds, predicate="intersects")
    rings = shapely.boundary(grounds)
    found: dict[int, list[tuple[float, float]]] = {}
    order = np.lexsort((ground, near))
    for i, g in zip(near[order].tolist(), ground[order].tolist(), strict=True):
        edge = int(at_grade[i])
        line = network.geometry[edge]
        for start, stop in _spans(line, grounds[g], rings[g], open_near):
            found.setdefault(edge, []).append((start, stop))
    return {edge: _merged(spans) for edge, spans in found.items()}


def _spans(
    line: shapely.LineString, ground: shapely.Polygon, ring: shapely.Geometry, open_near: _Gates
) -> list[tuple[float, float]]:
    """Return the stretches of a line in the inner part of a polygon, no crossing near."""
    length = float(shapely.length(line))
    one = np.empty(1, dtype=object)
    one[0] = line
    at = meetings(one, shapely.get_parts(np.array([ring], dtype=object))).along
    stops = np.unique(np.concatenate([[0.0], at, [length]]))
    stops = stops[np.concatenate([[True], np.diff(stops) > 2 * EPS_M])]
    stops[-1] = length
    middles = shapely.line_interpolate_point(line, (stops[:-1] + stops[1:]) / 2)
    # a stretch along the shore has its middle on the ring, give or take a millimetre
    within = shapely.contains_properly(ground, middles) & (shapely.distance(ring, middles) > EPS_M)
    spans = _merged(
        [(float(a), float(b)) for a, b, w in zip(stops[:-1], stops[1:], within, strict=True) if w]
    )
    if not spans or not len(open_near.tree.geometries):
        return spans
    shut = ~open_near(np.array([stretch(line, a, b) for a, b in spans], dtype=object))
    return [span for span, closed in zip(spans, shut, strict=True) if closed]


def _merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return stretches in order, those that touch or overlap as one."""
    merged: list[tuple[float, float]] = []
    for start, stop in sorted(spans):
        if merged and start - merged[-1][1] <= 2 * EPS_M:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _cut_edge(
    draft: Draft,
    edge: int,
    cuts: list[float],
    inside: list[tuple[float, float]],
    drops: list[Drop],
) -> None:
    """Cut an edge at places, and take out stretches of it."""
    network = draft.network
    line = network.geometry[edge]
    length = float(shapely.length(line))
    row = f"way {int(network.way_id[edge])}"
    bounds = {at for span in inside for at in span if EPS_M < at < length - EPS_M}
    places = sorted(bounds | {at for at in cuts if all(not a <= at <= b for a, b in inside)})
    for at in places:
        x, y = shapely.get_coordinates(shapely.line_interpolate_point(line, at))[0]
        drops.append(("roads", row, f"meets a barrier at {x:.1f} {y:.1f}", "cut there"))
    stops = [0.0, *places, length]
    keep = [
        not any(a <= (start + stop) / 2 <= b for a, b in inside) for start, stop in pairwise(stops)
    ]
    lost = sum(b - a for a, b in inside)
    if inside:
        drops.append(("roads", row, f"{lost:.1f} m within a barrier", "left out"))
    nodes = []
    for at in places:
        x, y = shapely.get_coordinates(shapely.line_interpolate_point(line, at))[0]
        nodes.append((draft.new_node(x, y), draft.new_node(x, y)))
    draft.split(edge, places, nodes, keep)
