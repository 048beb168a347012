"""Routes drawn along the roads they are driven on, and how long they are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely.ops import substring

from siting.network import RoadNetwork, travel_ms
from siting.travel_time import partial

I64 = npt.NDArray[np.int64]
Piece = tuple[int, int, int]
"""An edge and the stretch of it that is driven, in mm from its tail; backwards where it falls."""


def along(
    network: RoadNetwork, stop_at: pd.DataFrame, school_at: pd.DataFrame, routes: pd.DataFrame
) -> gpd.GeoDataFrame:
    """Draw routes along the quickest way from stop to stop.

    Parameters
    ----------
    network
        The network that was driven on.
    stop_at, school_at
        Attachments of stops and schools to it.
    routes
        The routes of one school or several (:class:`siting.school_bus.BusRoutes`).

    Returns
    -------
    GeoDataFrame
        One row a route: ``route_id``, ``site_id``, ``stops``, ``persons``, ``drive_ms``,
        ``length_mm`` (of the streets driven, access legs left out) and its line.

    Examples
    --------
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[LineString([(0, 0), (900, 0)])], crs=4547
    ... )
    >>> drive = from_lines(roads, mode="drive")
    >>> places = gpd.GeoSeries([Point(800, 0), Point(200, 0)], index=["B1", "S"], crs=4547)
    >>> at = attach(drive, places, max_access_m=50, min_component_km=0)
    >>> routes = pd.DataFrame({"route_id": ["S-01"], "site_id": ["S"], "order": [1],
    ...     "stop_id": ["B1"], "boarding": [7], "leg_ms": [90_000]})
    >>> along(drive, at.iloc[:1], at.iloc[1:], routes)[["persons", "length_mm"]].values.tolist()
    [[7, 600000]]
    """
    tracer = _Tracer(network)
    rows = []
    at = {str(i): place for i, place in _places(stop_at)}
    goals: dict[str, list[_Place]] = {}
    for name, place in _places(school_at):
        goals.setdefault(str(name), []).append(place)
    for route_id, route in routes.groupby("route_id", sort=True):
        route = route.sort_values("order")
        school = str(route["site_id"].iloc[0])
        halts = [[at[stop]] for stop in route["stop_id"]] + [goals[school]]
        pieces: list[Piece] = []
        for here, there, most in zip(halts, halts[1:], route["leg_ms"], strict=False):
            ways = [way for b in there if (way := tracer.way(here[0], b, int(most)))]
            pieces += min(ways, key=lambda way: way[0])[1]
        rows.append(
            {
                "route_id": str(route_id),
                "site_id": school,
                "stops": len(route),
                "persons": int(route["boarding"].sum()),
                "drive_ms": int(route["leg_ms"].sum()),
                "length_mm": sum(abs(stop - start) for _, start, stop in pieces),
                "geometry": tracer.line(pieces, halts[0][0]),
            }
        )
    columns = ["route_id", "site_id", "stops", "persons", "drive_ms", "length_mm", "geometry"]
    table = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=network.crs)
    whole = dict.fromkeys(("stops", "persons", "drive_ms", "length_mm"), "int64")
    result: gpd.GeoDataFrame = table.astype(whole | {"route_id": "str", "site_id": "str"})
    return result


@dataclass(frozen=True)
class _Place:
    """Where a point stands: edge, mm from its tail, access leg in mm."""

    edge: int
    offset: int
    leg: int


def _places(at: pd.DataFrame) -> Iterator[tuple[str, _Place]]:
    on = at[at["edge_id"] >= 0]
    for name, edge, offset, leg in zip(
        on["point_id"], on["edge_id"], on["offset_mm"], on["access_mm"], strict=True
    ):
        yield str(name), _Place(int(edge), int(offset), int(leg))


class _Tracer:
    """Quickest ways between places, with the edges they take."""

    def __init__(self, network: RoadNetwork) -> None:
        self.network = network
        n, m = network.node_id.size, network.tail.size
        ms = np.concatenate([network.forward_ms, network.backward_ms])
        u = np.concatenate([network.tail, network.head]).astype(np.int64)
        v = np.concatenate([network.head, network.tail]).astype(np.int64)
        weight = ms + network.half_delay_ms[u] + network.half_delay_ms[v]
        arc = np.flatnonzero((ms >= 0) & (u != v))
        # of parallel arcs the quickest, then the first
        arc = arc[np.lexsort((arc, weight[arc], v[arc], u[arc]))]
        key = u[arc] * n + v[arc]
        first = np.ones(arc.size, dtype=bool)
        first[1:] = key[1:] != key[:-1]
        self.arc, self.key, self.nodes, self.edges = arc[first], key[first], n, m
        # one more in every weight would bend ways; a stored zero is an arc that takes no time
        self.graph = csr_array(
            (weight[self.arc].astype(np.float64), (u[self.arc], v[self.arc])), shape=(n, n)
        )

    def way(self, a: _Place, b: _Place, most: int) -> tuple[int, list[Piece]] | None:
        """Return what the quickest way takes, access legs included, and its pieces.

        Ways that take more than ``most`` need not be found.
        """
        legs = sum(int(travel_ms(np.array([p.leg]), self.network.access_kph)[0]) for p in (a, b))
        found: list[tuple[int, list[Piece]]] = []
        if (direct := self._on_one_edge(a, b)) is not None:
            found.append(direct)
        out, into = self._ends(a, leaving=True), self._ends(b, leaving=False)
        if out and into:
            starts = sorted({node for node, _, _ in out})
            dist, before = dijkstra(
                self.graph, indices=starts, return_predecessors=True,
                limit=most,
            )  # fmt: skip
            for (x, gone, first), (y, left, last) in itertools.product(out, into):
                row = starts.index(x)
                if np.isfinite(dist[row, y]):
                    took = gone + int(dist[row, y]) + left
                    if not found or took < found[0][0]:
                        found = [(took, [first, *self._pieces(before[row], x, y), last])]
        return (found[0][0] + legs, found[0][1]) if found else None

    def line(self, pieces: list[Piece], start: _Place) -> shapely.LineString:
        """Return the pieces as one line."""
        spots: list[npt.NDArray[np.float64]] = []
        for edge, begin, end in pieces:
            whole = self.network.geometry[edge]
            length = max(1, int(self.network.length_mm[edge]))
            if begin != end:
                part = substring(whole, begin / length, end / length, normalized=True)
                spots.append(shapely.get_coordinates(part))
        if not spots:
            length = max(1, int(self.network.length_mm[start.edge]))
            point = shapely.line_interpolate_point(
                self.network.geometry[start.edge], start.offset / length, normalized=True
            )
            spots = [np.repeat(shapely.get_coordinates(point), 2, axis=0)]
        xy = np.concatenate(spots)
        again = np.concatenate([[False], (xy[1:] == xy[:-1]).all(axis=1)])
        return shapely.LineString(xy[~again] if (~again).sum() > 1 else xy[:2])

    def _pieces(self, before: npt.NDArray[np.int32], start: int, end: int) -> list[Piece]:
        pieces: list[Piece] = []
        node = end
        while node != start:
            prior = int(before[node])
            arc = int(self.arc[np.searchsorted(self.key, prior * self.nodes + node)])
            edge = arc % self.edges
            length = int(self.network.length_mm[edge])
            pieces.append((edge, 0, length) if arc < self.edges else (edge, length, 0))
            node = prior
        return pieces[::-1]

    def _ends(self, place: _Place, *, leaving: bool) -> list[tuple[int, int, Piece]]:
        """Return (node, ms, piece) of the ends of a place's edge that are open to it."""
        net, edge, offset = self.network, place.edge, place.offset
        length = int(net.length_mm[edge])
        forward, backward = int(net.forward_ms[edge]), int(net.backward_ms[edge])
        ends = []
        for node, to, cost in (
            (int(net.head[edge]), length, forward if leaving else backward),
            (int(net.tail[edge]), 0, backward if leaving else forward),
        ):
            piece = (edge, offset, to) if leaving else (edge, to, offset)
            if offset == to:
                ends.append((node, 0, piece))
            elif cost >= 0:
                took = self._part(edge, cost, abs(to - offset)) + int(net.half_delay_ms[node])
                ends.append((node, took + self._stands(place), piece))
        return ends

    def _on_one_edge(self, a: _Place, b: _Place) -> tuple[int, list[Piece]] | None:
        net = self.network
        if a.edge != b.edge:
            return None
        way = b.offset - a.offset
        cost = int((net.forward_ms if way >= 0 else net.backward_ms)[a.edge])
        if way == 0:
            return 0, [(a.edge, a.offset, b.offset)]
        if cost < 0:
            return None
        took = self._part(a.edge, cost, abs(way)) + self._stands(a) + self._stands(b)
        return took, [(a.edge, a.offset, b.offset)]

    def _part(self, edge: int, cost: int, far: int) -> int:
        length = np.array([self.network.length_mm[edge]])
        return int(partial(np.array([cost]), np.array([far]), length)[0])

    def _stands(self, place: _Place) -> int:
        """Return half of the junction's delay where the place is at an end of its edge."""
        net = self.network
        if place.offset == 0:
            return int(net.half_delay_ms[net.tail[place.edge]])
        if place.offset == int(net.length_mm[place.edge]):
            return int(net.half_delay_ms[net.head[place.edge]])
        return 0
