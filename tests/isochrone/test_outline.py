"""Outlines of cells: valid, and within what every cell claims."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import kernels
from siting.isochrone.outline import polygons, rings

CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))  # south-west, south-east, north-west, north-east
SIDES = ((0, 1), (1, 3), (3, 2), (2, 0))  # counter-clockwise


def outline(*cells, **places):
    return polygons([rings(*cells, **places)])[0]


@st.composite
def lattices(draw):
    """Cells that hold nothing, all, or a part, round them a rim of nothing."""
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    kind = st.sampled_from(["nothing", "whole", "whole", "cut", "cut"])
    bound = st.one_of(
        st.floats(-5, 5), st.sampled_from([-1e-12, 0.0, 1e-12, -1e6, 1e9, float("inf")])
    )
    cells = np.zeros((rows + 2, columns + 2), dtype=np.int32)
    at, value = [], []
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            held = draw(kind)
            if held == "whole":
                cells[row, column] = kernels.WHOLE
            elif held == "cut":
                four = draw(st.tuples(bound, bound, bound, bound))
                if min(four) <= 0:
                    cells[row, column] = kernels.FIRST_CUT + len(at)
                    at.append((row, column))
                    value.append(four)
    return (
        cells,
        np.array(at, dtype=np.int64).reshape(-1, 2),
        np.array(value, dtype=float).reshape(-1, 4),
    )


def claimed(cells, value):
    """What each cell claims, worked out one by one: the hull of places on its sides."""
    parts = []
    for row, column in np.argwhere(cells > 0).tolist():
        which = cells[row, column] - kernels.FIRST_CUT
        four = value[which] if which >= 0 else (-1.0,) * 4
        places = []
        for first, second in SIDES:
            a, b = np.array(CORNERS[first]), np.array(CORNERS[second])
            low, high = four[first], four[second]
            if low <= 0:
                places.append(a)
            if (low <= 0) != (high <= 0):
                inside, outside = (low, high) if low <= 0 else (high, low)
                share = 0.0 if np.isinf(outside) else -inside / (outside - inside)
                places.append(a + share * (b - a) if low <= 0 else b + share * (a - b))
        parts.append(shapely.MultiPoint([(column + x, row + y) for x, y in places]).convex_hull)
    return shapely.union_all([shapely.buffer(part, 1e-9) for part in parts])


@given(lattices())
@settings(max_examples=400)
def test_an_outline_is_valid_and_within_what_cells_claim(lattice):
    cells, at, value = lattice
    found = outline(cells, at, value, x0=0, y0=0, cell_m=1)
    assert found.is_valid, shapely.is_valid_reason(found)
    assert found.difference(claimed(cells, value)).area < 1e-9
    rings = [ring for part in found.geoms for ring in (part.exterior, *part.interiors)]
    assert not any(a.intersects(b) for i, a in enumerate(rings) for b in rings[:i])


@given(lattices())
def test_no_corner_that_all_its_cells_claim_is_lost(lattice):
    """But where one of its sides is claimed for less than a 64th."""
    cells, at, value = lattice
    found = shapely.buffer(outline(cells, at, value, x0=0, y0=0, cell_m=1), 1e-9)
    by_cell = {tuple(place): four for place, four in zip(at.tolist(), value, strict=True)}
    for row in range(1, cells.shape[0]):
        for column in range(1, cells.shape[1]):
            around = [(row - 1, column - 1, 3), (row - 1, column, 2), (row, column - 1, 1),
                      (row, column, 0)]  # fmt: skip
            four = [by_cell.get((r, c), (-1.0,) * 4) for r, c, _ in around]
            sure = all(
                cells[r, c] > 0 and v[k] <= 0 and max(-v[k] / (w - v[k]) if w > 0 else 1
                                                      for w in (v[k ^ 1], v[k ^ 2])) > 0.02
                and min(-v[k] / (w - v[k]) if w > 0 else 1 for w in (v[k ^ 1], v[k ^ 2])) > 0.02
                for (r, c, k), v in zip(around, four, strict=True)
            )  # fmt: skip
            if sure:
                assert found.intersects(shapely.Point(column, row))


@given(lattices(), st.sampled_from([0.5, 2.0, 7.0]))
def test_places_and_sizes_are_those_asked_for(lattice, cell_m):
    cells, at, value = lattice
    plain = outline(cells, at, value, x0=0, y0=0, cell_m=1)
    moved = outline(cells, at, value, x0=-100, y0=50, cell_m=cell_m)
    back = shapely.transform(moved, lambda xy: (xy - (-100, 50)) / cell_m)
    assert back.symmetric_difference(plain).area < 1e-9


def no_cuts():
    return np.empty((0, 2), dtype=np.int64), np.empty((0, 4))


def test_holes_and_islands_in_holes():
    cells = np.zeros((15, 15), dtype=np.int32)
    cells[1:14, 1:14] = kernels.WHOLE
    cells[4:11, 4:11] = kernels.NOTHING
    cells[6:9, 6:9] = kernels.WHOLE
    found = outline(cells, *no_cuts(), x0=0, y0=0, cell_m=1)
    assert sorted(len(p.interiors) for p in found.geoms) == [0, 1]
    assert found.intersects(shapely.Point(7.5, 7.5))
    assert not found.intersects(shapely.Point(5, 7.5))
    assert found.intersects(shapely.Point(2.5, 7.5))


def test_a_straight_edge_is_one_side():
    """A half-plane cut through a row of cells leaves no corner between its ends."""
    cells = np.zeros((6, 12), dtype=np.int32)
    cells[1:3, 1:11] = kernels.WHOLE
    at = np.array([(3, column) for column in range(1, 11)])
    value = np.tile([-1.0, -1.0, 3.0, 3.0], (10, 1))
    cells[3, 1:11] = kernels.FIRST_CUT + np.arange(10)
    found = outline(cells, at, value, x0=0, y0=0, cell_m=1)
    north = [y for _, y in found.geoms[0].exterior.coords if y > 3.0]
    assert north == [3.25, 3.25]


@given(st.lists(lattices(), min_size=1, max_size=4))
def test_areas_made_together_are_those_made_one_by_one(many):
    together = polygons([rings(*cells, x0=0, y0=0, cell_m=1) for cells in many])
    for made, cells in zip(together, many, strict=True):
        assert made.equals_exact(outline(*cells, x0=0, y0=0, cell_m=1), 0)
