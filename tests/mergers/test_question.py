"""What a county decides about, by pencil: seats, money and what the solver makes of it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import small_county as county

from siting import merger, sequence
from siting.errors import DataError, InfeasibleError, StudyError
from siting.merger import Costs
from siting.sequence import Limits

COSTS = Costs(person_min_yuan=100, bus_yuan=2_000, board_yuan=3_000, seat_yuan=5_000)


def asked(options: pd.DataFrame | None = None, **change: Any) -> sequence.Question:
    words: dict[str, Any] = {"years": county.YEARS, "costs": COSTS} | change
    running = merger.running_costs(
        county.SCHOOLS, county.TEACHING, county.pupils(), costs=words["costs"]
    )
    return merger.question(
        county.UNITS,
        county.options() if options is None else options,
        county.staying(),
        words.pop("teaching", county.TEACHING),
        running,
        **words,
    )


def test_the_township_takes_whom_it_has_seats_for() -> None:
    """300 seats, 230 and 220 children of its own: 70 free, then 80.

    Yearly saving less 100 yuan a person-minute, to the township: V3 200,000 − 9 × 12 × 100; V1
    300,000 − 42 × 20 × 100; V2 400,000 − 64 × 20 × 100 = 272,000. In the first year V2 with 64 (of
    70) or V1 and V3 with 51; the town takes the others: V1 there costs 42 × (50 × 100 + 2,000).
    """
    found = sequence.programme(asked())
    closed = found.steps[found.steps["what"] == "close"]
    assert sorted(closed["site_id"]) == ["V1/primary", "V2/primary", "V3/primary"]
    full = found.sites[found.sites["site_id"] == "T/primary"]
    assert (full["persons"] <= 300).all()
    by_hand = {
        "stay": sum(
            n * county.MINUTES[unit.split(":")[0]][0] * 100
            for unit, both in county.PERSONS.items()
            for n in both
        )
        + 2 * 3_800_000
    }
    assert found.keep_all == by_hand["stay"]


def test_what_is_refused_is_no_choice() -> None:
    plain = asked()
    lower = county.options(V1_1_3="school.journey_grades_1_3")
    fewer = asked(lower)
    gone = {
        (u, s, w)
        for u, s, w in plain.choices[["unit_id", "site_id", "way"]].itertuples(index=False)
    } - {(u, s, w) for u, s, w in fewer.choices[["unit_id", "site_id", "way"]].values}
    assert gone == {("V1:1-3", "C/primary", "commutes")}


def test_a_choice_refused_later_is_none() -> None:
    """A journey that breaks a rule in 2027 cannot begin in 2026, and one in 2026 may in 2027."""
    options = county.options()
    at = (options["option_id"] == "V2:1-3 T commutes") & (options["year"] == 2027)
    options.loc[at, "status"] = "refused"
    kept = asked(options).choices
    assert not ((kept["unit_id"] == "V2:1-3") & (kept["site_id"] == "T/primary")
                & (kept["way"] == "commutes")).any()  # fmt: skip
    options = county.options()
    at = (options["option_id"] == "V2:1-3 T commutes") & (options["year"] == 2026)
    options.loc[at, "status"] = "refused"
    kept = asked(options).choices
    rows = kept[(kept["unit_id"] == "V2:1-3") & (kept["site_id"] == "T/primary")
                & (kept["way"] == "commutes")]  # fmt: skip
    assert rows["year"].tolist() == [2027]


def test_own_costs_are_the_bus_and_the_beds() -> None:
    rows = asked().choices.set_index(["unit_id", "site_id", "way", "year"])["cost"]
    assert rows["V1:4-6", "C/primary", "commutes", 2026] == 22 * 2_000
    assert rows["V1:4-6", "C/primary", "boards", 2027] == 20 * 3_000
    assert rows["V1:4-6", "T/primary", "commutes", 2026] == 0
    with pytest.raises(StudyError, match=r"costs.bus_yuan is not stated, and children come by bus"):
        asked(costs=Costs(person_min_yuan=1, board_yuan=1))


def test_unknown_seats_are_not_unlimited() -> None:
    teaching = county.TEACHING.copy()
    teaching.loc[teaching["site_id"] == "T", "seats"] = pd.NA
    with pytest.raises(DataError, match="1 receivers have no seats") as told:
        asked(teaching=teaching)
    assert told.value.problems[0].rows == ("T/primary",)


def test_running_costs_are_divided_and_never_zero() -> None:
    schools = pd.DataFrame(
        {"site_id": ["N", "U"], "running_cost_yuan": pd.array([1_000, None], dtype="Int64")}
    )
    teaching = pd.DataFrame(
        [("N", "primary", 1, 6), ("N", "junior", 7, 9), ("U", "primary", 1, 6)],
        columns=["site_id", "service", "grade_from", "grade_to"],
    )
    pupils = pd.DataFrame(
        [("a", "N", "primary", 1, 2026, 2), ("a", "N", "junior", 7, 2026, 1)],
        columns=["demand_id", "site_id", "service", "grade", "year", "persons"],
    )
    with pytest.raises(StudyError, match=r"school_yuan is not stated, and 1 schools .* \(U…\)"):
        merger.running_costs(schools, teaching, pupils, costs=Costs(person_min_yuan=1))
    told = merger.running_costs(
        schools, teaching, pupils, costs=Costs(person_min_yuan=1, school_yuan=700)
    )
    assert told.values.tolist() == [
        ["N", "junior", 333, "given"],
        ["N", "primary", 667, "given"],
        ["U", "primary", 700, "stated"],
    ]


def test_must_close_against_must_stay_is_named() -> None:
    limits = Limits(must_stay=["V1"], must_close={"V1": 2027})
    with pytest.raises(InfeasibleError, match="must close: V1/primary, must stay: V1/primary"):
        sequence.programme(asked(limits=limits))
    with pytest.raises(DataError, match="1 schools are not among those decided about"):
        asked(limits=Limits(must_stay=["nowhere"]))


def test_an_expansion_costs_its_seats() -> None:
    more = pd.DataFrame(
        {"site_id": ["T"], "service": "primary", "expansion_id": ["wing"], "seats": [45]}
    )
    assert asked(expansions=more).expansions.values.tolist() == [["T/primary", "wing", 45, 225_000]]


def test_a_candidate_is_built_before_it_is_used() -> None:
    new = pd.DataFrame(
        {"site_id": ["NEW"], "service": "primary", "seats": [100], "build_cost_yuan": [1_000],
         "running_cost_yuan": [500]}
    )  # fmt: skip
    options = county.options()
    there = options[options["to_site"] == "T"].assign(
        to_site="NEW", person_min_after=0, option_id=lambda t: t["option_id"] + " new"
    )
    full = county.TEACHING.assign(seats=county.TEACHING["seats"].clip(upper=90))
    found = sequence.programme(asked(pd.concat([options, there]), candidates=new, teaching=full))
    built = found.steps[found.steps["what"] == "build"]
    assert built[["site_id", "year", "paid_in"]].values.tolist() == [["NEW/primary", 2027, 2026]]
    assert (found.sites.loc[found.sites["site_id"] == "NEW/primary", "persons"] > 0).tolist() == [
        False,
        True,
    ]
