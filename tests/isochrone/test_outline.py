"""Outlines of cells: valid, the cells exactly before the bevel, within them after it."""

from __future__ import annotations

import itertools

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from siting import kernels
from siting.isochrone.outline import outline

MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def as_boxes(mask):
    """The cells one by one, joined by shapely."""
    return shapely.union_all([shapely.box(c, r, c + 1, r + 1) for r, c in np.argwhere(mask)])


def as_rings(mask):
    corner, start, shell = kernels.outline_rings(mask)
    rings = [corner[a:b] for a, b in itertools.pairwise(start)]
    shells = sorted(set(shell.tolist()))
    return shapely.multipolygons(
        [
            shapely.Polygon(rings[s], [rings[h] for h in np.flatnonzero(shell == s) if h != s])
            for s in shells
        ]
    )


@given(MASKS)
@settings(max_examples=300)
def test_rings_bound_the_cells_exactly(mask):
    if not mask.any():
        assert outline(mask, x0=0, y0=0, cell_m=1).is_empty
        return
    found = as_rings(mask)
    assert found.is_valid, shapely.is_valid_reason(found)
    assert found.symmetric_difference(as_boxes(mask)).area == 0
    # cells that touch at a corner only are apart
    apart = shapely.union_all([p.buffer(-0.01) for p in found.geoms])
    assert len(shapely.get_parts(apart)) == len(found.geoms)


@given(MASKS, st.sampled_from([0.5, 2.0, 7.0]))
@settings(max_examples=300)
def test_a_bevelled_outline_lies_within_the_cells_and_is_valid(mask, cell_m):
    found = outline(mask, x0=-100, y0=50, cell_m=cell_m)
    if not mask.any():
        return
    assert found.is_valid, shapely.is_valid_reason(found)
    back = shapely.transform(found, lambda xy: (xy - (-100, 50)) / cell_m)
    assert back.difference(as_boxes(mask)).area < 1e-9
    # no more than half of any cell is cut off, and whole parts never vanish
    assert back.area >= 0.5 * mask.sum()
    assert len(found.geoms) == len(as_rings(mask).geoms)


def test_holes_and_islands_in_holes():
    mask = np.ones((9, 9), dtype=bool)
    mask[2:7, 2:7] = False
    mask[4, 4] = True
    found = outline(mask, x0=0, y0=0, cell_m=1)
    assert sorted(p.area for p in found.geoms) == [1, 56]
    assert sorted(len(p.interiors) for p in found.geoms) == [0, 1]
