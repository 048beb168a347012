"""Where new streets join: nodes that are there, places on edges, and ends of each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from siting.network.meet import EPS_M, meetings
from siting.network.redraw import Draft, stretch

F64 = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]


class Joints:
    """Finds where new lines join the streets of a draft.

    First :meth:`end` for both ends of every line and :meth:`crossings`, then :meth:`settle`; then
    ``stops`` has for every line where it joins what (metres on it, node).
    """

    def __init__(self, draft: Draft, lines: Objects, join_m: float) -> None:
        network = draft.network
        self.draft, self.lines, self.join_m = draft, lines, join_m
        self.kept = np.flatnonzero(~draft.gone)
        self.used = np.unique(
            np.concatenate([network.tail[self.kept], network.head[self.kept]])
        ).astype(np.int64)
        self.nodes = cKDTree(network.node_xy[self.used]) if self.used.size else None
        self.tree = shapely.STRtree(network.geometry[self.kept])
        self.places: dict[int, list[tuple[float, int, float]]] = {}  # edge: (m, line, m on it)
        self.stops: list[list[tuple[float, int]]] = [[] for _ in lines]  # (m on it, node)
        self.free: list[tuple[int, float]] = []

    def node_near(self, xy: F64) -> int | None:
        """Return the nearest node within reach, of equal ones the first."""
        if self.nodes is None:
            return None
        within = self.nodes.query_ball_point(xy, self.join_m)
        if not within:
            return None
        at = self.draft.network.node_xy[self.used[within]]
        mm = np.floor(np.hypot(*(at - xy).T) * 1000 + 0.5)
        return int(self.used[within][np.lexsort((self.used[within], mm))[0]])

    def end(self, line: int, along: float) -> None:
        """Join an end of a new line to what it touches."""
        network = self.draft.network
        point = shapely.line_interpolate_point(self.lines[line], along)
        xy = shapely.get_coordinates(point)[0]
        node = self.node_near(xy)
        if node is not None:
            self.stops[line].append((along, node))
            return
        near = self.kept[self.tree.query(point, predicate="dwithin", distance=self.join_m)]
        if near.size:
            mm = np.floor(shapely.distance(network.geometry[near], point) * 1000 + 0.5)
            raised = network.bridge[near] | network.tunnel[near]
            edge = int(near[np.lexsort((near, mm, raised))[0]])
            at = float(shapely.line_locate_point(network.geometry[edge], point))
            self.places.setdefault(edge, []).append((at, line, along))
            return
        self.free.append((line, along))

    def crossings(self, lines: list[int]) -> None:
        """Join new lines to what they cross at grade."""
        network = self.draft.network
        level = self.kept[~network.bridge[self.kept] & ~network.tunnel[self.kept]]
        chosen = np.array(lines, dtype=np.int64)
        found = meetings(self.lines[chosen], network.geometry[level])
        for k in range(found.line.size):
            line, edge = int(chosen[found.line[k]]), int(level[found.other[k]])
            along, at = float(found.along[k]), float(found.other_along[k])
            if min(along, shapely.length(self.lines[line]) - along) <= self.join_m:
                continue  # its ends see to themselves
            node = self.node_near(found.xy[k])
            if node is not None:
                self.stops[line].append((along, node))
            else:
                self.places.setdefault(edge, []).append((at, line, along))

    def settle(self) -> list[tuple[int, float]]:
        """Make the new nodes, divide edges; return the ends that join nothing."""
        network = self.draft.network
        for edge in sorted(self.places):
            geometry = network.geometry[edge]
            at_m: list[float] = []
            nodes: list[int] = []
            for at, line, along in sorted(self.places[edge]):
                if not at_m or at - at_m[-1] > self.join_m:
                    x, y = shapely.get_coordinates(shapely.line_interpolate_point(geometry, at))[0]
                    at_m.append(at)
                    nodes.append(self.draft.new_node(x, y))
                self.stops[line].append((along, nodes[-1]))
            self.draft.split(edge, at_m, [(n, n) for n in nodes])
        return self._among_themselves()

    def _among_themselves(self) -> list[tuple[int, float]]:
        """Join the ends that are left to each other, or to another new line on its way."""
        if not self.free:
            return []
        at = np.array(
            [
                shapely.get_coordinates(shapely.line_interpolate_point(self.lines[n], along))[0]
                for n, along in self.free
            ]
        )
        pairs = cKDTree(at).query_pairs(self.join_m, output_type="ndarray")
        link = coo_array(
            (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(at), len(at))
        )
        _, group = connected_components(link, directed=False)
        alone = []
        for number in np.unique(group).tolist():
            members = np.flatnonzero(group == number)
            x, y = at[members][np.lexsort(at[members].T[::-1])[0]].tolist()
            node = self.draft.new_node(x, y)
            touched = False
            for other, line in enumerate(self.lines):
                where = float(shapely.line_locate_point(line, shapely.Point(x, y)))
                inner = self.join_m < where < float(shapely.length(line)) - self.join_m
                if inner and shapely.distance(line, shapely.Point(x, y)) <= self.join_m:
                    self.stops[other].append((where, node))
                    touched = True
            for member in members.tolist():
                line_number, along = self.free[member]
                self.stops[line_number].append((along, node))
                if members.size == 1 and not touched:
                    alone.append((line_number, along))
        return alone


def parts(
    draft: Draft, line: shapely.LineString, stops: list[tuple[float, int]]
) -> list[tuple[shapely.LineString, int, int]]:
    """Return a new line from joint to joint: piece, node it starts from, node it ends at."""
    network = draft.network
    length = float(shapely.length(line))
    kept: list[tuple[float, int]] = []
    for along, node in sorted(stops):
        if kept and (node == kept[-1][1] or along - kept[-1][0] <= EPS_M) and along < length:
            continue
        kept.append((along, node))
    pieces = []
    for (start, tail), (stop, head) in pairwise(kept):
        xy = shapely.get_coordinates(stretch(line, start, stop))
        for at, node in ((0, tail), (-1, head)):
            new = node - network.node_id.size
            xy[at] = network.node_xy[node] if new < 0 else draft.node_xy[new]
        pieces.append((shapely.LineString(xy), tail, head))
    return pieces
