"""What decisions do, held to a second way of counting and to a pencil."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from merger_worlds import World, counties, setting_of, times_of

from siting import merger, rules
from siting.merger import Costs

RULES = rules.load()
COSTS = Costs(person_min_yuan=1, bus_yuan=1_000, board_yuan=2_000)


@st.composite
def decided(draw: st.DrawFn) -> tuple[World, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A county, its pupils and units, and decisions that may be carried out."""
    world = draw(counties(homes=3, sites=3, grades=5))
    pupils = merger.pupils(world.children, world.times["walk"], **world.pupils()).table
    units = merger.units(world.teaching)
    rows = []
    keep = draw(st.sampled_from(sorted(world.teaching["site_id"])))
    for site, group in units.groupby("site_id"):
        if site == keep or not draw(st.booleans()):
            continue
        year = draw(st.sampled_from([2026, 2027]))
        lower = draw(st.booleans())  # 撤高留低: the lower grades stay
        for unit in group.to_dict("records"):
            if lower and unit["needs"] != "":
                continue
            young = unit["grade_to"] <= 3
            way = draw(st.sampled_from(["commutes"] if young else ["commutes", "boards"]))
            rows.append((unit["unit_id"], year, keep, way))
    decisions = pd.DataFrame(rows, columns=["unit_id", "year", "to_site", "way"])
    return world, pupils, units, decisions


@settings(max_examples=10, phases=[Phase.generate])
@given(decided())
def test_every_child_is_somewhere_once(
    case: tuple[World, pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    world, pupils, units, decisions = case
    found = merger.attending(decisions, pupils, setting_of(world, units))
    key = ["year", "grade", "demand_id"]
    want = pupils.groupby(key)["persons"].sum()
    assert found.groupby(key)["persons"].sum().to_dict() == want.to_dict()
    # a second way: child by child
    of = {
        (site, grade): unit
        for unit, site, first, last in units[
            ["unit_id", "site_id", "grade_from", "grade_to"]
        ].itertuples(index=False)
        for grade in range(first, last + 1)
    }
    went = {row["unit_id"]: row for row in decisions.to_dict("records")}
    again: dict[tuple[Any, ...], int] = {}
    for row in pupils.to_dict("records"):
        unit = of.get((row["site_id"], row["grade"]), "")
        moved = unit in went and row["year"] >= went[unit]["year"]
        to = went[unit]["to_site"] if moved else row["site_id"]
        way = went[unit]["way"] if moved else "stays"
        at = (row["year"], row["demand_id"], row["grade"], row["site_id"], to, way)
        again[at] = again.get(at, 0) + row["persons"]
    columns = ["year", "demand_id", "grade", "from_site", "to_site", "way"]
    assert found.groupby(columns)["persons"].sum().to_dict() == again
    walk = world.walk.where((world.walk >= 0) & (world.walk <= world.cutoff))
    for row in found.to_dict("records"):
        known = row["demand_id"] != "" and row["from_site"] != ""
        minutes = walk.loc[row["demand_id"], row["from_site"]] if known else np.nan
        assert row["before_min"] == pytest.approx(minutes, nan_ok=True)
        if row["way"] == "stays":
            assert row["after_min"] == pytest.approx(minutes, nan_ok=True)


@settings(max_examples=10, phases=[Phase.generate])
@given(decided())
def test_an_outcome_adds_up(
    case: tuple[World, pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    world, pupils, units, decisions = case
    found = merger.attending(decisions, pupils, setting_of(world, units))
    running = pd.DataFrame(
        {"site_id": world.teaching["site_id"], "service": "primary", "running_cost_yuan": 7}
    )
    steps = merger.closings(decisions, units)
    told = merger.outcome(
        found, steps, teaching=world.teaching, running=running, costs=COSTS, rules=RULES,
        mode="walk", years=(2025, 2026, 2027),
    )  # fmt: skip
    years = told.years
    ways = years[["stays", "commutes", "boards", "moves_home"]].sum(axis=1)
    assert (ways == years["children"]).all()
    inside = told.places.groupby("year")["children"].sum()
    lost = found[found["to_site"] == ""].groupby("year")["persons"].sum()
    total = inside.add(lost, fill_value=0).astype(int)
    assert total.to_dict() == years.set_index("year")["children"].to_dict()
    assert (years["running"] == 7 * told.places.groupby("year")["open"].sum().to_numpy()).all()
    assert (years["bus"] == 1_000 * years["by_bus"]).all()
    assert (years["board_cost"] == 2_000 * years["boarding"]).all()
    shut = told.places[~told.places["open"]]
    assert (shut["children"] == 0).all()
    assert set(shut["site_id"]) == set(steps["site_id"])
    limits = told.limits
    hit = limits["newly_over_persons"] + limits["lengthened_persons"]
    assert (hit <= limits["over_after_persons"]).all()
    back = merger.outcome(
        found.iloc[::-1], steps.iloc[::-1], teaching=world.teaching.iloc[::-1], running=running,
        costs=COSTS, rules=RULES, mode="walk", years=(2025, 2026, 2027),
    )  # fmt: skip
    pd.testing.assert_frame_equal(back.years, years)
    pd.testing.assert_frame_equal(back.places, told.places)


def village() -> tuple[merger.Setting, pd.DataFrame]:
    """Two hamlets: a (10 in grade 1, 4 in grade 5) beside V, b (6 in grade 1) beside T."""
    walk = pd.DataFrame({"V": [10, 45], "T": [35, 5]}, index=["a", "b"])
    bus = pd.DataFrame({"V": [4, 18], "T": [20, 3]}, index=["a", "b"])
    teaching = pd.DataFrame(
        {"site_id": ["T", "V"], "service": "primary", "grade_from": 1, "grade_to": 6,
         "seats": pd.array([18, 90], dtype="Int64")}
    )  # fmt: skip
    pupils = pd.DataFrame(
        [
            (home, site, "primary", grade, year, n)
            for year in (2025, 2026)
            for home, site, grade, n in (("a", "V", 1, 10), ("a", "V", 5, 4), ("b", "T", 1, 6))
        ],
        columns=["demand_id", "site_id", "service", "grade", "year", "persons"],
    )
    times = {"walk": times_of(walk), "bus": times_of(bus, mode="drive")}
    asked = merger.Setting(
        service="primary", units=merger.units(teaching), times=times, rules=RULES, teaching=teaching
    )
    return asked, pupils


def test_a_closure_by_pencil() -> None:
    """V closes in 2026. On foot to T are 35 min: too long for grade 1 (30), not for grade 5 (40).

    So 10 ride 20 min and 4 walk 35: 340 person-minutes for 140. T has 18 seats for 20 children.
    """
    asked, pupils = village()
    decisions = pd.DataFrame(
        {"unit_id": ["V:1-3", "V:4-6"], "year": 2026, "to_site": "T", "way": "commutes"}
    )
    closed = merger.closings(decisions, asked.units)
    assert closed[["year", "site_id", "what"]].values.tolist() == [[2026, "V", "close"]]
    found = merger.attending(decisions, pupils, asked)
    running = pd.DataFrame(
        {"site_id": ["T", "V"], "service": "primary", "running_cost_yuan": [900, 500]}
    )
    told = merger.outcome(
        found, closed, teaching=asked.teaching, running=running, costs=COSTS,
        rules=RULES, mode="walk", years=(2025, 2026),
    )  # fmt: skip
    rows = told.years.set_index("year")
    assert rows.loc[2025, ["stays", "person_min", "closed", "running"]].tolist() == [
        20, 10 * 10 + 4 * 10 + 6 * 5, 0, 1_400,
    ]  # fmt: skip
    assert rows.loc[2026, ["stays", "commutes", "by_bus", "person_min"]].tolist() == [
        6, 14, 10, 10 * 20 + 4 * 35 + 6 * 5,
    ]  # fmt: skip
    assert rows.loc[2026, ["closed", "running", "bus", "seats_short"]].tolist() == [
        1, 900, 10_000, 2,
    ]  # fmt: skip
    assert rows.loc[2026, "max_min"] == 35
    young = told.limits[told.limits["rule_id"] == "school.journey_grades_1_3"]
    assert young["persons"].tolist() == [16, 16]  # b's 6 and a's 10 of grade 1
    assert (young.loc[:, "over_before_persons":] == 0).all(axis=None)
    steps = pd.DataFrame(
        [(2026, "T", "primary", "expand", 45, 2025, 9_000)], columns=list(merger.STEPS)
    )
    steps = pd.concat([closed, steps], ignore_index=True)
    more = merger.outcome(
        found, steps, teaching=asked.teaching, running=running, costs=COSTS, rules=RULES,
        mode="walk", years=(2025, 2026),
    )  # fmt: skip
    assert more.years["seats_short"].tolist() == [0, 0]
    assert more.years["building"].tolist() == [9_000, 0]


def test_the_farthest_stand_first_by_pencil() -> None:
    asked, pupils = village()
    decisions = pd.DataFrame(
        {"unit_id": ["V:4-6", "V:1-3"], "year": 2026, "to_site": "T", "way": "commutes"}
    )
    found = merger.attending(decisions, pupils, asked)
    told = merger.fairness(found, year=2026, zone_of=pd.Series({"a": "hill", "b": "plain"}))
    groups = told.groups.set_index(["by", "group"])
    assert groups.loc[("zone", "hill"), "added_min"] == (10 * 10 + 4 * 25) / 14
    assert groups.loc[("zone", "plain"), "added_min"] == 0
    assert groups.loc[("grade", "5"), ["children", "added_min"]].tolist() == [4, 25]
    assert told.groups[told.groups["by"] == "zone"]["group"].tolist() == ["hill", "plain"]
    # nearest fifth: the 6 who need 5 minutes; the 14 who need 10 begin in the second
    assert groups.loc["distance_quintile"].sort_index()["children"].to_dict() == {"1": 6, "2": 14}
    assert told.places["demand_id"].tolist() == ["a"]
    # means 340/14 for 14 children, 5 for 6: G = Σ p_i p_j |x_i − x_j| / (N Σ p x), once a pair
    assert told.gini_after == pytest.approx(14 * 6 * (340 / 14 - 5) / (20 * 370))
    for by, rows in told.groups.groupby("by"):
        assert rows["children"].sum() == 20, by


def test_families_enter_the_town_by_pencil() -> None:
    """14 children move home to T's zone, with 14 × 1.55 = 21.7 adults; 45 seats were built."""
    asked, pupils = village()
    decisions = pd.DataFrame(
        {"unit_id": ["V:1-3", "V:4-6"], "year": 2026, "to_site": "T", "way": "moves_home"}
    )
    towns = pd.DataFrame({"to_site": ["T"], "zone_id": "town", "journey_min": 8.0})
    found = merger.attending(decisions, pupils, replace(asked, towns=towns))
    steps = pd.DataFrame(
        [(2026, "T", "primary", "expand", 45, 2025, 1)], columns=list(merger.STEPS)
    )
    told = merger.linkage(
        found, steps, rules=RULES, zone_of_site=pd.Series({"T": "town", "V": "hill"}),
        housing=pd.Series({"town": 300}),
    )  # fmt: skip
    assert told.values.tolist() == [
        [2025, "town", 0, 0, 0, 0, 0, 300],
        [2026, "town", 14, 14, 22, 14, 45, 300],
    ]
    before = pd.Series({"a": 14, "b": 6})
    after = merger.demand_after(before, found, year=2026)
    assert after.to_dict() == {"a": 0, "b": 6, "zone:town": 14}
    assert merger.demand_after(before, found, year=2025).to_dict() == {"a": 14, "b": 6}
