"""What is where on Malta, read from the extract a second time without a line of siting.

Conventions, in words: an area is a closed way, or a relation whose outer ways close into rings,
less what its inner ways enclose. A tag with several values (``a;b``) counts for each. Areas are
measured in the metric CRS. Ground of two residential areas is the smaller id's alone (ids in
string order); overlaps of up to 1 m² stay. A site that lies for 90 % of its area, or as a point,
inside a larger site of its service is part of that one. A polygon stands where
``point_on_surface`` says.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction

import osmium
import pyproj
import shapely
from shapely.ops import polygonize, unary_union

EPSG = 32633
CELL_M = 100
STEPS = 1024  # land is measured in whole 1024ths of a square metre
GREEN = {
    "leisure": {"garden", "playground", "nature_reserve"},
    "landuse": {"grass", "recreation_ground", "village_green", "forest"},
    "natural": {"wood"},
}
_TO_METRIC = pyproj.Transformer.from_crs(4326, EPSG, always_xy=True)
Shape = shapely.Geometry


def says(tags: Mapping[str, str], key: str, values: Collection[str]) -> bool:
    return any(v.strip() in values for v in tags.get(key, "").split(";") if key in tags)


class _Relations(osmium.SimpleHandler):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[int, tuple[dict[str, str], list[tuple[int, bool]]]] = {}

    def relation(self, r: osmium.osm.Relation) -> None:
        tags = dict(r.tags)
        if tags.get("type") in ("multipolygon", "boundary"):
            ways = [(m.ref, m.role == "inner") for m in r.members if m.type == "w"]
            self.found[r.id] = (tags, ways)


class _Ways(osmium.SimpleHandler):
    def __init__(self, members: set[int]) -> None:
        super().__init__()
        self.members = members
        self.lines: dict[int, list[tuple[float, float]]] = {}
        self.points: list[tuple[str, dict[str, str], Shape]] = []
        self.rings: list[tuple[str, dict[str, str], Shape]] = []

    def node(self, n: osmium.osm.Node) -> None:
        if len(n.tags):
            spot = shapely.Point(_TO_METRIC.transform(n.location.lon, n.location.lat))
            self.points.append((f"n{n.id}", dict(n.tags), spot))

    def way(self, w: osmium.osm.Way) -> None:
        nodes = [n for n in w.nodes if n.location.valid()]
        spots = [_TO_METRIC.transform(n.lon, n.lat) for n in nodes]
        if w.id in self.members:
            self.lines[w.id] = spots
        whole = len(nodes) == len(w.nodes)
        if len(w.tags) and whole and len(nodes) > 3 and nodes[0].ref == nodes[-1].ref:
            self.rings.append((f"w{w.id}", dict(w.tags), shapely.Polygon(spots)))


class Places:
    """All tagged points and areas of the extract, in metres."""

    def __init__(self, path: str) -> None:
        relations = _Relations()
        relations.apply_file(path)
        ways = _Ways({way for _, members in relations.found.values() for way, _ in members})
        ways.apply_file(path, locations=True)
        self.points = ways.points
        self.areas = list(ways.rings)
        for number, (tags, members) in relations.found.items():
            outer = [ways.lines.get(w) for w, inner in members if not inner]
            inner = [ways.lines.get(w) for w, inner in members if inner]
            if any(line is None or len(line) < 2 for line in outer):
                continue
            body = _enclosed(outer)  # type: ignore[arg-type]  # none is None, see above
            holes = _enclosed([line for line in inner if line])
            if not body.is_empty:
                self.areas.append((f"r{number}", tags, body.difference(holes)))

    def zones(self, level: str = "8") -> dict[str, Shape]:
        return {
            name: shape
            for name, tags, shape in self.areas
            if says(tags, "boundary", {"administrative"}) and says(tags, "admin_level", {level})
        }

    def residential(self) -> dict[str, Shape]:
        """Residential land, each piece of ground once."""
        given = {n: _valid(s) for n, t, s in self.areas if says(t, "landuse", {"residential"})}
        taken: dict[str, Shape] = {}
        names = sorted(given)
        tree = shapely.STRtree([given[n] for n in names])
        for i, name in enumerate(names):
            earlier = [given[names[j]] for j in tree.query(given[name]) if j < i]
            before = unary_union(earlier) if earlier else shapely.Polygon()
            if given[name].intersection(before).area > 1:
                left = given[name].difference(before)
                if left.area >= 1:
                    taken[name] = left
            else:
                taken[name] = given[name]
        return taken

    def green(self) -> dict[str, tuple[str, Shape]]:
        """Parks and other public green: kind and shape by id."""
        found: dict[str, tuple[str, Shape]] = {}
        for name, tags, shape in self.areas:
            if tags.get("access", "").casefold() in ("private", "no"):
                continue
            if says(tags, "leisure", {"park"}):
                found[name] = ("park", _valid(shape))
            elif any(says(tags, key, values) for key, values in GREEN.items()):
                found[name] = ("green", _valid(shape))
        return found

    def sites(self, *values: str, key: str = "amenity") -> dict[str, Shape]:
        """Sites of a service: shapes by id, one for each campus."""
        found = {
            name: shape
            for name, tags, shape in [*self.points, *self.areas]
            if says(tags, key, values)
        }
        kept: dict[str, Shape] = {}
        for name in sorted(found, key=lambda n: (-found[n].area, n)):
            shape = found[name]
            inside = any(
                shape.intersection(larger).area >= 0.9 * shape.area
                if shape.area
                else shape.intersects(larger)
                for larger in kept.values()
                if larger.area and larger.intersects(shape)
            )
            if not inside:
                kept[name] = shape
        return kept


def _enclosed(lines: Iterable[list[tuple[float, float]]]) -> Shape:
    """What the lines enclose, once they are joined at their ends."""
    return unary_union(list(polygonize(unary_union([shapely.LineString(p) for p in lines]))))


def _valid(shape: Shape) -> Shape:
    return shape if shape.is_valid else shapely.make_valid(shape)


def door(shape: Shape) -> shapely.Point:
    """The point where a site stands."""
    return shape if shape.geom_type == "Point" else shapely.point_on_surface(shape)


def cells(land: Mapping[str, Shape]) -> dict[str, Shape]:
    """Land cut along a grid of 100 m that hangs on the origin."""
    found: dict[str, Shape] = {}
    for name, shape in land.items():
        west, south, east, north = (math.floor(v / CELL_M) for v in shape.bounds)
        for column in range(west, east + 1):
            for row in range(south, north + 1):
                square = shapely.box(
                    column * CELL_M, row * CELL_M, (column + 1) * CELL_M, (row + 1) * CELL_M
                )
                piece = shape.intersection(square)
                if piece.area > 0:
                    found[f"{name}/{column}/{row}"] = piece
    return found


def shared(weights: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """``total`` wholes in proportion: the largest remainders get what is left over."""
    whole = sum(weights.values())
    quota = {name: total * weight / whole for name, weight in weights.items()}
    given = {name: math.floor(q) for name, q in quota.items()}
    left = total - sum(given.values())

    def drawn(name: str) -> bytes:  # of equal remainders: by a digest, for ids follow the map
        return hashlib.blake2b(name.encode(), digest_size=8).digest()

    for name in sorted(quota, key=lambda n: (given[n] - quota[n], drawn(n)))[:left]:
        given[name] += 1
    return given


def people(land: Mapping[str, Shape], pieces: Mapping[str, Shape], total: int) -> dict[str, int]:
    """People by cell: land in whole 1024ths of a m², cells of a polygon adding up to it."""
    steps: dict[str, Fraction] = {}
    of: dict[str, dict[str, Fraction]] = {}
    for name, piece in pieces.items():
        of.setdefault(name.split("/")[0], {})[name] = Fraction(piece.area)
    for name, parts in of.items():
        whole = round(land[name].area * STEPS)
        steps |= {cell: Fraction(n) for cell, n in shared(parts, whole).items()}
    return shared({cell: n for cell, n in steps.items() if n}, total)


def farthest_mm(piece: Shape, point: shapely.Point) -> int:
    """How far anybody on a piece of land may live from its point: at a corner of its outline."""
    corners = [xy for part in getattr(piece, "geoms", [piece]) for xy in part.exterior.coords]
    return math.floor(max(math.dist(xy, (point.x, point.y)) for xy in corners) * 1000 + 0.5)
