"""Indicators of a Plan: the same totals as the coverage table, quantiles by definition."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from builders import CRS, demand_table, membership_table, times_from, worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from siting import rules
from siting.errors import DataError, StudyError
from siting.evaluate import Service, as_before, comparison, evaluate, spread
from siting.plan import Period, Plan, close
from siting.rules import Rule

BOOK = rules.load()


def limit_of(value: int, rule_id: str = "r") -> Rule:
    return Rule(
        id=rule_id, text_zh="r", text_en="r", source="test", status="assumed", unit="min",
        measure="time_min", value=(value + 0.5) / 60_000, judges=("urban",),
    )  # fmt: skip


def plan_of(sites: Any, name: str = "today") -> Plan:
    return Plan(name=name, periods=(Period(open={"school": tuple(sites)}),))


def no_sites() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"site_id": []}, geometry=[], crs=CRS)


@settings(max_examples=60)
@given(worlds(), st.integers(0, 6), st.data())
def test_indicators_are_the_totals_of_the_coverage_table(
    world: Any, limit: int, data: st.DataObject
) -> None:
    demand, membership, times = world
    times = times_from(times_matrix(times), cutoff=20, k=1, access=np.maximum(times.access, 0))
    sites = list(times.site_id)
    opened = data.draw(st.lists(st.sampled_from(sites), unique=True))
    service = Service(
        "school", (limit_of(limit, "r1"), limit_of(limit + 2, "r2")), tuple(sites), no_sites(),
        time=times,
    )  # fmt: skip
    found = evaluate(
        plan_of(opened), services=[service], demand=demand, membership=membership,
        zoning="townships",
    )  # fmt: skip
    rows = found.indicators.set_index("rule_id")
    part = found.coverage[found.coverage["zoning"] == "townships"]
    for rule_id, table in part.groupby("rule_id"):
        for column, counted in (
            ("persons", "persons"),
            ("covered_persons", "covered"),
            ("out_of_reach_persons", "out_of_reach"),
            ("not_assessed_persons", "not_assessed"),
        ):
            assert rows.loc[rule_id, column] == table[counted].sum()
        # whoever is assessed is reached or unreached, whatever the rule
        assert (
            rows.loc[rule_id, "reached_persons"] + rows.loc[rule_id, "unreached_persons"]
            == table["persons"].sum() - table["not_assessed"].sum()
        )


def times_matrix(times: Any) -> pd.DataFrame:
    matrix = pd.DataFrame(-1, index=times.demand_id, columns=times.site_id)
    for at in range(len(matrix)):
        for p in range(times.indptr[at], times.indptr[at + 1]):
            matrix.iloc[at, times.site[p]] = times.value[p]
    return matrix


def test_invariant_12_the_mean_falls_when_the_far_school_closes_and_the_unreached_say_why() -> None:
    matrix = pd.DataFrame({"A": [300_000, -1], "B": [-1, 2_400_000]}, index=["D00", "D01"])
    times = times_from(matrix, components=[0, 0])
    demand, membership = demand_table([10, 10]), membership_table({"t": ["a", "a"]})
    service = Service("school", (), ("A", "B"), no_sites(), time=times)
    today = plan_of(["A", "B"])
    args: dict[str, Any] = {
        "services": [service], "demand": demand, "membership": membership, "zoning": "t",
    }  # fmt: skip
    both = comparison([evaluate(today, **args), evaluate(close(today, "school", "B"), **args)])
    assert both["mean_time_min"].tolist() == [22.5, 5.0]
    assert both["p95_time_min"].tolist() == [40.0, 5.0]
    assert both["max_time_min"].tolist() == [40.0, 5.0]
    assert both["reached_persons"].tolist() == [20, 10]
    assert both["unreached_persons"].tolist() == [0, 10]
    assert both["plan"].tolist() == ["today", "today - B"]


def test_the_group_of_a_service_is_counted_not_everybody() -> None:
    times = times_from(pd.DataFrame({"A": [1, 9]}, index=["D00", "D01"]))
    service = Service("school", (limit_of(5),), ("A",), no_sites(), time=times,
                      persons=pd.Series({"D01": 4}))  # fmt: skip
    args: dict[str, Any] = {
        "demand": demand_table([100, 100]), "membership": membership_table({"t": ["a", "a"]}),
        "zoning": "t",
    }  # fmt: skip
    row = evaluate(plan_of(["A"]), services=[service], **args).indicators.iloc[0]
    assert (row["persons"], row["covered_persons"], row["out_of_reach_persons"]) == (4, 0, 4)
    wrong = Service("school", (), ("A",), no_sites(), time=times, persons=pd.Series({"X": 1}))
    with pytest.raises(DataError, match=r"not in the demand \(X\)"):
        evaluate(plan_of(["A"]), services=[wrong], **args)


@settings(max_examples=30)
@given(worlds(), st.integers(0, 6), st.data())
def test_what_a_plan_leaves_as_it_is_need_not_be_evaluated_again(
    world: Any, limit: int, data: st.DataObject
) -> None:
    demand, membership, times = world
    times = times_from(times_matrix(times), cutoff=20, k=1, access=np.maximum(times.access, 0))
    sites = list(times.site_id)
    services = [
        Service(name, tuple(limit_of(limit + more, f"r{more}") for more in range(n)),
                tuple(sites), no_sites(), time=times)
        for name, n in (("b", 1), ("a", 2), ("c", 0))
    ]  # fmt: skip
    args: dict[str, Any] = {"demand": demand, "membership": membership, "zoning": "townships"}
    opened = {
        name: tuple(data.draw(st.lists(st.sampled_from(sites), unique=True))) for name in "abc"
    }
    changed = data.draw(st.sets(st.sampled_from("abc")))
    named = data.draw(st.sets(st.sampled_from("abc"), min_size=1))
    other = {n: tuple(sites) if n in changed else opened[n] for n in sorted(named)}
    before, after = (
        Plan(name=name, periods=(Period(open=where),))
        for name, where in (("today", opened), ("after", other))
    )
    whole = evaluate(after, services=[s for s in services if s.name in named], **args)
    found = as_before(
        after,
        evaluate(before, services=services, **args),
        evaluate(after, services=[s for s in services if s.name in named & changed], **args),
    )
    pd.testing.assert_frame_equal(found.coverage, whole.coverage)
    pd.testing.assert_frame_equal(found.indicators, whole.indicators)


def test_services_without_rules_are_left_as_they_are_too() -> None:
    times = times_from(pd.DataFrame({"A": [1, 9]}, index=["D00", "D01"]))
    service = Service("c", (), ("A",), no_sites(), time=times)
    args: dict[str, Any] = {
        "demand": demand_table([3, 5]), "membership": membership_table({"t": ["a", "a"]}),
        "zoning": "t",
    }  # fmt: skip
    today, after = (Plan(name=n, periods=(Period(open={"c": ("A",)}),)) for n in ("today", "after"))
    found = as_before(
        after, evaluate(today, services=[service], **args), evaluate(after, services=[], **args)
    )
    whole = evaluate(after, services=[service], **args)
    assert found.coverage.empty
    pd.testing.assert_frame_equal(found.indicators, whole.indicators)


def test_what_cannot_be_evaluated_says_so() -> None:
    times = times_from(pd.DataFrame({"A": [50]}, index=["D00"]), cutoff=20)
    args: dict[str, Any] = {
        "demand": demand_table([1]), "membership": membership_table({"t": ["a"]}), "zoning": "t",
    }  # fmt: skip
    short = Service("school", (limit_of(30),), ("A",), no_sites(), time=times)
    with pytest.raises(StudyError, match=r"stop at 20 and rule r looks 30.*\(D00\).*cutoff=30"):
        evaluate(plan_of(["A"]), services=[short], **args)
    near = Service("school", (limit_of(20),), ("A",), no_sites(), time=times)
    assert evaluate(plan_of(["A"]), services=[near], **args).coverage["out_of_reach"].sum() == 1
    metres = Service("school", (BOOK["circle_5min"],), ("A",), no_sites(), time=times)
    with pytest.raises(StudyError, match="measures length"):
        evaluate(plan_of(["A"]), services=[metres], **args)
    with pytest.raises(StudyError, match="no service 'pool'"):
        evaluate(plan_of(["A"]), services=[Service("pool", (), (), no_sites())], **args)
    with pytest.raises(StudyError, match="no zoning 'x'"):
        evaluate(plan_of(["A"]), services=[near], **{**args, "zoning": "x"})


def test_radius_rules_get_their_straight_lines() -> None:
    times = times_from(pd.DataFrame({"A": [600_000, 400_000]}, index=["D00", "D01"]),
                       impedance="length")  # fmt: skip
    sites = gpd.GeoDataFrame({"site_id": ["A"]}, geometry=[Point(0, 0)], crs=CRS)
    service = Service("school", (BOOK["primary.radius"],), ("A",), sites, length=times)
    found = evaluate(
        plan_of(["A"]), services=[service], demand=demand_table([3, 5]),
        membership=membership_table({"t": ["a", "a"]}), zoning="t",
    )  # fmt: skip
    row = found.coverage.iloc[0]
    assert (row["covered"], row["covered_straight"]) == (5, 8)
    assert np.isnan(found.indicators["mean_time_min"].iloc[0])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.integers(0, 2)), max_size=12))
def test_spread_by_group_equals_counting_everybody(rows: list[tuple[int, int, int]]) -> None:
    values, persons, group = (np.array([r[i] for r in rows], np.int64) for i in range(3))
    found = spread(values * 60_000, persons, group=group, groups=3)
    for g in range(3):
        everyone = sorted(v for v, p, of in rows if of == g for _ in range(p))
        if not everyone:
            assert np.isnan([found.mean[g], found.p95[g], found.max[g]]).all()
            continue
        enough = [
            v for v in everyone if 100 * sum(e <= v for e in everyone) >= 95 * len(everyone)
        ]  # fmt: skip
        assert found.mean[g] == pytest.approx(sum(everyone) / len(everyone))
        assert (found.p95[g], found.max[g]) == (enough[0], everyone[-1])
