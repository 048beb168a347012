"""Green near homes on Malta by plain overlay, a second time without a line of siting.

Conventions: a park serves a radius from its edge; circles are drawn inside by 64 segments a
quarter. One gets in where a walking path that one may stop on meets the edge, at both ends where it
runs along. On foot a cell of land counts with its straight share if its point is within the radius
of such a gate, by length; a cell is judged on foot if it is on a part of the streets that has a
gate of any green.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import shapely
from malta_independent import Place, Walks
from search import Search
from shapely.ops import unary_union

Shape = shapely.Geometry
EDGE_M = 20


def paths(walks: Walks) -> shapely.STRtree:
    return shapely.STRtree([edge.line for edge in walks.edges if edge.may_stop])


def straight(cells: Mapping[str, Shape], parks: Iterable[tuple[Shape, int]]) -> dict[str, float]:
    """m² of each cell within the radius of any of the parks, given with their radii."""
    buffers = [shape.buffer(radius, quad_segs=64) for shape, radius in parks]
    tree = shapely.STRtree(buffers)
    found = {}
    for name, cell in cells.items():
        near = tree.query(cell, predicate="intersects")
        found[name] = unary_union([cell.intersection(buffers[i]) for i in near]).area
    return found


def gates(paths: shapely.STRtree, park: Shape) -> list[shapely.Point]:
    """Where paths meet the edge of a park, to the millimetre."""
    spots = set()
    edge = park.boundary
    for i in paths.query(edge, predicate="intersects"):
        for part in shapely.get_parts(edge.intersection(paths.geometries[i])):
            ends = part.coords if part.geom_type == "Point" else (part.coords[0], part.coords[-1])
            spots |= {(round(x, 3), round(y, 3)) for x, y in ends}
    return [shapely.Point(spot) for spot in sorted(spots)]


def steps(park: Shape) -> list[shapely.Point]:
    """Points along the edge of a park, at most 20 m apart, all corners among them."""
    spots = set()
    for part in shapely.get_parts(park):
        for ring in (part.exterior, *part.interiors):
            corners = list(ring.coords)
            for (x, y), (u, v) in pairwise(corners):
                pieces = max(1, -int(-(((u - x) ** 2 + (v - y) ** 2) ** 0.5) // EDGE_M))
                for k in range(pieces):
                    spot = (x + (u - x) * k / pieces, y + (v - y) * k / pieces)
                    spots.add((round(spot[0], 3), round(spot[1], 3)))
    return [shapely.Point(spot) for spot in sorted(spots)]


def walked(
    search: Search, doors: Iterable[shapely.Point], homes: Mapping[str, Place], radius_m: int
) -> set[str]:
    """Homes within the radius, by length, of any of the doors."""
    at = [place for door in doors if (place := search.streets.place(door)) is not None]
    return {name for name, mm in search.nearest(at, homes).items() if mm <= radius_m * 1000}
