"""Zones read from GeoJSON and points placed in them, without siting, geopandas or shapely."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pyproj

Ring = list[tuple[float, float]]


def read(file: Path, key: str, epsg: int) -> dict[str, list[Ring]]:
    """Rings by zone, in the metric CRS; a file that names no CRS is in WGS 84."""
    content = json.loads(file.read_text("utf-8"))
    name = content.get("crs", {}).get("properties", {}).get("name", "EPSG:4326")
    to_metric = pyproj.Transformer.from_crs(name, epsg, always_xy=True)
    zones = {}
    for feature in content["features"]:
        shape = feature["geometry"]
        parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        zones[str(feature["properties"][key])] = [
            [to_metric.transform(x, y) for x, y in ring] for part in parts for ring in part
        ]
    return zones


def inside(rings: list[Ring], x: float, y: float) -> bool:
    """Whether a ray to the east crosses the rings an odd number of times."""
    odd = False
    for ring in rings:
        for (ax, ay), (bx, by) in pairwise(ring):
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                odd = not odd
    return odd


def zone_of(
    zones: Mapping[str, list[Ring]], points: Mapping[str, tuple[float, float]]
) -> dict[str, str]:
    """The zone of each point: the smallest id of those it is in, "" where there is none."""
    return {
        name: min((z for z, rings in zones.items() if inside(rings, x, y)), default="")
        for name, (x, y) in points.items()
    }
