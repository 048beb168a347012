"""The generated county's roads, read from the GeoPackage into networkx without a line of siting.

Lines join where their ends fall on the same millimetre and nowhere else. One-way binds cars only.
Nobody stops on bridges, in tunnels, on motorways and their ramps. A leg to the street crosses no
water. Of roads equally near to the millimetre it goes to the one that begins furthest west, then
south, then ends so. Walkers go 3.6 km/h, so that a millimetre is a millisecond; cars by class.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import geopandas as gpd
import networkx as nx
import shapely
from malta_independent import INVITED_ONLY, WALKABLE, Edge, Place, half_up
from malta_reach import KPH, Drives

MAX_ACCESS_MM = 500_000
MIN_KM = 2


def _ends(road: Any) -> tuple[tuple[float, float], ...]:
    return tuple(
        (round(x, 3), round(y, 3)) for x, y in shapely.get_coordinates(road.geometry)[[0, -1]]
    )


class County(Drives):
    """Roads for walkers or cars; impedance is ms, or mm where lengths are asked for."""

    def __init__(
        self, roads: gpd.GeoDataFrame, water: list[shapely.Polygon], *, car: bool, lengths: bool
    ) -> None:
        self.speed = 3600
        self.water = shapely.STRtree(water)
        self.edges = []
        self.times = []
        number: dict[tuple[float, float], int] = {}
        for road in sorted(roads.itertuples(), key=_ends):
            if road.highway not in (KPH if car else WALKABLE):
                continue
            spots = [(round(x, 3), round(y, 3)) for x, y in road.geometry.coords]
            line = shapely.LineString(spots)
            u, v = (number.setdefault(spot, len(number)) for spot in (spots[0], spots[-1]))
            stop = not (
                road.bridge == "yes"
                or road.tunnel == "yes"
                or road.highway in {"trunk_link", *INVITED_ONLY}
            )
            mm = math.floor(line.length * 1000 + 0.5)
            self.edges.append(Edge(u, v, mm, line, stop))
            by_car = half_up(Fraction(mm * 3600, KPH.get(road.highway, 1) * 1000))
            ahead = mm if lengths or not car else by_car
            self.times.append((ahead, None if car and road.oneway == "yes" else ahead))
        joined = nx.Graph((e.u, e.v) for e in self.edges)
        parts = list(nx.connected_components(joined))
        self.part = {n: i for i, found in enumerate(parts) for n in found}
        length = dict.fromkeys(range(len(parts)), 0)
        for edge in self.edges:
            length[self.part[edge.u]] += edge.mm
        self.usable = [
            i
            for i, e in enumerate(self.edges)
            if e.may_stop and length[self.part[e.u]] >= MIN_KM * 1_000_000
        ]
        self.tree = shapely.STRtree([self.edges[i].line for i in self.usable])

    def place(self, point: shapely.Point) -> Place | None:
        near = self.tree.query(point, predicate="dwithin", distance=MAX_ACCESS_MM / 1000 + 1)
        ranked = sorted(
            (math.floor(self.edges[self.usable[i]].line.distance(point) * 1000 + 0.5),
             self.usable[i])
            for i in near
        )  # fmt: skip
        for access, i in ranked:
            line, mm = self.edges[i].line, self.edges[i].mm
            if access <= MAX_ACCESS_MM and self.dry(shapely.shortest_line(point, line)):
                share = line.project(point) / line.length
                return Place(i, min(mm, math.floor(share * mm + 0.5)), access)
        return None

    def dry(self, leg: shapely.LineString) -> bool:
        """Whether a leg stays out of the water; it may end on a bank."""
        wet = self.water.query(leg, predicate="intersects")
        return leg.length == 0 or all(leg.touches(self.water.geometries[i]) for i in wet)
