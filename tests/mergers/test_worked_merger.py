"""The example of docs/method-schools.md, worked by hand, from options to the dossier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from merger_worlds import World, counties, judged, setting_of, times_of

from siting import merger, rules
from siting.errors import DataError, StudyError

BOOK = rules.load()
WALK = pd.DataFrame({"A": [10, 20], "B": [25, 45]}, index=["x", "y"])
BUS = pd.DataFrame({"A": [5, 7], "B": [20, 15]}, index=["x", "y"])
CHILDREN = pd.DataFrame(
    [("x", 2025, 2, 3), ("x", 2025, 5, 4), ("y", 2025, 2, 1), ("y", 2025, 5, 2)],
    columns=["demand_id", "year", "grade", "persons"],
)
TEACHING = pd.DataFrame(
    {"site_id": ["A", "B"], "service": "primary", "grade_from": 1, "grade_to": 6,
     "seats": pd.array([40, 84], dtype="Int64")}
)  # fmt: skip
ENROLMENT = pd.DataFrame(
    [("A", 2, 2025, 4), ("A", 5, 2025, 6), ("B", 1, 2025, 80)]
    + [(i, g, 2025, 0) for i in "AB" for g in range(1, 7) if (i, g) not in
       {("A", 2), ("A", 5), ("B", 1)}],
    columns=["site_id", "grade", "year", "pupils"],
)  # fmt: skip
SCHOOLS = pd.DataFrame(
    {"site_id": ["A", "B"], "level": ["village", "township_seat"], "beds": [pd.NA, 10],
     "boarders": [pd.NA, 9], "classrooms": [6, 2], "running_cost_yuan": [90_000, 400_000]}
)  # fmt: skip
WALKS = {"walk": times_of(WALK)}
RIDES = WALKS | {"bus": times_of(BUS, mode="drive")}
RECEIVERS = pd.DataFrame({"unit_id": ["A:1-3", "A:4-6"], "to_site": "B"})
UNITS = merger.units(TEACHING)
SETTING = merger.Setting(
    service="primary", units=UNITS, times=WALKS, rules=BOOK, teaching=TEACHING, schools=SCHOOLS
)


def located() -> pd.DataFrame:
    found = merger.pupils(
        CHILDREN, WALKS["walk"], service="primary", teaching=TEACHING, enrolment=ENROLMENT
    )
    return found.table


def options(times: Any) -> pd.DataFrame:
    found = merger.options(located(), RECEIVERS, replace(SETTING, times=times))
    return found.table.set_index(["unit_id", "way"])


def test_with_a_bus() -> None:
    table = options(RIDES)
    lower, upper = table.loc[("A:1-3", "commutes")], table.loc[("A:4-6", "commutes")]
    assert [lower["walk_persons"], lower["bus_persons"]] == [3, 1]
    assert [lower["person_min_before"], lower["person_min_after"]] == [50, 90]
    assert [upper["walk_persons"], upper["bus_persons"]] == [4, 2]
    assert [upper["person_min_before"], upper["person_min_after"]] == [80, 130]
    assert [lower["seats_free"], lower["seats_short"], upper["seats_short"]] == [4, 0, 2]
    assert (table["status"] == "allowed").all()
    assert [lower["kind"], upper["kind"]] == ["whole", "partial"]


def test_without_a_bus() -> None:
    found = merger.options(located(), RECEIVERS, SETTING)
    table = found.table.set_index(["unit_id", "way"])
    lower = table.loc[("A:1-3", "commutes")]
    assert [lower["status"], lower["refused_by"]] == ["refused", "school.journey_grades_1_3"]
    assert found.refused_homes.iloc[:, 1:].values.tolist() == [["y", 2, 1, 20.0, 45.0]]
    assert "school.journey" in table.loc[("A:4-6", "commutes"), "findings"]
    boards = table.loc[("A:4-6", "boards")]
    assert [boards["walk_persons"], boards["board_persons"]] == [4, 2]
    assert boards["person_min_after"] == pytest.approx(118)  # 4 × 25 + 2 × 45 × 0.2
    assert [boards["beds_free"], boards["beds_short"]] == [1, 1]
    assert boards["max_after_min"] == 25  # of those who travel daily
    # B: 80 of grade 1 in classes of 45 are two, and one more for the grade that comes
    assert boards["classes_needed"] == 3
    assert "school.class_size_complete_primary" in boards["findings"]


def test_dossier_of_the_whole_school() -> None:
    decided = RECEIVERS.assign(year=2025, way=["commutes", "boards"])
    found = merger.dossier(
        decided, located(), SETTING,
        costs=merger.Costs(person_min_yuan=1, board_yuan=500, seat_yuan=20_000, bed_yuan=9_000),
    )  # fmt: skip
    assert found.children["persons"].sum() == 10
    assert found.children.groupby("mode")["persons"].sum().to_dict() == {"board": 2, "walk": 8}
    every = found.journeys[found.journeys["mode"] == ""].iloc[0]
    assert every["mean_before_min"] == pytest.approx(13)  # (7 × 10 + 3 × 20) / 10
    assert every["mean_after_min"] == pytest.approx(31)  # (7 × 25 + 3 × 45) / 10
    young = found.limits.set_index("rule_id").loc["school.journey_grades_1_3"]
    assert [young["persons"], young["newly_over_persons"], young["status"]] == [4, 1, "confirmed"]
    at = found.receivers.iloc[0]
    assert [at["own_pupils"], at["coming"], at["seats_free"], at["seats_short"]] == [80, 10, 4, 6]
    assert [at["boarding"], at["beds_short"], at["classes_needed"]] == [2, 1, 4]
    money = found.money.set_index("item")["yuan"].to_dict()
    assert money == {
        "bus": 0, "board": 1000, "seats": 120_000, "beds": 9_000, "running:A": -90_000,
    }  # fmt: skip
    assert set(found.hits.loc[found.hits["strength"] == "hard", "rule_id"]) == {
        "school.journey_grades_1_3"
    }
    steps = found.steps.set_index("rule_id")
    assert steps["pupils"].tolist() == [10, 10, 10]
    assert steps["applies"].all()
    assert steps.loc["school.hearing", "status"] == BOOK["school.hearing"].status


def test_a_school_of_unknown_level_may_be_needed() -> None:
    found = merger.dossier(
        RECEIVERS.assign(year=2025, way="commutes"), located(),
        replace(SETTING, times=RIDES, schools=SCHOOLS.drop(columns="level")),
    )  # fmt: skip
    assert pd.isna(found.steps.set_index("rule_id").loc["school.keep_needed_small", "applies"])
    assert found.money.empty


@settings(max_examples=8)
@given(counties())
def test_every_transferred_child_is_a_mover_once_a_year(world: World) -> None:
    pupils, units, found = judged(world)
    free = units[units["needs"] == ""].sort_values("unit_id")
    for unit in free["unit_id"]:
        to = next(
            i for i in world.walk.columns if i != units.set_index("unit_id").loc[unit, "site_id"]
        )
        decided = pd.DataFrame({"unit_id": [unit], "year": 2026, "to_site": to, "way": "commutes"})
        went = merger.movers(decided, pupils, setting_of(world, units))
        row = units.set_index("unit_id").loc[unit]
        here = pupils[(pupils["site_id"] == row["site_id"]) & (pupils["year"] >= 2026)]
        here = here[here["grade"].between(row["grade_from"], row["grade_to"])]
        keys = ["year", "demand_id", "grade"]
        assert not went.duplicated(keys).any()
        assert (
            went.set_index(keys)["persons"].to_dict() == here.set_index(keys)["persons"].to_dict()
        )
        told = found.table[(found.table["unit_id"] == unit) & (found.table["to_site"] == to)]
        told = told[told["way"] == "commutes"].set_index("year")
        for year, part in went.groupby("year"):
            by = part.groupby("mode")["persons"].sum()
            for mode in ("walk", "bus", "unknown"):
                assert by.get(mode, 0) == told.loc[year, f"{mode}_persons"]


def test_movers_enter_the_named_town() -> None:
    towns = pd.DataFrame({"to_site": ["B"], "zone_id": ["town"], "journey_min": [8.0]})
    decided = pd.DataFrame(
        {"unit_id": ["A:4-6"], "year": 2025, "to_site": "B", "way": "moves_home"}
    )
    went = merger.movers(decided, located(), replace(SETTING, towns=towns))
    columns = ["demand_id", "mode", "persons", "to_zone", "after_min"]
    assert went[columns].values.tolist() == [
        ["x", "move", 4, "town", 8.0],
        ["y", "move", 2, "town", 8.0],
    ]


def decisions(**change: Any) -> pd.DataFrame:
    base = {"unit_id": ["A:4-6"], "year": 2025, "to_site": "B", "way": "commutes"}
    return pd.DataFrame(base | change)


@pytest.mark.parametrize(
    ("decided", "message"),
    [
        (pd.concat([decisions(), decisions()]), r"1 units move twice \(A:4-6\)"),
        (decisions(unit_id=["A:1-3"]), r"leave before the upper grades .*\(A:1-3\)"),
        (decisions(unit_id=["Q"]), r"not among the units \(Q\)"),
        (decisions(way="flies"), r"no known way \(A:4-6\)"),
        (decisions(way="moves_home"), r"without a town zone \(A:4-6\)"),
        (decisions(to_site="A"), r"move to their own school \(A:4-6\)|same grades leave"),
        (decisions(to_site="Z"), r"1 sites are not in the travel times \(Z\)"),
        (
            pd.concat([decisions(), decisions(unit_id=["A:1-3"], way="boards")]),
            r"of grades 1–3 and would board \(A:1-3\)",
        ),
        (
            pd.concat([decisions(), decisions(unit_id=["B:4-6"], to_site="A")]),
            r"whose same grades leave \(A:4-6, B:4-6\)",
        ),
    ],
)
def test_decisions_that_do_not_fit_are_named(decided: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        merger.movers(decided, located(), SETTING)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"receivers": RECEIVERS.assign(to_site="A")}, r"their own school \(A:1-3, A:4-6\)"),
        ({"receivers": RECEIVERS.assign(to_site="Z")}, r"not in the travel times \(Z\)"),
        ({"receivers": RECEIVERS.assign(unit_id="Q")}, r"not among the units \(Q\)"),
        ({"receivers": pd.concat([RECEIVERS] * 2)}, r"have a receiver twice \(A:1-3, A:4-6\)"),
        ({"receivers": RECEIVERS[["unit_id"]]}, "the column to_site is missing"),
        ({"schools": SCHOOLS.assign(beds=-1)}, r"2 rows have beds .*\(A, B\)"),
        ({"schools": pd.concat([SCHOOLS] * 2)}, r"2 schools repeat \(A, B\)"),
        ({"teaching": TEACHING.assign(seats=0.5)}, r"2 rows have seats .*\(A, B\)"),
        ({"towns": pd.DataFrame({"to_site": ["B"], "zone_id": "t"})}, r"no journey .*\(B\)"),
        (
            {"towns": pd.DataFrame({"to_site": ["B"], "zone_id": "t", "journey_min": [-1]})},
            r"journey_min below 0 \(B\)",
        ),
    ],
)
def test_tables_that_do_not_fit_are_named(change: dict[str, Any], message: str) -> None:
    receivers = change.pop("receivers", RECEIVERS)
    with pytest.raises(DataError, match=message):
        merger.options(located(), receivers, replace(SETTING, **change))


def test_rules_and_times_that_are_missing_are_named() -> None:
    book = {name: rule for name, rule in BOOK.items() if name != "school.journey"}
    with pytest.raises(StudyError, match=r"school\.journey"):
        merger.options(located(), RECEIVERS, replace(SETTING, rules=book))
    with pytest.raises(StudyError, match="beyond the cutoff"):
        merger.options(
            located(), RECEIVERS, replace(SETTING, times={"walk": times_of(WALK, cutoff=39)})
        )


def test_receivers_are_those_most_reach_then_nearest() -> None:
    walk = pd.DataFrame({"A": [10, 20], "B": [25, 45], "C": [30, -1], "D": [26, 40]},
                        index=["x", "y"])  # fmt: skip
    teaching = pd.concat(
        [TEACHING, TEACHING.assign(site_id=["C", "D"]), TEACHING.assign(site_id=["E", "F"])]
    ).iloc[:4]
    asked = replace(
        SETTING, units=merger.units(teaching), times={"walk": times_of(walk)}, teaching=teaching
    )
    found = merger.receivers(located(), asked, most=2)
    upper = found[found["unit_id"] == "A:4-6"]
    assert upper[["to_site", "rank"]].values.tolist() == [["D", 1], ["B", 2]]  # 184 and 190 min
