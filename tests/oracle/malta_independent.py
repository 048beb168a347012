"""Walking distances on an OSM extract, worked out a second time without a line of siting.

pyosmium reads, networkx holds the graph and searches it, shapely places points and cuts edges.
Slow and plain on purpose. What both programs must agree on is written here in words; the code is
separate.

Conventions
-----------
Streets: ways with ``highway`` among the walkable classes below, a motorway only with an inviting
``foot`` tag. ``foot`` decides before ``access``; of several values separated by ``;`` an open one
wins; closed values are listed below. ``motorroad=yes`` closes unless ``foot`` invites.
``route=ferry`` is no street. An area's outline is a street. ``oneway`` does not bind walkers;
``oneway:foot``, ``foot:forward`` and ``foot:backward`` would, and do not occur here (asserted).

Junctions: ways join at shared nodes. A ``barrier`` node whose ``foot`` (else ``access``) is closed
ends every street that touches it. An edge runs between two nodes that are not passed by exactly
two pieces of like class, bridge, tunnel (a passage through a building is no tunnel). A ring with no
such node is cut at its smallest node id.

Lengths: geodesic on WGS 84 between neighbouring nodes, added up along an edge, rounded half up to
the millimetre once. Time: ``mm * 3600 / (speed in m/h)`` in ms, rounded half up once per edge, per
part of an edge and per access leg.

Places: a point goes to the nearest edge, distances compared in whole millimetres in the metric CRS,
that is no bridge, no tunnel, no ``trunk_link`` or motorway, of length above zero, in a connected
part of at least ``MIN_KM``; the leg is at most ``MAX_ACCESS_M``. Where it falls on an edge is a
share of the line in the metric CRS, applied to the length in mm and rounded half up. A part of an
edge is ``edge * part / length``, rounded half up.

Sites: nodes and closed ways with the ``amenity``; a way by the centroid of its outline in the
metric CRS. Origins: random points in ``landuse=residential`` ways, fixed seed.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import networkx as nx
import osmium
import pyproj
from shapely import LineString, Point, Polygon, STRtree

WALKABLE = {
    "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link", "tertiary",
    "tertiary_link", "unclassified", "residential", "living_street", "service", "road", "track",
    "pedestrian", "footway", "path", "steps", "cycleway", "bridleway", "platform", "corridor",
}  # fmt: skip
INVITED_ONLY = {"motorway", "motorway_link"}
SHUT = {
    "no", "private", "agricultural", "forestry", "delivery", "military", "emergency", "employees",
    "staff", "permit", "use_sidepath",
}  # fmt: skip
INVITING = {"yes", "designated", "permissive", "official", "destination"}
SERVICES = ("school", "hospital", "pharmacy")
MAX_ACCESS_M = 500
MIN_KM = 5
EPSG = 32633
GEOD = pyproj.Geod(ellps="WGS84")


@dataclass
class Edge:
    u: int
    v: int
    mm: int
    line: LineString
    may_stop: bool


@dataclass
class Place:
    edge: int
    offset: int
    access: int


def decide(tags: dict[str, str]) -> tuple[str, str]:
    """The tag that settles who may walk: (its key, the value that counts)."""
    key = "foot" if "foot" in tags else "access"
    options = [o.strip() for o in tags.get(key, "").split(";")]
    for option in options:
        if option not in SHUT:
            return key, option
    return key, options[0]


def may_walk(tags: dict[str, str]) -> bool:
    if tags.get("route") == "ferry":
        return False
    key, value = decide(tags)
    if value in SHUT:
        return False
    invited = key == "foot" and value in INVITING
    if tags["highway"] in INVITED_ONLY or tags.get("motorroad") == "yes":
        return invited
    return invited or tags["highway"] in WALKABLE


class Reader(osmium.SimpleHandler):
    """One pass with node locations: streets, gates, sites and residential land."""

    def __init__(self) -> None:
        super().__init__()
        self.lonlat: dict[int, tuple[float, float]] = {}
        self.shut_nodes: set[int] = set()
        self.pieces: list[tuple[int, int, tuple[str, bool, bool]]] = []
        self.sites: dict[str, list[tuple[str, list[tuple[float, float]]]]] = {
            s: [] for s in SERVICES
        }
        self.homes: list[list[tuple[float, float]]] = []

    def node(self, n: osmium.osm.Node) -> None:
        if "barrier" in n.tags and decide(dict(n.tags))[1] in SHUT:
            self.shut_nodes.add(n.id)
        if n.tags.get("amenity") in SERVICES:
            self.sites[n.tags["amenity"]].append((f"n{n.id}", [(n.location.lon, n.location.lat)]))

    def way(self, w: osmium.osm.Way) -> None:
        tags = dict(w.tags)
        if not tags.keys() & {"highway", "amenity", "landuse"}:
            return
        ring = [(n.lon, n.lat) for n in w.nodes if n.location.valid()]
        closed = len(w.nodes) > 3 and w.nodes[0].ref == w.nodes[-1].ref and len(ring) > 3
        if closed and tags.get("amenity") in SERVICES:
            self.sites[tags["amenity"]].append((f"w{w.id}", ring))
        if closed and tags.get("landuse") == "residential":
            self.homes.append(ring)
        known = WALKABLE | INVITED_ONLY
        if tags.get("highway") not in known or not may_walk(tags):
            return
        for odd in ("oneway:foot", "foot:forward", "foot:backward"):
            assert tags.get(odd, "no") == "no", (w.id, odd)
        look = (
            tags["highway"],
            tags.get("bridge", "no") != "no",
            tags.get("tunnel", "no") not in ("no", "building_passage", "passage", "arcade"),
        )
        for a, b in pairwise(w.nodes):
            if a.location.valid() and b.location.valid() and a.ref != b.ref:
                self.lonlat[a.ref] = (a.lon, a.lat)
                self.lonlat[b.ref] = (b.lon, b.lat)
                self.pieces.append((a.ref, b.ref, look))


def half_up(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2))


class Walks:
    """The streets of a file, and distances on them."""

    def __init__(
        self, path: str, *, metres_per_hour: int, min_km: int = MIN_KM, epsg: int = EPSG
    ) -> None:
        self.speed = metres_per_hour
        reader = self.reader()
        reader.apply_file(path, locations=True)
        self.to_metric = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
        self.sites = {
            service: {name: self._middle(ring) for name, ring in rows}
            for service, rows in reader.sites.items()
        }
        self.homes = [Polygon(self._metric(ring)) for ring in reader.homes]
        self.edges = self._edges(reader)
        parts = nx.Graph()
        for edge in self.edges:
            parts.add_edge(edge.u, edge.v)
        self.part = {n: i for i, c in enumerate(nx.connected_components(parts)) for n in c}
        km: dict[int, float] = {}
        for edge in self.edges:
            km[self.part[edge.u]] = km.get(self.part[edge.u], 0.0) + edge.mm / 1e6
        self.usable = [
            i
            for i, edge in enumerate(self.edges)
            if edge.may_stop and edge.mm > 0 and km[self.part[edge.u]] >= min_km
        ]
        self.tree = STRtree([self.edges[i].line for i in self.usable])

    @cached_property
    def graph(self) -> nx.MultiGraph:
        graph = nx.MultiGraph()
        for i, edge in enumerate(self.edges):
            graph.add_edge(edge.u, edge.v, key=i, mm=edge.mm, ms=self.ms(edge.mm))
        return graph

    def paced(self, metres_per_hour: int) -> Walks:
        """The same streets for people of another pace."""
        other = copy.copy(self)
        other.__dict__.pop("graph", None)
        other.speed = metres_per_hour
        return other

    def reader(self) -> Reader:
        return Reader()

    def ms(self, mm: int) -> int:
        return half_up(Fraction(mm * 3600, self.speed))

    def _metric(self, ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
        xs, ys = self.to_metric.transform([p[0] for p in ring], [p[1] for p in ring])
        # a tenth of a millimetre, as coordinates are kept
        return [(round(x, 4), round(y, 4)) for x, y in zip(xs, ys, strict=True)]

    def _middle(self, ring: list[tuple[float, float]]) -> Point:
        xy = self._metric(ring)
        return Point(xy[0]) if len(xy) == 1 else Polygon(xy).centroid

    def _edges(self, reader: Reader) -> list[Edge]:
        pieces, lonlat = list(reader.pieces), dict(reader.lonlat)
        # each street that ends at a gate ends at a node of its own, with an id beyond all others
        self.first_spare = spare = max(lonlat) + 1
        for i, (a, b, look) in enumerate(pieces):
            ends = []
            for node in (a, b):
                if node in reader.shut_nodes:
                    lonlat[spare] = lonlat[node]
                    node, spare = spare, spare + 1
                ends.append(node)
            pieces[i] = (ends[0], ends[1], look)
        touch: dict[int, list[int]] = {}
        for i, (a, b, _) in enumerate(pieces):
            touch.setdefault(a, []).append(i)
            touch.setdefault(b, []).append(i)
        corners = {n for n, t in touch.items() if len(t) != 2 or pieces[t[0]][2] != pieces[t[1]][2]}
        unused = set(range(len(pieces)))
        edges: list[Edge] = []

        def follow(corner: int, piece: int) -> None:
            chain, node, look = [corner], corner, pieces[piece][2]
            while True:
                unused.discard(piece)
                a, b, _ = pieces[piece]
                node = b if a == node else a
                chain.append(node)
                if node in corners or node == corner:
                    break
                piece = next(p for p in touch[node] if p in unused)
            lons, lats = zip(*(lonlat[n] for n in chain), strict=True)
            mm = math.floor(GEOD.line_length(lons, lats) * 1000 + 0.5)
            stop = look[0] not in {"trunk_link", *INVITED_ONLY} and not look[1] and not look[2]
            line = LineString(self._metric(list(zip(lons, lats, strict=True))))
            edges.append(Edge(corner, node, mm, line, stop))

        for start in (sorted(corners), sorted(touch)):
            for node in start:
                for piece in touch[node]:
                    if piece in unused:
                        follow(node, piece)
        return edges

    def place(self, point: Point) -> Place | None:
        near = self.tree.query(point, predicate="dwithin", distance=MAX_ACCESS_M + 1)
        ranked = sorted(
            (math.floor(self.edges[self.usable[i]].line.distance(point) * 1000 + 0.5),
             self.usable[i])
            for i in near
        )  # fmt: skip
        if not ranked or ranked[0][0] > MAX_ACCESS_M * 1000:
            return None
        access, i = ranked[0]
        edge = self.edges[i]
        share = edge.line.project(point) / edge.line.length
        return Place(i, min(edge.mm, math.floor(share * edge.mm + 0.5)), access)

    def _in(self, unit: str, mm: int) -> int:
        return mm if unit == "mm" else self.ms(mm)

    def arcs(self, unit: str) -> Iterator[tuple[int, int, int]]:
        """Streets as a search that starts at the sites goes along them."""
        for edge in self.edges:
            value = self._in(unit, edge.mm)
            yield edge.u, edge.v, value
            yield edge.v, edge.u, value

    def ends(self, place: Place, unit: str, *, leaving: bool = True) -> list[tuple[int, int]]:
        """(junction, impedance between it and the point) of both ends of the point's edge."""
        edge = self.edges[place.edge]
        whole, leg = self._in(unit, edge.mm), self._in(unit, place.access)
        return [
            (edge.u, leg + half_up(Fraction(whole * place.offset, edge.mm))),
            (edge.v, leg + half_up(Fraction(whole * (edge.mm - place.offset), edge.mm))),
        ]

    def along(self, home: Place, site: Place, unit: str) -> list[int]:
        """Impedances from a home to a site without leaving the edge that both are on."""
        edge = self.edges[home.edge]
        apart = self._in(unit, edge.mm) * abs(site.offset - home.offset)
        legs = self._in(unit, site.access) + self._in(unit, home.access)
        return [legs + half_up(Fraction(apart, edge.mm))]

    def distances(
        self, home: Place, sites: dict[str, Place | None], unit: str
    ) -> dict[str, int | None]:
        """Least impedance from a home to every site, None where no street leads."""
        graph = self.graph
        start = "home"
        for way, (node, value) in enumerate(self.ends(home, unit)):
            # of a loop both ways lead to one junction
            graph.add_edge(start, node, key=("home", way), **{unit: value})
        reached = nx.single_source_dijkstra_path_length(graph, start, weight=unit)
        graph.remove_node(start)
        result: dict[str, int | None] = {}
        for name, site in sites.items():
            found: list[int] = []
            if site is not None:
                for node, value in self.ends(site, unit):
                    if node in reached:
                        found.append(reached[node] + value)
                if site.edge == home.edge:
                    found += self.along(home, site, unit)
            result[name] = min(found, default=None)
        return result

    def origins(self, count: int, *, seed: int) -> list[Point]:
        """Random points on residential land."""
        dice = random.Random(seed)
        points: list[Point] = []
        while len(points) < count:
            land = dice.choice(self.homes)
            west, south, east, north = land.bounds
            point = Point(dice.uniform(west, east), dice.uniform(south, north))
            if land.contains(point):
                points.append(point)
        return points
