"""Laws of putting people at places: totals kept to the person, order never matters."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import demand
from siting.errors import DataError
from siting.load.shapes import area_m2

CRS = pyproj.CRS.from_epsg(4547)
WEIGHTS = st.lists(
    st.one_of(st.integers(0, 10**9), st.floats(0, 1e12), st.just(0)), min_size=1, max_size=30
).filter(lambda w: any(w))
TOTALS = st.integers(0, 10**10)


@given(WEIGHTS, TOTALS)
def test_largest_remainder_keeps_the_total_and_the_quota(weights: list[float], total: int) -> None:
    parts = demand.largest_remainder(weights, total).tolist()
    assert sum(parts) == total
    whole = sum(Fraction(w) for w in weights)
    for part, weight in zip(parts, weights, strict=True):
        quota = total * Fraction(weight) / whole
        assert quota - 1 < part < quota + 1
        assert part >= 0
        assert weight or not part


@given(WEIGHTS, TOTALS)
def test_who_weighs_more_never_gets_less(weights: list[float], total: int) -> None:
    parts = demand.largest_remainder(weights, total).tolist()
    ranked = sorted(zip(weights, parts, strict=True))
    for (light, few), (heavy, many) in itertools.pairwise(ranked):
        assert few <= many or light == heavy


@given(WEIGHTS, TOTALS, st.randoms())
def test_order_does_not_matter(weights: list[float], total: int, random: Any) -> None:
    ids = [f"d{i:02d}" for i in range(len(weights))]
    parts = dict(zip(ids, demand.largest_remainder(weights, total, ids=ids), strict=True))
    mixed = list(zip(ids, weights, strict=True))
    random.shuffle(mixed)
    names, values = [m[0] for m in mixed], [m[1] for m in mixed]
    again = dict(zip(names, demand.largest_remainder(values, total, ids=names), strict=True))
    assert parts == again


@given(WEIGHTS, TOTALS, st.integers(-30, 30))
def test_the_unit_of_weights_does_not_matter(weights: list[float], total: int, power: int) -> None:
    floats = [float(w) for w in weights]
    if min((f for f in floats if f), default=1) < 1e-200:
        return
    scaled = [f * 2.0**power for f in floats]
    one = demand.largest_remainder(floats, total)
    assert one.tolist() == demand.largest_remainder(scaled, total).tolist()


def test_ties_favour_no_corner_of_the_map() -> None:
    """100 people over 1,600 equal cells: each quarter of the square gets about 25 of them."""
    ids = [f"land/{column}/{row}" for column in range(40) for row in range(40)]
    parts = demand.largest_remainder([7] * len(ids), 100, ids=ids)
    assert set(parts.tolist()) == {0, 1}
    quarters = parts.reshape(2, 20, 2, 20).sum(axis=(1, 3)).ravel()
    # four standard deviations of a draw without replacement
    limit = 4 * (100 * 0.25 * 0.75 * (1_600 - 100) / (1_600 - 1)) ** 0.5
    assert (abs(quarters - 25) <= limit).all(), quarters


@pytest.mark.parametrize(
    ("weights", "total"), [([0, 0], 1), ([], 1), ([-1, 2], 1), ([1], -1), ([float("nan")], 1)]
)
def test_what_cannot_be_divided_is_refused(weights: list[float], total: int) -> None:
    with pytest.raises(DataError):
        demand.largest_remainder(weights, total)


def land(sides: list[tuple[float, float, float, float]]) -> gpd.GeoDataFrame:
    shapes = [
        shapely.Point(x, y).buffer(w, quad_segs=3).union(shapely.box(x, y, x + h, y + w))
        for x, y, w, h in sides
    ]
    return gpd.GeoDataFrame(
        {
            "residential_id": [f"r{i}" for i in range(len(sides))],
            "settlement": "urban",
            "quarter": "",
            "area_m2": area_m2(shapes),
        },
        geometry=shapes,
        crs=CRS,
    )


PLACES = st.lists(
    st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(1, 250), st.floats(1, 250)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25)
@given(PLACES, st.sampled_from([25.0, 100.0, 333.3]))
def test_cells_add_up_to_their_land_exactly(
    sides: list[tuple[float, float, float, float]], cell_m: float
) -> None:
    residential = land(sides)
    cells = demand.cells(residential, cell_m=cell_m)
    sums = cells.groupby("residential_id")["area_m2"].sum()
    assert sums.to_dict() == residential.set_index("residential_id")["area_m2"].to_dict()
    assert cells["cell_id"].is_unique
    assert np.allclose(cells["area_m2"], cells.geometry.area, atol=0.05)
    points = demand.carriers_of(cells).geometry
    assert shapely.intersects(cells.geometry.to_numpy(), points.to_numpy()).all()
    mixed = demand.cells(residential.iloc[::-1], cell_m=cell_m)
    pd.testing.assert_frame_equal(pd.DataFrame(cells), pd.DataFrame(mixed))


@settings(max_examples=15)
@given(PLACES, st.sampled_from([100.0, 333.3]))
def test_nobody_of_a_cell_lives_farther_than_it_says_and_somebody_as_far(
    sides: list[tuple[float, float, float, float]], cell_m: float
) -> None:
    """Looked at along the whole outline, five metres by five."""
    cells = demand.cells(land(sides), cell_m=cell_m)
    spots = demand.carriers_of(cells)
    for cell, point, told in zip(cells.geometry, spots.geometry, spots["spread_m"], strict=True):
        along = shapely.segmentize(cell.boundary, 5.0)
        far = shapely.distance(shapely.points(shapely.get_coordinates(along)), point).max()
        assert told == pytest.approx(far, abs=1e-6)


def test_a_whole_cell_is_half_its_diagonal_and_a_strip_half_its_length() -> None:
    shapes = [shapely.box(0, 0, 100, 100), shapely.box(0, 200, 100, 201)]
    residential = land([(0, 0, 1, 1)] * 2).set_geometry(shapes, crs=CRS)
    cells = demand.cells(residential.assign(area_m2=area_m2(shapes)), cell_m=100)
    spots = demand.carriers_of(cells).rename(columns={"carrier_id": "demand_id"})
    # √(2 · 50²) and √(50² + 0.5²); of a square as large as the strip it would be 7.1 m
    assert demand.spread_mm(spots).tolist() == [70_711, 50_002]


def test_the_grid_hangs_on_the_origin() -> None:
    one = demand.cells(land([(10, 10, 50, 50)]), cell_m=100)
    both = demand.cells(land([(10, 10, 50, 50), (500, 500, 50, 50)]), cell_m=100)
    assert set(one["cell_id"]) <= set(both["cell_id"])


def grid_zones(zoning: str, side: float) -> gpd.GeoDataFrame:
    count = int(1000 / side)
    rows = [(i, j) for i in range(count) for j in range(count)]
    return gpd.GeoDataFrame(
        {
            "zoning": zoning,
            "zone_id": [f"{i}-{j}" for i, j in rows],
            "name": [f"{i}-{j}" for i, j in rows],
            "settlement": ["urban" if i == 0 else "village" for i, _ in rows],
        },
        geometry=[shapely.box(i * side, j * side, (i + 1) * side, (j + 1) * side) for i, j in rows],
        crs=CRS,
    )


def carriers(places: list[tuple[float, float]], settlement: str = "") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "carrier_id": [f"c{i:02d}" for i in range(len(places))],
            "settlement": settlement,
            "area_m2": [100.0 + i for i in range(len(places))],
            "weight": [float(i % 3) for i in range(len(places))],
        },
        geometry=[shapely.Point(p) for p in places],
        crs=CRS,
    )


STEPS = st.integers(-3, 23).map(lambda v: v * 50.0)
SPOTS = st.lists(st.tuples(STEPS, STEPS), min_size=1, max_size=25)


@settings(max_examples=25)
@given(SPOTS)
def test_every_zoning_sums_to_the_region(places: list[tuple[float, float]]) -> None:
    points = carriers(places, "urban").rename(columns={"carrier_id": "demand_id"})
    zones = pd.concat([grid_zones("four", 500), grid_zones("quarters", 250)], ignore_index=True)
    found = demand.membership(points, zones)
    assert len(found) == 2 * len(points)
    assert not found.duplicated(["demand_id", "zoning"]).any()
    where = dict(zip(points["demand_id"], points.geometry, strict=True))
    for demand_id, zoning, zone_id in found.itertuples(index=False):
        rows = zones[zones["zoning"] == zoning]
        touched = sorted(rows.loc[rows.geometry.intersects(where[demand_id]), "zone_id"])
        assert zone_id == (touched[0] if touched else "")
    mixed = demand.membership(points.iloc[::-1], zones.iloc[::-1])
    pd.testing.assert_frame_equal(found, mixed)


@settings(max_examples=25)
@given(
    SPOTS,
    st.lists(st.integers(0, 5000), min_size=4, max_size=4),
    st.sampled_from(["area", "equal"]),
)
def test_zone_totals_are_kept_exactly(
    places: list[tuple[float, float]], totals: list[int], by: Any
) -> None:
    zones = grid_zones("four", 500)
    spots = carriers(places)
    asked = pd.DataFrame({"zone_id": zones["zone_id"], "population": totals})
    options: dict[str, Any] = {"by": by, "settlement": "urban", "fallback": "zone_point"}
    found = demand.spread(asked, spots, zones=zones, **options)
    members = demand.membership(found.table, zones).set_index("demand_id")["zone_id"]
    people = found.table.set_index("demand_id")["population"].groupby(members).sum()
    for zone_id, total in asked.itertuples(index=False):
        assert people.get(zone_id, 0) == total
    outside = members[members == ""].index
    assert found.table.set_index("demand_id").loc[outside, "population"].sum() == 0
    assert set(outside) == set(found.drops.loc[found.drops["action"] == "no people", "row"])
    mixed = demand.spread(asked.iloc[::-1], spots.iloc[::-1], zones=zones.iloc[::-1], **options)
    pd.testing.assert_frame_equal(pd.DataFrame(found.table), pd.DataFrame(mixed.table))
    pd.testing.assert_frame_equal(found.drops, mixed.drops)


def test_a_zone_with_people_and_no_carrier_is_named() -> None:
    zones = grid_zones("four", 500)
    asked = zones[["zone_id"]].assign(population=[10, 20, 30, 0])
    spots = carriers([(100, 100)])
    with pytest.raises(DataError, match=r"2 of 4 zones .*\(0-1, 1-0\).*zone_point"):
        demand.spread(asked, spots, zones=zones, by="area")
    found = demand.spread(asked, spots, zones=zones, by="area", fallback="zone_point")
    assert found.table["population"].sum() == 60
    assert found.table["settlement"].tolist() == ["urban", "village", "urban"]  # by id
    assert found.drops["action"].tolist() == ["added", "added"]


def test_totals_and_zones_must_match() -> None:
    zones = grid_zones("four", 500)
    asked = pd.DataFrame({"zone_id": ["0-0", "9-9"], "population": [1, 2]})
    with pytest.raises(DataError) as caught:
        demand.spread(asked, carriers([(100, 100)]), zones=zones)
    assert "9-9" in str(caught.value)
    assert "0-1, 1-0, 1-1" in str(caught.value)


def test_settlement_comes_from_the_row_then_the_zone_then_the_study() -> None:
    zones = grid_zones("four", 500)
    people = gpd.GeoDataFrame(
        {"demand_id": ["a", "b", "c"], "population": [1, 2, 3], "settlement": ["village", "", ""]},
        geometry=[shapely.Point(100, 100), shapely.Point(100, 100), shapely.Point(-9, -9)],
        crs=CRS,
    )
    with pytest.raises(DataError, match=r"no settlement class \(c\)"):
        demand.from_points(people, zones=zones)
    found = demand.from_points(people, zones=zones, settlement="township_seat").table
    assert found["settlement"].tolist() == ["village", "urban", "township_seat"]


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=20),
    st.floats(0, 1).map(lambda s: round(s, 4)),
)
def test_shares_of_people(population: list[int], share: float) -> None:
    points = pd.DataFrame(
        {
            "demand_id": [f"d{i:02d}" for i in range(len(population))],
            "population": population,
            "settlement": ["urban" if i % 2 else "village" for i in range(len(population))],
        }
    )
    found = demand.cohorts(points, {"g": share}, year=2025)  # type: ignore[arg-type]
    exact = Fraction(str(share)) * sum(population)
    assert found["persons"].sum() == int(exact + Fraction(1, 2))
    joined = found.merge(points, on="demand_id")
    assert (joined["persons"] <= joined["population"]).all()
    for _, part in joined.groupby("settlement"):
        assert (
            abs(part["persons"].sum() - Fraction(str(share)) * int(part["population"].sum())) <= 1
        )
    mixed = demand.cohorts(points.iloc[::-1], {"g": share}, year=2025)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(found, mixed)
