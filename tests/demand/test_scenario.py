"""People of a later year: totals, shares and zones to the person, nobody lost on the way."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from siting import demand, rules
from siting.errors import DataError

CRS = pyproj.CRS.from_epsg(4547)
TOWN = ["urban", "township_seat"]
NOBODY = pd.DataFrame({"demand_id": [], "year": [], "group": [], "persons": []})


def homes(rows: list[tuple[str, int]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "demand_id": [f"h{i:02d}" for i in range(len(rows))],
            "population": [r[1] for r in rows],
            "settlement": [r[0] for r in rows],
            "area_m2": 0.0,
        },
        geometry=gpd.points_from_xy(range(len(rows)), [0] * len(rows)),
        crs=CRS,
    )


def test_shipped_path_is_the_plans_draft() -> None:
    known = rules.load()
    for rule_id, share in (("urbanisation.2026", 0.65), ("urbanisation.2029", 0.70)):
        assert (known[rule_id].strict, known[rule_id].status) == (share, "draft")


def test_by_pencil() -> None:
    """100 people, 40 in towns. At 65 % 25 villagers of 60 move, as the places have people."""
    table = homes([("village", 40), ("village", 20), ("urban", 30), ("township_seat", 10)])
    children = pd.DataFrame(
        {"demand_id": ["h00", "h01", "h02", "h03"], "year": 2020, "group": "c",
         "persons": [8, 0, 3, 1]}
    )  # fmt: skip
    found = demand.project(table, children, town_share=0.65, year=2026)
    # villages lose 25 · 40/60 = 16.67 and 8.33; towns gain 25 · 30/40 = 18.75 and 6.25
    assert found.demand["population"].tolist() == [23, 12, 49, 16]
    # of 8 children among 40 people 17 go: 8 · 17/40 = 3.4, so 3; 19 and 6 people gained: 2 and 1
    assert found.cohorts["persons"].tolist() == [5, 0, 5, 2]
    assert set(found.cohorts["year"]) == {2026}
    assert (found.total, found.towns_before, found.towns, found.moved) == (100, 40, 65, 25)
    assert table["population"].tolist() == [40, 20, 30, 10]
    assert children["persons"].tolist() == [8, 0, 3, 1]


def test_people_stay_in_their_county() -> None:
    """Two counties of 60 villagers, one of 30 without a town: of 30 who move 15 are of each."""
    table = homes([("village", 60), ("urban", 10), ("village", 60), ("urban", 5), ("village", 30)])
    zone_of = pd.Series(["a", "a", "b", "b", "c"], index=table["demand_id"])
    found = demand.project(table, NOBODY, town_share=Fraction(45, 165), year=2026, zone_of=zone_of)
    assert found.demand["population"].tolist() == [45, 25, 45, 20, 30]
    assert found.staying == ("c",)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["urban", "township_seat", "village"]), st.integers(0, 300),
        st.sampled_from(["a", "b", ""]), st.integers(0, 300), st.integers(0, 300),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


@settings(max_examples=80)
@given(
    ROWS,
    st.integers(0, 1000).map(lambda n: n / 1000),
    st.one_of(st.none(), st.integers(0, 6000)),
    st.booleans(),
    st.randoms(),
)
def test_laws(rows: list[Any], share: float, total: int | None, within: bool, random: Any) -> None:
    table = homes([r[:2] for r in rows])
    assume(table["population"].sum() > 0)
    zone_of = pd.Series([r[2] for r in rows], index=table["demand_id"]) if within else None
    groups = pd.DataFrame(
        [
            (i, 2020, g, min(r[k], r[1]))
            for i, r in zip(table["demand_id"], rows, strict=True)
            for g, k in (("old", 3), ("young", 4))
        ],
        columns=["demand_id", "year", "group", "persons"],
    )
    asked: dict[str, Any] = {"town_share": share, "year": 2029, "total": total}
    try:
        found = demand.project(table, groups, zone_of=zone_of, **asked)
    except DataError as error:
        refused = str(error)
    else:
        refused = ""
    if total is None:  # when it must be refused, said again
        going = int(Fraction(str(share)) * table["population"].sum() + Fraction(1, 2))
        going -= table.loc[table["settlement"].isin(TOWN), "population"].sum()
        able = 0
        for name in {"a", "b", ""} if within else {None}:
            here = [r for r in rows if name is None or r[2] == name]
            if any(r[0] in TOWN and r[1] for r in here):
                able += sum(r[1] for r in here if r[0] not in TOWN)
        assert ("in towns already" in refused) == (going < 0)
        assert ("would have to move" in refused) == (going > able)
    if refused:
        return
    after = found.demand.set_index("demand_id")
    before = table.set_index("demand_id")
    everybody = int(before["population"].sum()) if total is None else total
    assert after["population"].sum() == found.total == everybody
    town = after["settlement"].isin(TOWN)
    assert found.towns == after.loc[town, "population"].sum()
    assert abs(found.towns - Fraction(str(share)) * everybody) <= Fraction(1, 2)
    assert (after["population"] >= 0).all()
    assert (after["settlement"] == before["settlement"]).all()
    if total is None:
        moved = after["population"] - before["population"]
        assert (moved[town] >= 0).all()
        assert (moved[~town] <= 0).all()
        if zone_of is not None:
            assert (moved.groupby(zone_of).sum() == 0).all()
        for group, part in found.cohorts.groupby("group"):
            given_ = groups.loc[groups["group"] == group, "persons"].sum()
            assert part["persons"].sum() == given_
    joined = found.cohorts.merge(after["population"].reset_index(), on="demand_id")
    assert (joined["persons"] >= 0).all()
    assert (joined["persons"] <= joined["population"]).all()
    order = list(range(len(rows)))
    random.shuffle(order)
    again = demand.project(
        table.iloc[order], groups.sample(frac=1, random_state=1),
        zone_of=None if zone_of is None else zone_of.iloc[order], **asked,
    )  # fmt: skip
    pd.testing.assert_frame_equal(pd.DataFrame(found.demand), pd.DataFrame(again.demand))
    pd.testing.assert_frame_equal(found.cohorts, again.cohorts)


def test_a_share_already_passed_and_villagers_too_few_are_refused() -> None:
    table = homes([("village", 40), ("urban", 60)])
    with pytest.raises(DataError, match=r"60\.00% of the people live in towns already"):
        demand.project(table, NOBODY, town_share=0.5, year=2026)
    alone = homes([("village", 40), ("village", 60)])
    with pytest.raises(DataError, match="50 villagers would have to move, and 0 live"):
        demand.project(alone, NOBODY, town_share=0.5, year=2026)


def test_years_between_lie_on_a_straight_line() -> None:
    points = {2020: Fraction(3_064_474, 5_051_922), 2026: 0.65, 2029: 0.70}
    assert demand.on_path(points, 2026) == Fraction(13, 20)
    assert demand.on_path(points, 2028) == Fraction(13, 20) + Fraction(2, 3) * Fraction(1, 20)
    assert points[2020] < demand.on_path(points, 2023) < Fraction(13, 20)
    for year in (2019, 2030):
        with pytest.raises(DataError, match=f"{year} is not between 2020 and 2029"):
            demand.on_path(points, year)
