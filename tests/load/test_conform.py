"""Conforming: order never matters, arguments stay as they are, what overlaps is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import load, tables
from siting.errors import DataError
from siting.load.shapes import area_m2

CRS = pyproj.CRS.from_epsg(4547)
X, Y = 430_000.0, 3_250_000.0


def box(x: float, y: float, wide: float, tall: float) -> Any:
    return shapely.box(X + x, Y + y, X + x + wide, Y + y + tall)


def point(x: float, y: float) -> Any:
    return shapely.Point(X + x, Y + y)


def frame(shapes: list[Any], **columns: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


CASES: dict[str, Callable[[gpd.GeoDataFrame], Any]] = {
    "zones": lambda f: load.zones(f, crs=CRS, zoning="town"),
    "residential": lambda f: load.residential(f, crs=CRS),
    "parks": lambda f: load.parks(f, crs=CRS),
    "carriers": lambda f: load.carriers(f, crs=CRS),
    "sites": lambda f: load.sites(f, crs=CRS, service="school"),
}


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=8)
@given(order=st.permutations(range(5)), named=st.booleans())
def test_row_order_and_arguments(case: str, order: list[int], *, named: bool) -> None:
    shapes = [box(i * 90, 0, 100, 50 + i) for i in range(5)]  # each overlaps the next
    raw = frame(shapes, name=[f"n{i}" for i in range(5)])
    if named:
        raw["osm_id"] = [f"w{i}" for i in range(5)]
        raw["row"] = raw["osm_id"]
    mixed = raw.iloc[order]
    before = mixed.copy()
    one, two = CASES[case](raw), CASES[case](mixed)
    pd.testing.assert_frame_equal(mixed, before)
    for a, b in zip(one[:-1], two[:-1], strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(a), pd.DataFrame(b))
    if named:
        pd.testing.assert_frame_equal(one.drops, two.drops)


def test_campus_rule() -> None:
    raw = frame(
        [box(0, 0, 100, 100), point(50, 50), box(10, 10, 20, 20), point(200, 0), point(200, 0)],
        osm_id=["w1", "n1", "w2", "n2", "n3"],
        row=["w1", "n1", "w2", "n2", "n3"],
        name=["一小", "", "教学楼", "二小", "三小"],
    )
    found = load.sites(raw, crs=CRS, service="school")
    assert found.sites["site_id"].tolist() == ["n2", "n3", "w1"]
    told = dict(found.drops.query("action == 'dropped'")[["row", "what"]].values.tolist())
    assert told == {"n1": "inside w1 (一小)", "w2": "inside w1 (一小)"}
    gate = found.entrances.set_index("site_id").geometry["w1"]
    assert box(0, 0, 100, 100).contains(gate)


def test_given_gates_belong_to_their_place() -> None:
    parks = frame([box(0, 0, 100, 100), box(150, 0, 100, 100)], park_id=["a", "b"])
    gates = frame([point(-5, 50), point(155, 50), point(125, 50), point(500, 500)])
    found = load.parks(parks, crs=CRS, entrances=gates)
    assert found.entrances["park_id"].tolist() == ["a", "b"]
    assert len(found.drops.query("table == 'park_entrances'")) == 2
    named = gates.assign(park_id=["a", "b", "b", "nowhere"])
    with pytest.raises(DataError, match=r"park_entrances: .*not in the layer"):
        load.parks(parks, crs=CRS, entrances=named)


def test_sites_of_several_services_are_one_set() -> None:
    school = load.sites(frame([point(0, 0)], site_id=["1"], name=["校"]), crs=CRS, service="a")
    same = load.sites(frame([point(1, 0)], site_id=["1"], name=["校"]), crs=CRS, service="b")
    other = load.sites(frame([point(900, 0)], site_id=["1"], name=["站"]), crs=CRS, service="c")
    joined = load.join_sites([school, same])
    assert len(joined.sites) == 1
    assert joined.offers["service"].tolist() == ["a", "b"]
    with pytest.raises(DataError, match="different places"):
        load.join_sites([school, other])


def test_lengths_of_another_unit_are_refused_by_name() -> None:
    """0.25 for 250 m is a street walked in no time; a winding or a rounded length is fine."""
    lines = [
        shapely.LineString([(430_000, y), (430_250, y)]) for y in range(3_250_000, 3_250_005)
    ] + [shapely.LineString([(430_000, 3_250_000), (430_001, 3_250_000)])]
    table = gpd.GeoDataFrame(
        {"highway": ["residential"] * 6, "length_m": [0.25, 250_000, 249, 700, None, 30]},
        geometry=lines, crs=4547,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"2 of 6 rows have a length_m .*row 1, row 2"):
        load.roads(table, crs=pyproj.CRS(4547))
    assert len(load.roads(table.iloc[2:], crs=pyproj.CRS(4547)).table) == 4


@pytest.mark.parametrize(
    ("factor", "refused"), [(1 / 0.3048, True), (2.0, True), (0.6, True), (1.4, False)]
)
def test_lengths_in_feet_are_refused_by_their_median(factor: float, refused: bool) -> None:
    """No line alone is absurd: a street may wind to three times as drawn, but not half of all."""
    lines = [shapely.LineString([(430_000, y), (430_250, y)]) for y in range(3_250_000, 3_250_010)]
    table = gpd.GeoDataFrame(
        {"highway": ["residential"] * 10, "length_m": [250.0 * factor] * 6 + [250.0] * 4},
        geometry=lines, crs=4547,
    )  # fmt: skip
    if refused:
        with pytest.raises(DataError, match=rf"length_m, which is {factor:.2f} times the line"):
            load.roads(table, crs=pyproj.CRS(4547))
    else:
        load.roads(table, crs=pyproj.CRS(4547))
    few = table.iloc[:9]
    assert len(load.roads(few, crs=pyproj.CRS(4547)).table) == 9


def test_a_layer_without_classes_is_told_a_mend_that_a_study_has() -> None:
    """No study can declare one class for all roads: it names the column."""
    table = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (9, 0)])], crs=4547)
    with pytest.raises(DataError, match=r'columns = \{ highway = "…" \}\.'):
        load.roads(table, crs=pyproj.CRS(4547))


def test_zones_that_overlap_are_told_with_the_area() -> None:
    raw = frame([box(0, 0, 100, 100), box(90, 0, 100, 100)], zone_id=["b", "a"])
    found = load.zones(raw, crs=CRS, zoning="town")
    assert found.drops["what"].tolist() == [
        "overlaps b by 1000 m²; shared ground is a's",
        "overlaps a by 1000 m²; shared ground is a's",
    ]
    assert load.zones(raw, crs=CRS, zoning="town", overlap_m2=2000).drops.empty


def test_a_zone_that_stands_twice_is_refused_with_or_without_ids() -> None:
    """Listed and kept, its control total would be two zones' people."""
    once, other = box(0, 0, 100, 100), box(100, 0, 100, 100)
    people = {"population": [10, 10, 5]}
    for content, told in (
        ({"zone_id": ["a", "a", "b"]}, "2 of 3 rows share their zone_id with another"),
        ({"name": ["x", "x", "y"]}, "2 of 3 rows are a zone that stands twice.*row 1, row 2"),
        ({"name": ["x", "x", "y"], "code": ["1", "1", "2"]}, "a zone that stands twice"),
        ({"osm_id": ["r1", "r1", "r2"]}, "2 of 3 rows"),
    ):
        with pytest.raises(DataError, match=told):
            load.zones(frame([once, once, other], **content, **people), crs=CRS, zoning="town")
    # by another name it is another zone on the same ground: one of them has it, and it is listed
    found = load.zones(frame([once, once, other], name=["x", "z", "y"]), crs=CRS, zoning="town")
    assert len(found.table) == 3
    assert found.drops["what"].str.contains("overlaps").sum() == 2


def test_private_parks_are_not_public() -> None:
    raw = frame([box(0, 0, 9, 9), box(20, 0, 9, 9)], park_id=["a", "b"], access=["private", None])
    found = load.parks(raw, crs=CRS)
    assert found.parks["park_id"].tolist() == ["b"]
    assert found.drops["row"].tolist() == ["a"]


def test_a_zone_with_people_and_no_polygon_is_an_error() -> None:
    raw = frame([box(0, 0, 9, 9), None], zone_id=["a", "b"], population=[3, 4])
    with pytest.raises(DataError, match=r"people but no geometry \(b\)"):
        load.zones(raw, crs=CRS, zoning="town")


@given(st.lists(st.floats(0.01, 1e4), min_size=2, max_size=30), st.randoms())
def test_areas_add_up_in_any_order(sides: list[float], random: Any) -> None:
    areas = area_m2([shapely.box(0, 0, s, s) for s in sides]).tolist()
    mixed = list(areas)
    random.shuffle(mixed)
    assert sum(areas) == sum(mixed) == float(np.sum(areas))


@pytest.mark.parametrize("name", tables.CONTRACTS)
def test_every_contract_refuses_an_empty_frame(name: str) -> None:
    needed = [c for c, column in tables.CONTRACTS[name].columns.items() if not column.optional]
    with pytest.raises(DataError) as caught:
        tables.check(name, pd.DataFrame({"other": [1]}))
    told = str(caught.value)
    assert all(c in told for c in needed)


def test_coverage_must_add_up() -> None:
    row = {"plan": "p", "zoning": "t", "zone_id": "z", "settlement": "urban", "service": "s"}
    parts = {"covered": 3, "no_seat": 1, "out_of_reach": 2, "not_assessed": 1}
    good = pd.DataFrame([{**row, "rule_id": "r", "persons": 7, **parts}])
    tables.check("coverage", good)
    with pytest.raises(DataError, match="do not add up"):
        tables.check("coverage", good.assign(persons=8))
