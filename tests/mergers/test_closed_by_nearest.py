"""A school closed whole, its children to the nearest, is the Plan without it from scratch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from merger_worlds import times_of

from siting import merger, rules
from siting.merger import NEAREST
from siting.plan import Period, Plan, close

BOOK = rules.load()


@settings(max_examples=20)
@given(st.data(), st.sampled_from([(1, 3), (4, 6)]))
def test_equals_the_plan_without_it(data: st.DataObject, span: tuple[int, int]) -> None:
    n, s = data.draw(st.integers(1, 6)), data.draw(st.integers(2, 4))
    homes, sites = [f"h{i}" for i in range(n)], [f"S{j}" for j in range(s)]
    minute = st.lists(st.integers(-1, 55), min_size=s, max_size=s)
    walk = pd.DataFrame([data.draw(minute) for _ in homes], index=homes, columns=sites)
    times = times_of(walk, cutoff=data.draw(st.sampled_from([42, 60])))
    children = pd.DataFrame(
        {"demand_id": homes, "year": 2025, "grade": span[0] + 1,
         "persons": [data.draw(st.integers(0, 5)) for _ in homes]}
    )  # fmt: skip
    teaching = pd.DataFrame(
        {"site_id": sites, "service": "primary", "grade_from": span[0], "grade_to": span[1]}
    )
    shut = data.draw(st.sampled_from(sites))
    located = merger.pupils(children, times, service="primary", teaching=teaching).table
    units = merger.units(teaching)
    unit = units.loc[units["site_id"] == shut, "unit_id"].item()
    asked = merger.Setting(
        service="primary", units=units, times={"walk": times}, rules=BOOK, teaching=teaching,
        years=[2025],
    )  # fmt: skip
    receivers = pd.DataFrame({"unit_id": [unit], "to_site": NEAREST})
    found = merger.options(located, receivers, asked, ways=["commutes"])
    row = found.table.iloc[0]

    # the Plan, evaluated twice from scratch
    today = Plan(name="today", periods=(Period(open={"primary": tuple(sites)}),))
    without = close(today, "primary", shut)
    before = times.reach(today.open_sites("primary"))
    after = times.reach(without.open_sites("primary"))
    persons = children.set_index("demand_id")["persons"]
    moved = [d for d in homes if before.loc[d, "site_id"] == shut and persons[d]]
    assert row["persons"] == sum(persons[d] for d in moved)
    decided = receivers.assign(year=2025, way="commutes")
    went = merger.movers(decided, located, asked)
    told = {
        d: (int(persons[d]), after.loc[d, "site_id"] or "", int(after.loc[d, "impedance"]))
        for d in moved
    }
    got = {
        d: (n, to, -1 if np.isnan(m) else round(m * 60_000))
        for d, n, to, m in went[["demand_id", "persons", "to_site", "after_min"]].values.tolist()
    }
    assert got == told

    # and the closing of every school alone
    limits = [BOOK["school.journey_grades_1_3"]] if span[0] == 1 else [BOOK["school.journey"]]
    alone = merger.leave_one_out(
        times, teaching.assign(capacity=pd.NA, enrolment=pd.NA), persons, service="primary",
        plan=today, rules=limits, sites=pd.DataFrame({"site_id": sites, "name": sites}),
    )  # fmt: skip
    same = alone.ranking.set_index("site_id").loc[shut]
    assert row["persons"] == same["displaced"]
    for name in ("before", "after"):
        for figure in ("mean", "p95", "max"):
            column = f"{figure}_{name}_min"
            assert row[column] == pytest.approx(same[column], nan_ok=True), column
    hit = found.refusals.groupby("rule_id")["persons"].sum()
    assert row["unknown_persons"] == same["beyond_cutoff_after"] + same["unreachable_after"]
    if span[0] == 1:
        assert hit.get("school.journey_grades_1_3", 0) == same["hard_broken_persons"]
    else:  # a way that is not known is over the limit there, and no known way here
        lost = hit.get("merger.in_reach", 0)
        over_before = sum(
            int(persons[d])
            for d in moved
            if after.loc[d, "impedance"] < 0 and before.loc[d, "impedance"] > 40 * 60_000
        )
        assert hit.get("school.journey", 0) + lost - over_before == same["soft_broken_persons"]


def test_already_over_and_not_lengthened_blocks_nothing() -> None:
    walk = pd.DataFrame({"A": [35, 35, 20], "B": [35, 36, 31]}, index=["same", "more", "newly"])
    for home, refused in (("same", False), ("more", True), ("newly", True)):
        children = pd.DataFrame({"demand_id": [home], "year": 2025, "grade": 2, "persons": 1})
        teaching = pd.DataFrame(
            {"site_id": ["A", "B"], "service": "primary", "grade_from": 1, "grade_to": 3}
        )
        times = times_of(walk)
        located = merger.pupils(children, times, service="primary", teaching=teaching).table
        assert located["site_id"].tolist() == ["A"]
        receivers = pd.DataFrame({"unit_id": ["A:1-3"], "to_site": "B"})
        asked = merger.Setting(
            service="primary", units=merger.units(teaching), times={"walk": times}, rules=BOOK,
            teaching=teaching,
        )  # fmt: skip
        found = merger.options(located, receivers, asked)
        assert (found.table["status"] == "refused").all() == refused


def test_a_time_that_is_only_at_least_so_long_does_not_keep_a_hard_rule() -> None:
    walk = pd.DataFrame({"A": [10], "B": [50]}, index=["h"])
    ride = times_of(pd.DataFrame({"A": [5], "B": [20]}, index=["h"]), bound="lower", mode="drive")
    children = pd.DataFrame({"demand_id": ["h"], "year": 2025, "grade": [2], "persons": 1})
    teaching = pd.DataFrame(
        {"site_id": ["A", "B"], "service": "primary", "grade_from": 1, "grade_to": 3}
    )
    located = merger.pupils(children, times_of(walk), service="primary", teaching=teaching).table
    for bus, status in ((ride, "refused"), (times_of(walk - 40, mode="drive"), "allowed")):
        asked = merger.Setting(
            service="primary", units=merger.units(teaching),
            times={"walk": times_of(walk), "bus": bus}, rules=BOOK, teaching=teaching,
        )  # fmt: skip
        receivers = pd.DataFrame({"unit_id": ["A:1-3"], "to_site": "B"})
        found = merger.options(located, receivers, asked)
        assert found.table["status"].tolist() == [status]
        assert found.table["bus_persons"].tolist() == [1]
