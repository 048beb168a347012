"""Streets for cars, read a second time without a line of siting; :mod:`search` searches them.

Conventions: ``motorcar``, ``motor_vehicle``, ``vehicle``, ``access`` decide, the first
that is there; closed values as on foot; ``service=emergency_access`` is closed. One-way by
``oneway:motorcar``, ``oneway:motor_vehicle``, ``oneway:vehicle``, ``oneway``, the first that is
there; roundabouts and motorways are one-way unless that says no; ``reversible`` is closed. Speeds
by class as listed, capped by ``maxspeed`` of the direction. A bollard or its like ends streets
unless an access tag speaks. Nobody stops on bridges, in tunnels, on motorways, their ramps, ramps
of trunk roads, or where ``motorroad=yes``. Times are rounded once per edge; the legs to and from
the street are walked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise

import osmium
from malta_independent import GEOD, INVITED_ONLY, SHUT, Edge, Place, Reader, Walks, half_up
from shapely import LineString, Point

KPH = {
    "motorway": 90, "motorway_link": 40, "trunk": 60, "trunk_link": 30, "primary": 45,
    "primary_link": 30, "secondary": 40, "secondary_link": 25, "tertiary": 30, "tertiary_link": 20,
    "unclassified": 25, "residential": 20, "living_street": 10, "service": 15, "road": 20,
    "track": 15,
}  # fmt: skip
WORDS_KPH = {"MT:urban": 50, "MT:rural": 80, "walk": 5, "zone:20": 20, "zone:30": 30}
POSTS = {
    "bollard", "block", "chain", "cycle_barrier", "full-height_turnstile", "jersey_barrier",
    "kissing_gate", "log", "motorcycle_barrier", "stile", "turnstile", "debris", "horse_stile",
    "planter",
}  # fmt: skip


def _kph(text: str) -> float | None:
    found = []
    for part in text.replace("|", ";").replace(",", ";").split(";"):
        word = part.strip()
        if word in WORDS_KPH:
            found.append(float(WORDS_KPH[word]))
        elif word.replace(".", "", 1).isdigit():
            found.append(float(word))
        elif word.endswith("mph") and word[:-3].strip().isdigit():
            found.append(float(word[:-3]) * 1.609344)
    return min((f for f in found if f > 0), default=None)


def _car_access(tags: Mapping[str, str]) -> str:
    for key in ("motorcar", "motor_vehicle", "vehicle", "access"):
        if key in tags:
            values = [v.strip() for v in tags[key].split(";")]
            return next((v for v in values if v not in SHUT), values[0])
    return ""


def directions(tags: Mapping[str, str]) -> tuple[float, float] | None:
    """Speeds in and against drawing order, km/h, 0 where forbidden; None where closed."""
    kind = tags.get("highway", "")
    if kind not in KPH or tags.get("route") == "ferry" or _car_access(tags) in SHUT:
        return None
    if tags.get("service") == "emergency_access":
        return None
    keys = ("oneway:motorcar", "oneway:motor_vehicle", "oneway:vehicle", "oneway")
    oneway = next((tags[k] for k in keys if k in tags), "")
    if oneway == "reversible":
        return None
    one = oneway in ("yes", "true", "1") or (
        oneway not in ("no", "false", "0", "-1", "reverse")
        and (kind == "motorway" or tags.get("junction") in ("roundabout", "circular"))
    )
    against = oneway in ("-1", "reverse")
    speeds = []
    for side in ("forward", "backward"):
        limit = _kph(tags.get(f"maxspeed:{side}", tags.get("maxspeed", "")))
        speeds.append(min(KPH[kind], limit) if limit else float(KPH[kind]))
    return (0.0 if against else speeds[0], 0.0 if one else speeds[1])


class CarReader(Reader):
    def node(self, n: osmium.osm.Node) -> None:
        if "barrier" in n.tags:
            access = _car_access(dict(n.tags))
            if access in SHUT or (not access and n.tags["barrier"] in POSTS):
                self.shut_nodes.add(n.id)

    def way(self, w: osmium.osm.Way) -> None:
        tags = dict(w.tags)
        speeds = directions(tags)
        if speeds is None:
            return
        bridge = tags.get("bridge", "no") != "no"
        tunnel = tags.get("tunnel", "no") not in ("no", "building_passage", "passage", "arcade")
        stop = not (
            bridge
            or tunnel
            or tags["highway"] in {"trunk_link", *INVITED_ONLY}
            or tags.get("motorroad") == "yes"
        )
        look = (tags["highway"], max(speeds), min(speeds), stop, bridge, tunnel)
        for a, b in pairwise(w.nodes):
            if a.location.valid() and b.location.valid() and a.ref != b.ref:
                self.lonlat[a.ref] = (a.lon, a.lat)
                self.lonlat[b.ref] = (b.lon, b.lat)
                ends = (a.ref, b.ref) if speeds[0] >= speeds[1] else (b.ref, a.ref)
                self.pieces.append((*ends, look))  # type: ignore[arg-type]  # a longer look


class Drives(Walks):
    """The streets of a file as a car uses them; times in ms, legs walked."""

    def __init__(self, path: str, *, metres_per_hour: int, min_km: int) -> None:
        self.times: list[tuple[int | None, int | None]] = []
        super().__init__(path, metres_per_hour=metres_per_hour, min_km=min_km)

    def arcs(self, unit: str) -> Iterator[tuple[int, int, int]]:
        """Streets against the traffic: from sites to homes."""
        assert unit == "ms"
        for edge, (ahead, against) in zip(self.edges, self.times, strict=True):
            for u, v, ms in ((edge.v, edge.u, ahead), (edge.u, edge.v, against)):
                if ms is not None:
                    yield u, v, ms

    def reader(self) -> Reader:
        return CarReader()

    def _edges(self, reader: Reader) -> list[Edge]:
        pieces, lonlat = [list(p) for p in reader.pieces], dict(reader.lonlat)
        spare = max(lonlat) + 1
        for piece in pieces:
            for end in (0, 1):
                if piece[end] in reader.shut_nodes:
                    lonlat[spare] = lonlat[piece[end]]
                    piece[end], spare = spare, spare + 1
        touch: dict[int, list[int]] = {}
        for i, (a, b, _) in enumerate(pieces):
            touch.setdefault(a, []).append(i)
            touch.setdefault(b, []).append(i)

        def corner(node: int) -> bool:
            if len(touch[node]) != 2:
                return True
            (a, _, look), (c, _, other) = (pieces[i] for i in touch[node])
            sided = look[1] != look[2]
            return look != other or (sided and ((a == node) == (c == node)))

        corners = {node for node in touch if corner(node)}
        unused = set(range(len(pieces)))
        edges: list[Edge] = []
        for node in [*sorted(corners), *sorted(touch)]:
            for first in touch[node]:
                if first not in unused:
                    continue
                chain, here, piece = [node], node, first
                along = pieces[first][0] == node
                while True:
                    unused.discard(piece)
                    a, b, look = pieces[piece]
                    here = b if a == here else a
                    chain.append(here)
                    if here in corners or here == node:
                        break
                    piece = next(p for p in touch[here] if p in unused)
                if not along:
                    chain.reverse()
                edges.append(self._edge(chain, look, lonlat))
        return edges

    def _edge(self, chain: list[int], look: tuple, lonlat: Mapping[int, tuple]) -> Edge:
        lons, lats = zip(*(lonlat[n] for n in chain), strict=True)
        mm = math.floor(GEOD.line_length(lons, lats) * 1000 + 0.5)
        line = LineString(self._metric(list(zip(lons, lats, strict=True))))
        self.times.append(
            tuple(  # type: ignore[arg-type]  # two of them
                half_up(Fraction(mm * 3600, round(kph * 1000))) if kph else None
                for kph in look[1:3]
            )
        )
        return Edge(chain[0], chain[-1], mm, line, look[3])

    def ends(self, place: Place, unit: str, *, leaving: bool = True) -> list[tuple[int, int]]:
        """(junction, ms between it and the point) in the direction of traffic."""
        assert unit == "ms"
        edge, leg = self.edges[place.edge], self.ms(place.access)
        ahead, against = self.times[place.edge]
        if not leaving:  # arriving: from the tail along the edge, from the head against it
            ahead, against = against, ahead
        # ``ahead`` now carries from the point to the head or from the head to the point
        rest = edge.mm - place.offset
        found = []
        if ahead is not None or rest == 0:
            found.append((edge.v, leg + half_up(Fraction((ahead or 0) * rest, edge.mm))))
        if against is not None or place.offset == 0:
            part = half_up(Fraction((against or 0) * place.offset, edge.mm))
            found.append((edge.u, leg + part))
        return found

    def along(self, home: Place, site: Place, unit: str) -> list[int]:
        assert unit == "ms"
        legs = self.ms(home.access) + self.ms(site.access)
        on = site.offset - home.offset
        mm = self.edges[home.edge].mm
        return [
            legs + half_up(Fraction(ms * abs(on), mm))
            for ms, fits in zip(self.times[home.edge], (on >= 0, on <= 0), strict=True)
            if ms is not None and fits
        ]


def placed(streets: Walks, points: Mapping[str, Point]) -> dict[str, Place]:
    """Where points are on the streets; those too far from any are left out."""
    found = {name: streets.place(point) for name, point in points.items()}
    return {name: place for name, place in found.items() if place is not None}
