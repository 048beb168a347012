"""Green: land by exact geometry, on foot never above straight, indicators never mixed."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from builders import CRS, times_from
from green_worlds import land_of, parks_of, towns
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, box

from siting import demand, green, rules
from siting.errors import DataError, StudyError
from siting.rules import Rule

BOOK = rules.load()
THREE = green.indicators(BOOK)
GOALS = green.targets(BOOK)


def all_in(cells: gpd.GeoDataFrame, zone: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"demand_id": cells["cell_id"], "zoning": "t", "zone_id": zone})


def straight_of(cells: gpd.GeoDataFrame, parks: gpd.GeoDataFrame) -> dict[str, float]:
    table = green.green_coverage(cells, parks, all_in(cells), indicators=THREE).table
    return dict(table.groupby("indicator")["straight_m2"].sum())


def serving(name: str, quarter: str, kind: str, area: float) -> float:
    """How far a park serves, by the words of the norms and with their numbers typed in."""
    if name == "see_green_300":
        return 300
    if kind != "park":
        return 0
    if name == "park_500":
        return 500
    if area >= 5_000:
        return 500
    return 300 if area >= (1_000 if quarter == "old" else 2_000) else 0


@settings(max_examples=25)
@given(towns(), st.sampled_from([50, 70]))
def test_straight_areas_equal_one_plain_overlay(town: Any, cell_m: int) -> None:
    land, parks = town
    cells = demand.cells(land, cell_m=cell_m)
    found = green.green_coverage(cells, parks, all_in(cells), indicators=THREE).cells
    for row in found.itertuples():
        for indicator in THREE:
            discs = [
                shape.buffer(serving(indicator.name, row.quarter, kind, area), quad_segs=64)
                for shape, kind, area in zip(
                    parks.geometry, parks["kind"], parks["area_m2"], strict=True
                )
                if serving(indicator.name, row.quarter, kind, area)
            ]
            expected = row.geometry.intersection(shapely.union_all(discs)).area
            got = getattr(row, f"{indicator.name}_straight_m2")
            assert got == pytest.approx(expected, abs=2e-3)


@settings(max_examples=25)
@given(towns(), st.data())
def test_laws_on_foot_zonings_and_row_order(town: Any, data: st.DataObject) -> None:
    land, parks = town
    cells = demand.cells(land, cell_m=40)
    n = len(cells)
    zones = {
        z: data.draw(st.lists(st.sampled_from(["", "a", "b"]), min_size=n, max_size=n))
        for z in ("townships", "units")
    }
    member = pd.concat(
        pd.DataFrame({"demand_id": cells["cell_id"], "zoning": z, "zone_id": ids})
        for z, ids in zones.items()
    )
    # lengths at will: shorter than the straight line, none, or unattached
    lengths_at_will = st.sampled_from([-1, 0, 299_999, 300_001, 499_999, 700_000])
    lengths = pd.DataFrame(
        [
            [data.draw(lengths_at_will) for _ in range(len(parks))]
            for _ in range(n)
        ],
        index=list(cells["cell_id"]), columns=list(parks["park_id"]),
    )  # fmt: skip
    off = data.draw(st.lists(st.sampled_from(list(cells["cell_id"])), unique=True, max_size=2))
    foot = times_from(lengths, impedance="length", cutoff=500_000, unattached=off)
    upper = times_from(lengths * 0, impedance="length", cutoff=500_000)
    copies = cells.copy(deep=True), parks.copy(deep=True), member.copy(deep=True)
    found = green.green_coverage(
        cells, parks, member, indicators=THREE, foot=foot, foot_upper=upper
    )
    again = green.green_coverage(
        cells[::-1], parks[::-1], member[::-1], indicators=THREE, foot=foot, foot_upper=upper
    )
    pd.testing.assert_frame_equal(found.table, again.table)
    assert copies[0].equals(cells)
    assert copies[1].equals(parks)
    assert copies[2].equals(member)
    table = found.table
    assert (table["foot_m2"] <= table["foot_upper_m2"]).all()
    assert (table["foot_upper_m2"] <= table["straight_m2"]).all()
    assert (table["straight_m2"] <= table["land_m2"]).all()
    assert (table["foot_m2"] <= table["land_m2"] - table["not_assessed_m2"]).all()
    total = np.rint(cells["area_m2"] * 1024).sum()
    for _, part in table.groupby(["zoning", "indicator"]):
        assert np.rint(part["land_m2"] * 1024).sum() == total
    outside = table[table["zone_id"] == ""]
    assert (outside["not_assessed_m2"] == outside["land_m2"]).all()
    assert (outside[["straight_m2", "foot_upper_m2"]] == 0).all(axis=None)
    assert (table["judged"] == (table["settlement"] == "urban")).all()
    for name in ("see_green_300", "park_500", "park_radius_rate"):
        cell = found.cells
        assert (~cell[f"{name}_foot"] | cell["assessed"]).all()
        assert (~cell[f"{name}_foot"] | cell[f"{name}_foot_upper"]).all()


def test_the_disc_of_a_park_by_pencil() -> None:
    # a park 10 × 600 m; land touching its long side at the distance 300 m is half in, half out
    park = box(0, 0, 10, 600)
    cells = demand.cells(land_of(box(305, 200, 315, 300)), cell_m=1_000)
    straight = straight_of(cells, parks_of((park, "park", 6_000)))
    # within 300 m of x = 10: 305–310 of 305–315, over 100 m
    assert straight == {"see_green_300": 500.0, "park_500": 1_000.0, "park_radius_rate": 1_000.0}
    # around a corner: the quarter disc is inscribed, so its area is short by what is stated
    corner = demand.cells(land_of(box(10, 600, 310, 900)), cell_m=1_000)
    area = straight_of(corner, parks_of((park, "park", 6_000)))["see_green_300"]
    exact = math.pi * 300**2 / 4
    assert exact - 300 * math.pi / 2 * green.buffer_error_m(300) <= area < exact


@pytest.mark.parametrize(
    ("area", "quarter", "kind", "served"),
    [  # land 400 m away (in 500 m, not in 300 m), and 200 m away
        (5_000, "new", "park", (True, True)),
        (4_999, "new", "park", (False, True)),
        (2_000, "new", "park", (False, True)),
        (1_999, "new", "park", (False, False)),
        (1_999, "", "park", (False, False)),
        (1_999, "old", "park", (False, True)),
        (1_000, "old", "park", (False, True)),
        (999, "old", "park", (False, False)),
        (5_000, "old", "green", (False, False)),
    ],
)
def test_size_classes_of_the_official_rate(
    area: float, quarter: str, kind: str, served: tuple[bool, bool]
) -> None:
    park = parks_of((box(0, 0, 10, 10), kind, area))
    for x, expected in zip((410, 210), served, strict=True):
        cells = demand.cells(land_of(box(x, 0, x + 5, 5), quarter=quarter), cell_m=1_000)
        got = straight_of(cells, park)["park_radius_rate"]
        assert got == (25.0 if expected else 0.0)


def test_numbers_come_from_rules() -> None:
    book = rules.load({"green.see_green_300": {"value": 100, "reason": "test"}})
    cells = demand.cells(land_of(box(200, 0, 210, 10)), cell_m=1_000)
    park = parks_of((box(0, 0, 10, 10), "green", 10))
    args: dict[str, Any] = {"cells": cells, "parks": park, "membership": all_in(cells)}
    for by, expected in ((BOOK, 100.0), (book, 0.0)):
        table = green.green_coverage(**args, indicators=green.indicators(by)).table
        assert table.set_index("indicator").loc["see_green_300", "straight_m2"] == expected
    with pytest.raises(StudyError, match="must rise"):
        green.indicators(rules.load({"green.size_small": {"value": 9_000, "reason": "x"}}))
    with pytest.raises(StudyError, match=r"green\.park_500 is missing"):
        green.indicators({"green.see_green_300": BOOK["green.see_green_300"]})


def test_without_a_network_on_foot_is_missing_and_not_zero() -> None:
    cells = demand.cells(land_of(box(0, 0, 10, 10)), cell_m=50)
    table = green.green_coverage(
        cells, parks_of((box(0, 0, 5, 5), "park", 25)), all_in(cells), indicators=THREE
    ).table
    assert table["foot_m2"].isna().all()
    assert table["foot_upper_m2"].isna().all()
    share = green.summary(table, targets=GOALS, max_not_assessed=0.05)
    assert share["foot_share"].isna().all()
    assert share.loc[share["indicator"] == "see_green_300", "straight_share"].tolist() == [1.0]


def share_of(land: float, straight: float, **row: Any) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "zoning": "t", "zone_id": "a", "settlement": "urban", "quarter": "new",
                "indicator": "park_500", "rule_id": "r", "judged": True, "land_m2": land,
                "straight_m2": straight, "foot_m2": 0.0, "foot_upper_m2": 0.0,
                "not_assessed_m2": 0.0, **row,
            }
        ]
    )  # fmt: skip


def test_targets_old_new_and_all_quarters_by_hand() -> None:
    table = pd.concat(
        [share_of(100, 100), share_of(100, 85, quarter="old"), share_of(50, 0, judged=False,
         settlement="village")]
    )  # fmt: skip
    found = green.summary(table, targets=GOALS, max_not_assessed=0.05)
    judged = found[found["judged"]].set_index("quarter")
    assert judged["verdict"].to_dict() == {"all": "pass", "new": "pass", "old": "pass"}
    assert judged["straight_share"].to_dict() == {"all": 0.925, "new": 1.0, "old": 0.85}
    assert judged["target_share"].to_dict() == {"all": 0.9, "new": 1.0, "old": 0.8}
    assert set(found.loc[~found["judged"], "why"]) == {"settlement"}


@pytest.mark.parametrize(
    ("outside", "straight", "verdict", "why"),
    [
        (0, 89.0, "fail", ""),
        (0, 90.0, "fail", ""),  # "more than 90 %" (GB/T 51346-2019, 4.3.4)
        (0, 90.1, "pass", ""),
        (4, 88.0, "not_robust", ""),  # what lies outside every zone might be served
        (6, 88.0, "not_judged", "not_assessed"),
    ],
)
def test_land_outside_every_zone_is_not_assessed(
    outside: float, straight: float, verdict: str, why: str
) -> None:
    table = share_of(100 - outside, straight, quarter="")
    if outside:
        table = pd.concat(
            [table, share_of(outside, 0, zone_id="", quarter="", not_assessed_m2=outside)]
        )
    found = green.summary(table, targets=GOALS[:1], max_not_assessed=0.05)
    assert (found["verdict"].tolist(), found["why"].tolist()) == ([verdict], [why])
    with pytest.raises(DataError, match="without zoning"):
        green.summary(table, targets=GOALS, max_not_assessed=0.05, by=("indicator",))


def test_entrances_are_given_or_where_paths_cross() -> None:
    parks = parks_of(
        (box(0, 0, 100, 100), "park", 10_000),
        (box(200, 0, 300, 100), "park", 10_000),
        (box(400, 0, 500, 100), "park", 10_000),
    )
    paths = gpd.GeoSeries(
        [
            LineString([(-50, 50), (50, 50)]),  # into the first
            LineString([(-50, 60), (0, 60)]),  # to its gate
            LineString([(20, 100), (40, 100)]),  # along its edge
            LineString([(-50, 50), (50, 50)]),  # the first again, doubled
            LineString([(250, -50), (250, 150)]),  # through the second
        ],
        crs=CRS,
    )
    found = green.park_entrances(parks, paths)
    got = {
        park: sorted((p.x, p.y) for p in part.geometry) for park, part in found.groupby("park_id")
    }
    assert got == {
        "P0": [(0, 50), (0, 60), (20, 100), (40, 100)],
        "P1": [(250, 0), (250, 100)],
    }
    assert set(found["source"]) == {"path_crossing"}
    gate = gpd.GeoDataFrame({"park_id": ["P0"]}, geometry=[Point(100, 3)], crs=CRS)
    with_gate = green.park_entrances(parks, paths, given=gate)
    assert with_gate[with_gate["park_id"] == "P0"]["source"].tolist() == ["given"]
    samples = green.boundary_samples(parks, spacing_m=50)
    assert samples.groupby("park_id").size().to_dict() == {"P0": 8, "P1": 8, "P2": 8}
    with pytest.raises(StudyError, match="spacing_m is 0"):
        green.boundary_samples(parks, spacing_m=0)
    # one park of two parts, one of them with a pond
    pond = box(0, 0, 100, 100) - box(40, 40, 60, 60)
    parts = parks_of((MultiPolygon([pond, box(200, 0, 250, 50)]), "park", 12_100))
    assert len(green.boundary_samples(parts, spacing_m=50)) == 8 + 4 + 4


def test_tables_that_do_not_fit() -> None:
    cells = demand.cells(land_of(box(0, 0, 10, 10)), cell_m=50)
    parks = parks_of((box(0, 0, 5, 5), "park", 25))
    times = times_from(pd.DataFrame({"P0": [1]}, index=["other"]), cutoff=400_000)
    with pytest.raises(DataError) as caught:
        green.green_coverage(
            cells, parks.set_crs("EPSG:32650", allow_override=True), all_in(cells),
            indicators=THREE, foot=times,
        )  # fmt: skip
    for words in ("CRS of the cells", "by time", "no travel times"):
        assert words in str(caught.value)
    with pytest.raises(DataError, match="membership: empty"):
        green.green_coverage(cells, parks, all_in(cells)[:0], indicators=THREE)
    short = times_from(
        pd.DataFrame({"P0": [1]}, index=list(cells["cell_id"])), cutoff=4, impedance="length"
    )
    with pytest.raises(DataError, match="cutoff=500000"):
        green.green_coverage(cells, parks, all_in(cells), indicators=THREE, foot=short)
    with pytest.raises(DataError, match="cell_m is nan"):
        demand.cells(land_of(box(0, 0, 1, 1)), cell_m=math.nan)


def test_a_range_rule_of_targets_is_read_by_its_strict_end() -> None:
    goal = Rule(id="t", text_zh="t", text_en="t", source="t", status="assumed", unit="share",
                measure="share", low=0.8, high=0.9)  # fmt: skip
    target = green.Target("park_500", goal)
    found = green.summary(share_of(100, 85), targets=[target], max_not_assessed=0.05)
    assert found["target_share"].tolist() == [0.8]
