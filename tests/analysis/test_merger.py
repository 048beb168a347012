"""Closing every school alone equals evaluating every such Plan from scratch."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from builders import membership_table, times_from, worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import merger
from siting.errors import DataError, StudyError
from siting.evaluate import Service, evaluate
from siting.plan import Period, Plan, close
from siting.rules import Rule

SITES = pd.DataFrame({"site_id": [f"S{i}" for i in range(6)], "name": [f"n{i}" for i in range(6)]})
OFFERS = pd.DataFrame(
    {
        "site_id": [f"S{i}" for i in range(6)],
        "service": "school",
        "capacity": pd.array([10, 5, pd.NA, 8, 3, 1], dtype="Int64"),
        "enrolment": pd.array([4, 6, 2, pd.NA, 3, 0], dtype="Int64"),
    }
)


def limit_of(value: int, strength: Any, rule_id: str) -> Rule:
    return Rule(
        id=rule_id, text_zh="r", text_en="r", source="test", status="assumed", unit="min",
        measure="time_min", value=(value + 0.5) / 60_000, strength=strength, of="pupils",
    )  # fmt: skip


def plan_of(sites: Any) -> Plan:
    return Plan(name="today", periods=(Period(open={"school": tuple(sites)}),))


def from_scratch(
    times: Any, persons: pd.Series, opened: list[str], shut: str, rules: list[Rule]
) -> dict[str, Any]:
    """Evaluate the Plan without one school, person by person, from the reach tables alone."""
    before, after = times.reach(opened), times.reach([s for s in opened if s != shut])
    moved = before[(before["site_id"] == shut).to_numpy()].index
    out: dict[str, Any] = {
        "persons": 0, "unserved_after": 0, "unreached_after": 0, "beyond_cutoff_after": 0,
        "unreachable_after": 0, "hard_broken_persons": 0, "soft_broken_persons": 0, "added": 0,
        "to": {}, "broken": set(), "after": [],
    }  # fmt: skip
    for person in moved:
        n = int(persons.get(person, 0))
        if not n:
            continue
        out["persons"] += n
        was, now = before.loc[person], after.loc[person]
        lost = was["state"] == "reached" and now["state"] != "reached"
        over = {
            r.id
            for r in rules
            if was["impedance"] <= math.floor(r.strict * 60_000)
            and not 0 <= now["impedance"] <= math.floor(r.strict * 60_000)
        }
        further = {
            r.id
            for r in rules
            if r.strength == "hard"
            and was["impedance"] > math.floor(r.strict * 60_000)
            and not 0 <= now["impedance"] <= was["impedance"]
        }
        hard = {r.id for r in rules if r.strength == "hard"}
        out["unserved_after"] += n * bool(lost or over)
        out["unreached_after"] += n * bool(lost)
        out["hard_broken_persons"] += n * bool((over | further) & hard)
        out["soft_broken_persons"] += n * bool(over - hard)
        out["broken"] |= over | further
        if now["state"] in ("beyond_cutoff", "unreachable"):
            out[f"{now['state']}_after"] += n
        if now["impedance"] >= 0:
            out["to"][now["site_id"]] = out["to"].get(now["site_id"], 0) + n
            out["added"] += n * int(now["impedance"] - was["impedance"])
            out["after"] += [int(now["impedance"])] * n
    return out


@settings(max_examples=60)
@given(worlds(), st.integers(0, 12), st.integers(0, 12), st.data())
def test_leave_one_out_equals_evaluating_every_plan_from_scratch(
    world: Any, hard: int, soft: int, data: st.DataObject
) -> None:
    demand, _, times = world
    opened = sorted(data.draw(st.lists(st.sampled_from(list(times.site_id)), unique=True)))
    persons = demand.set_index("demand_id")["population"]
    rules = [
        limit_of(min(hard, times.cutoff), "hard", "h"),
        limit_of(min(soft, times.cutoff), "soft", "s"),
        limit_of(1, "to_know", "k"),
    ]
    found = merger.leave_one_out(
        times, OFFERS, persons, service="school", plan=plan_of(opened), rules=rules, sites=SITES
    )
    assert sorted(found.ranking["site_id"]) == opened
    for row in found.ranking.itertuples():
        expected = from_scratch(times, persons, opened, row.site_id, rules[:2])
        for name in (
            "persons", "unserved_after", "unreached_after", "beyond_cutoff_after",
            "unreachable_after", "hard_broken_persons", "soft_broken_persons",
        ):  # fmt: skip
            assert getattr(row, name) == expected[name], name
        assert row.displaced == row.persons
        assert row.person_min_added == expected["added"] / 60_000
        assert set(filter(None, row.limits_broken.split(";"))) == expected["broken"]
        mine = found.receivers[found.receivers["site_id"] == row.site_id]
        assert dict(zip(mine["receiver_id"], mine["persons"], strict=True)) == expected["to"]
        listed = dict(part.rsplit(":", 1) for part in row.receivers.split(";") if part)
        assert {k: int(v) for k, v in listed.items()} == expected["to"]
        if expected["after"]:
            assert row.max_after_min == max(expected["after"]) / 60_000
            assert row.mean_after_min == sum(expected["after"]) / len(expected["after"]) / 60_000
        else:
            assert np.isnan(row.mean_after_min)
        seats = {s: (OFFERS.set_index("site_id").loc[s, ["capacity", "enrolment"]]) for s in opened}
        unknown = sorted(s for s in expected["to"] if seats[s].isna().any())
        assert row.capacity_unknown == ";".join(unknown)
        if unknown:
            assert pd.isna(row.receiver_seats_short)
        else:
            short = sum(
                max(0, n - max(0, seats[s]["capacity"] - seats[s]["enrolment"]))
                for s, n in expected["to"].items()
            )
            assert row.receiver_seats_short == short
    order = [
        (
            row.unserved_after,
            row.hard_broken_persons,
            row.displaced if pd.isna(row.receiver_seats_short) else row.receiver_seats_short,
            row.soft_broken_persons,
            row.person_min_added,
            row.site_id,
        )
        for row in found.ranking.itertuples()
    ]
    assert order == sorted(order)
    assert found.ranking["rank"].tolist() == list(range(1, len(opened) + 1))


@settings(max_examples=30)
@given(worlds(), st.data())
def test_unreached_after_is_what_evaluate_says_of_the_closed_plan(
    world: Any, data: st.DataObject
) -> None:
    demand, _, times = world
    sites = list(times.site_id)
    opened = sorted(data.draw(st.lists(st.sampled_from(sites), unique=True, min_size=1)))
    persons = demand.set_index("demand_id")["population"]
    today = plan_of(opened)
    found = merger.leave_one_out(
        times, OFFERS, persons, service="school", plan=today, rules=[], sites=SITES
    ).ranking.set_index("site_id")
    nowhere = gpd.GeoDataFrame({"site_id": []}, geometry=[], crs=demand.crs)
    args: dict[str, Any] = {
        "services": [Service("school", (), tuple(sites), nowhere, time=times)],
        "demand": demand, "membership": membership_table({"t": ["a"] * len(demand)}),
        "zoning": "t",
    }  # fmt: skip
    before = evaluate(today, **args).indicators.iloc[0]
    for site in opened:
        after = evaluate(close(today, "school", site), **args).indicators.iloc[0]
        lost = after["unreached_persons"] - before["unreached_persons"]
        assert found.loc[site, "unreached_after"] == lost
        assert after["reached_persons"] == before["reached_persons"] - lost


@settings(max_examples=30)
@given(worlds(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(world: Any, random: Any) -> None:
    demand, _, times = world
    opened = list(times.site_id)
    persons = demand.set_index("demand_id")["population"]
    shuffled = persons.sample(frac=1, random_state=random.randrange(1000))
    args: dict[str, Any] = {"service": "school", "plan": plan_of(opened),
                            "rules": [limit_of(0, "hard", "h")]}  # fmt: skip
    one = merger.leave_one_out(times, OFFERS, persons, sites=SITES, **args)
    two = merger.leave_one_out(times, OFFERS[::-1], shuffled, sites=SITES[::-1], **args)
    pd.testing.assert_frame_equal(one.ranking, two.ranking)
    pd.testing.assert_frame_equal(one.receivers, two.receivers)
    pd.testing.assert_frame_equal(one.limits, two.limits)


def test_thirty_minutes_are_hard_relative_to_today() -> None:
    # D00: 20 → 35 (over); D01: already 40 → 50 (longer); D02: already 40 → 40 (a tie, no longer)
    matrix = pd.DataFrame(
        {"S0": [20, 40, 40], "S1": [35, 50, 40]}, index=["D00", "D01", "D02"]
    ) * 60_000  # fmt: skip
    found = merger.leave_one_out(
        times_from(matrix), OFFERS, pd.Series({"D00": 1, "D01": 10, "D02": 100}),
        service="school", plan=plan_of(["S0", "S1"]), sites=SITES,
        rules=[limit_of(30 * 60_000, "hard", "h"), limit_of(45 * 60_000, "soft", "s")],
    )  # fmt: skip
    limits = found.limits.set_index(["site_id", "rule_id"])
    assert limits.loc[("S0", "h")].tolist() == ["hard", 1, 10, 0, True]
    assert limits.loc[("S0", "s")].tolist() == ["soft", 10, 0, 0, True]
    assert limits.loc[("S1", "h")].tolist() == ["hard", 0, 0, 0, False]
    row = found.ranking.set_index("site_id").loc["S0"]
    assert (row["unserved_after"], row["hard_broken_persons"], row["limits_broken"]) == (
        11, 11, "h;s",
    )  # fmt: skip
    assert found.ranking["site_id"].tolist() == ["S1", "S0"]


def test_unknown_capacity_is_named_and_never_unlimited() -> None:
    matrix = pd.DataFrame({"S1": [1, 1], "S2": [2, -1], "S3": [-1, 2]}, index=["D00", "D01"])
    found = merger.leave_one_out(
        times_from(matrix), OFFERS, pd.Series({"D00": 5, "D01": 6}), service="school",
        plan=plan_of(["S1", "S2", "S3"]), sites=SITES, rules=[],
    )  # fmt: skip
    row = found.ranking.set_index("site_id").loc["S1"]
    assert row["capacity_unknown"] == "S2;S3"
    assert pd.isna(row["receiver_seats_short"])
    assert found.receivers["seats_short"].isna().all()
    assert set(found.receivers["rule"]) == {"nearest"}


def test_what_cannot_be_asked_says_so() -> None:
    times = times_from(pd.DataFrame({"S0": [1]}, index=["D00"]), cutoff=100)
    args: dict[str, Any] = {"service": "school", "plan": plan_of(["S0"]), "sites": SITES}
    people = pd.Series({"D00": 1})
    with pytest.raises(StudyError, match="beyond the cutoff"):
        merger.leave_one_out(times, OFFERS, people, rules=[limit_of(101, "hard", "h")], **args)
    metres = limit_of(1, "hard", "m").model_copy(update={"measure": "network_m", "unit": "m"})
    with pytest.raises(StudyError, match="rules m do not measure time_min"):
        merger.leave_one_out(times, OFFERS, people, rules=[metres], **args)
    lengths = times_from(pd.DataFrame({"S0": [1]}, index=["D00"]), impedance="length")
    with pytest.raises(StudyError, match="these are by length"):
        merger.leave_one_out(lengths, OFFERS, people, rules=[], **args)
    with pytest.raises(DataError, match=r"not whole numbers.*D00"):
        merger.leave_one_out(times, OFFERS, pd.Series({"D00": 0.5}), rules=[], **args)
    with pytest.raises(DataError, match=r"do not offer school.*S0"):
        merger.leave_one_out(times, OFFERS[1:], people, rules=[], **args)


def test_a_plan_with_one_school_leaves_everybody_unserved() -> None:
    times = times_from(pd.DataFrame({"S0": [1], "S1": [2]}, index=["D00"]))
    found = merger.leave_one_out(
        times, OFFERS, pd.Series({"D00": 7}), service="school", plan=plan_of(["S0"]), sites=SITES,
        rules=[],
    )  # fmt: skip
    row = found.ranking.iloc[0]
    assert (row["unserved_after"], row["unreachable_after"], row["receivers"]) == (7, 7, "")
    assert row["receiver_seats_short"] == 0
    assert found.receivers.empty
