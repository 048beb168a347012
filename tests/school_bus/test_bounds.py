"""A detour is a factor rounded once; a lower bound can show a breach and never a pass."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd
import pytest
from bus_worlds import times_of
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import coverage, maps, merger, rules, school_bus
from siting.errors import NetworkError, StudyError
from siting.plan import Period, Plan
from siting.rules import Rule

BOOK = rules.load()
SITES = ["S0", "S1", "S2"]
SHEET = maps.Sheet(title="t", region="r", lang="en", made_on="2026-01-01", version="0")


def detour(value: float) -> Rule:
    return BOOK["bus.detour_factor"].model_copy(
        update={"value": value, "low": min(value, 1.0), "high": max(value, 3.0)}
    )


def limit(minutes: float, strength: str) -> Rule:
    return Rule(
        id=f"t.{strength}", text_zh="r", text_en="r", value=minutes, unit="min",
        measure="time_min", strength=strength, source="test", status="assumed", of="pupils",
    )  # fmt: skip


matrices = st.integers(1, 8).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(-1, 4_000_000), min_size=3, max_size=3), min_size=n, max_size=n
    )
)
holes = st.lists(
    st.lists(st.sampled_from([-1, 700_000]), min_size=3, max_size=3), min_size=1, max_size=5
)


@settings(max_examples=80)
@given(matrices, st.decimals(1, 3, places=2), st.integers(0, 10**6), st.integers(0, 10**6))
def test_detour_equals_decimal_arithmetic(
    matrix: list[list[int]], factor: Decimal, walk: int, wait: int
) -> None:
    homes = [f"D{i}" for i in range(len(matrix))]
    direct = times_of(matrix, homes, SITES, cutoff=3_000_000)
    before = direct.value.copy()
    found = school_bus.by_detour(direct, detour(float(factor)), walk_ms=walk, wait_ms=wait)
    assert (direct.value == before).all()
    expected = [
        int((v * factor).to_integral_value(ROUND_HALF_UP)) + walk + wait for v in before.tolist()
    ]
    assert found.value.tolist() == expected
    assert (found.value >= direct.value).all()
    # pairs stay where they are and each row stays sorted: the nearest is the nearest
    assert (found.site == direct.site).all()
    for start, stop in zip(found.indptr[:-1], found.indptr[1:], strict=True):
        assert (np.diff(found.value[start:stop]) >= 0).all()
    assert found.bound == "exact"


def test_a_detour_is_no_shortcut() -> None:
    direct = times_of([[100]], ["D"], ["S"])
    with pytest.raises(StudyError, match="1 or more"):
        school_bus.by_detour(direct, detour(0.9), walk_ms=0, wait_ms=0)
    with pytest.raises(StudyError, match="by length"):
        school_bus.by_detour(
            times_of([[1]], ["D"], ["S"], impedance="length"), detour(1.4), walk_ms=0, wait_ms=0
        )
    with pytest.raises(NetworkError, match="more than"):
        school_bus.by_detour(
            times_of([[2_000_000_000]], ["D"], ["S"], cutoff=2_100_000_000), detour(1.4),
            walk_ms=0, wait_ms=0,
        )  # fmt: skip


def test_the_range_judges_as_computing_anew_would() -> None:
    """Judging 1.4 × t at the range's ends equals computing with the ends, where none walks."""
    speed, factor = BOOK["drive.speed_factor"], BOOK["bus.detour_factor"]
    both = school_bus.ranged(speed, factor)
    rule = limit(30, "soft")
    ends = coverage.thresholds(rule, speed=both)
    for direct in range(300_000, 3_600_000, 7_777):
        t = round(direct * 1.4)
        # slow roads (0.8) and a long way round (2.0); fast roads (1.2), a short one (1.2)
        for end, kph, way in ((ends.low, 0.8, 2.0), (ends.high, 1.2, 1.2)):
            anew = direct / kph * way
            if abs(anew - 1_800_000) > 10:
                assert (t <= end) == (anew <= 1_800_000)


def demand_of(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "demand_id": [f"D{i}" for i in range(n)],
            "population": np.arange(1, n + 1),
            "settlement": "village",
        }
    )


@settings(max_examples=80)
@given(matrices, st.sampled_from(["hard", "soft"]))
def test_a_lower_bound_never_passes_a_hard_rule(matrix: list[list[int]], strength: str) -> None:
    demand = demand_of(len(matrix))
    exact = times_of(matrix, list(demand["demand_id"]), SITES)
    lower = school_bus.lower_bound(exact)
    rule = limit(30, strength)
    islands = np.zeros(len(matrix), dtype=bool)
    opened = ["S0", "S2"]
    member = pd.DataFrame({"demand_id": demand["demand_id"], "zoning": "z", "zone_id": "z1"})

    def counted(times: object) -> pd.Series:
        table = coverage.cover(
            demand, member, times.reach(opened), plan="p", service="s", rule=rule,  # type: ignore[attr-defined]
            islands=islands,
        )  # fmt: skip
        return table.loc[0]

    one, two = counted(exact), counted(lower)
    assert two["persons"] == two["covered"] + two["out_of_reach"] + two["not_assessed"]
    assert two["out_of_reach"] == one["out_of_reach"]  # beyond even directly: certain
    if strength == "soft":
        assert (two["covered"], two["not_assessed"]) == (one["covered"], one["not_assessed"])
    else:
        assert two["covered"] == two["covered_low"] == two["covered_high"] == 0
        assert two["not_assessed"] == one["covered"] + one["not_assessed"]


def test_a_closure_cannot_pass_a_hard_limit_by_a_lower_bound() -> None:
    """By hand: D0 goes 10 → 20 min, D1 10 → 40, D2 35 → 50; the limit is 30 min."""
    minutes = np.array([[10, 20], [10, 40], [35, 50]])
    times = times_of(minutes * 60_000, ["D0", "D1", "D2"], ["S0", "S1"])
    offers = pd.DataFrame({"site_id": ["S0", "S1"], "service": "school"})
    words = {
        "offers": offers, "persons": pd.Series({"D0": 1, "D1": 10, "D2": 100}),
        "service": "school", "rules": [limit(30, "hard")],
        "plan": Plan(name="today", periods=(Period(open={"school": ("S0", "S1")}),)),
        "sites": pd.DataFrame({"site_id": ["S0", "S1"], "name": ["a", "b"]}),
    }  # fmt: skip
    known = merger.leave_one_out(times, **words)  # type: ignore[arg-type]
    doubt = merger.leave_one_out(school_bus.lower_bound(times), **words)  # type: ignore[arg-type]
    for found, unknown in ((known, 0), (doubt, 1)):
        row = found.ranking.set_index("site_id").loc["S0"]
        assert row["hard_broken_persons"] == 110
        assert row["hard_not_assessed_persons"] == unknown
        at = found.limits.set_index("site_id").loc["S0"]
        assert at["not_assessed_persons"] == unknown
    # closing S1 moves nobody: nothing is in doubt, and nothing is said of it
    said = maps.schools_finding(doubt.ranking, "school", SHEET)
    assert "cannot be judged" not in said
    near = dict(words, persons=pd.Series({"D0": 1}))
    harmless = maps.schools_finding(merger.leave_one_out(times, **near).ranking, "school", SHEET)  # type: ignore[arg-type]
    doubtful = maps.schools_finding(
        merger.leave_one_out(school_bus.lower_bound(times), **near).ranking,  # type: ignore[arg-type]
        "school",
        SHEET,
    )
    assert "cannot be judged" not in harmless
    assert doubtful.startswith(harmless)
    assert "1 more cannot be judged" in doubtful


def test_who_may_not_be_judged_is_said_in_one_place() -> None:
    with pytest.raises(StudyError, match="lower"):
        coverage.may_pass(limit(30, "hard"), "guess")


def test_journeys_as_times_go_to_ones_own_school_only() -> None:
    direct = times_of([[60, 70], [50, 40], [10, 20]], ["a", "b", "c"], ["S0", "S1"])
    mornings = pd.DataFrame(
        {
            "demand_id": ["a", "a", "b", "c", "c"],
            "site_id": ["S0", "S0", "S1", "S0", "S0"],
            "total_ms": [900, 1_000, 700, 300, -1],
        }
    )
    found = school_bus.by_routes(direct, mornings)
    reach = found.reach(["S0", "S1"])
    # the longest journey of a home counts; c has a pupil without a seat and so no journey
    assert reach["impedance"].tolist() == [1_000, 700, -1]
    assert reach["state"].tolist() == ["reached", "reached", "beyond_cutoff"]
    assert found.frame().values.tolist() == [["a", "S0", 1_000], ["b", "S1", 700]]


@settings(max_examples=60)
@given(holes, st.randoms(use_true_random=False), st.data())
def test_who_has_a_journey_is_there_whatever_the_order_of_rows(
    matrix: list[list[int]], random: object, data: st.DataObject
) -> None:
    """Walkers need no street for cars, nor one that leads to their school: they are there."""
    homes = [f"D{i}" for i in range(len(matrix))]
    on = data.draw(st.lists(st.booleans(), min_size=len(homes), max_size=len(homes)))
    goes = data.draw(
        st.lists(st.sampled_from([*SITES, None]), min_size=len(homes), max_size=len(homes))
    )
    mornings = pd.DataFrame(
        [(h, s, 60_000 + i) for i, (h, s) in enumerate(zip(homes, goes, strict=True)) if s],
        columns=["demand_id", "site_id", "total_ms"],
    )
    found = {}
    order = list(range(len(homes)))
    for _ in range(2):
        cars = times_of([matrix[i] for i in order], [homes[i] for i in order], SITES)
        off = np.array([not on[i] for i in order])
        cars = replace(
            cars,
            attached=~off,
            access=np.where(off, -1, 0),
            reach_class=np.where(off, -1, cars.reach_class).astype(np.int32),
        )
        times = school_bus.by_routes(cars, mornings)
        reach = times.reach(SITES).assign(island=times.islands(SITES))
        for home, site, total in mornings.itertuples(index=False):
            assert reach.loc[home, ["site_id", "impedance", "state"]].tolist() == [
                site, total, "reached",
            ]  # fmt: skip
            row = times.reach([site]).loc[home]
            assert (row["state"], times.islands([site])[reach.index.get_loc(home)]) == (
                "reached", False,
            )  # fmt: skip
        left = reach.index.difference(mornings["demand_id"])
        for home in left:
            i = homes.index(home)
            state = "unattached" if not on[i] else "unreachable"
            assert reach.loc[home, "state"] == (
                "beyond_cutoff" if on[i] and max(matrix[i]) >= 0 else state
            )
        found[tuple(order)] = reach.sort_index()
        random.shuffle(order)  # type: ignore[attr-defined]
    first, *rest = found.values()
    for other in rest:
        pd.testing.assert_frame_equal(first, other)
