"""Small made-up towns of residential land and parks."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
from builders import CRS
from hypothesis import strategies as st
from shapely import Polygon, box


def land_of(*shapes: Polygon, settlement: Any = "urban", quarter: Any = "") -> gpd.GeoDataFrame:
    n = len(shapes)
    return gpd.GeoDataFrame(
        {
            "residential_id": [f"R{i}" for i in range(n)],
            "settlement": [settlement] * n if isinstance(settlement, str) else settlement,
            "quarter": [quarter] * n if isinstance(quarter, str) else quarter,
            "area_m2": [shape.area for shape in shapes],
        },
        geometry=list(shapes),
        crs=CRS,
    )


def parks_of(*rows: tuple[Polygon, str, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "park_id": [f"P{i}" for i in range(len(rows))],
            "name": "park",
            "kind": [kind for _, kind, _ in rows],
            "area_m2": [float(area) for _, _, area in rows],
        },
        geometry=[shape for shape, _, _ in rows],
        crs=CRS,
    )


@st.composite
def towns(draw: st.DrawFn) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    place = st.integers(0, 1_500)
    size = st.sampled_from([30, 40, 60, 80])
    shapes = [
        box(x, y, x + w, y + h)
        for x, y, w, h in draw(
            st.lists(st.tuples(place, place, size, size), min_size=1, max_size=4)
        )
    ]
    parks = [
        (box(x, y, x + w, y + h), kind, w * h)
        for x, y, w, h, kind in draw(
            st.lists(
                st.tuples(place, place, size, size, st.sampled_from(["park", "green"])),
                max_size=4,
            )
        )
    ]
    n = len(shapes)
    land = land_of(
        *shapes,
        settlement=draw(st.lists(st.sampled_from(["urban", "village"]), min_size=n, max_size=n)),
        quarter=draw(st.lists(st.sampled_from(["old", "new", ""]), min_size=n, max_size=n)),
    )
    return land, parks_of(*parks)
