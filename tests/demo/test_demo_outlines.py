"""Polygons traced from a raster share their borders exactly."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from siting.demo.chance import noise, shares, stream
from siting.demo.outlines import trace

RASTERS = hnp.arrays(np.int64, st.tuples(st.integers(1, 9), st.integers(1, 9)),
                     elements=st.integers(-1, 3))  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(RASTERS)
def test_traced_areas_do_not_overlap_and_leave_no_gap(labels: np.ndarray) -> None:
    areas = trace(labels, origin=(0.0, 0.0), cell_m=100.0, relax=0)
    shapes = list(areas.values())
    assert all(shape.is_valid for shape in shapes)
    total = sum(shape.area for shape in shapes)
    assert abs(total - shapely.union_all(shapes).area) < 1e-6 * max(total, 1.0)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_smooth_areas_tile_too(seed: int) -> None:
    x = np.arange(40.0)[None, :]
    field = noise(seed, "field", x, np.arange(30.0)[:, None], [9.0, 4.0])
    labels = np.digitize(field, [0.35, 0.5, 0.65])
    areas = trace(labels, origin=(5.0, 7.0), cell_m=50.0)
    shapes = list(areas.values())
    assert all(shape.is_valid for shape in shapes)
    total = sum(shape.area for shape in shapes)
    assert abs(total - shapely.union_all(shapes).area) < 1e-6 * total


def test_a_ring_around_a_hole() -> None:
    labels = np.zeros((7, 7), dtype=np.int64)
    labels[2:5, 2:5] = 1
    areas = trace(labels, origin=(0.0, 0.0), cell_m=10.0, relax=0)
    assert len(areas[0].interiors) == 1
    assert areas[0].interiors[0].equals(areas[1].exterior)


@given(st.integers(0, 10**7), st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_shares_are_whole_and_complete(total: int, weights: list[int]) -> None:
    given_weights = np.array(weights, dtype=np.int64)
    parts = shares(total, given_weights)
    assert parts.sum() == total
    exact = given_weights * total / given_weights.sum()
    assert (np.abs(parts - exact) < 1.0).all()


def test_streams_are_apart() -> None:
    assert stream(1, "roads").random() != stream(1, "people").random()
    assert stream(1, "roads").random() != stream(2, "roads").random()
