"""The plan as worded, sentence by sentence, with a pencil."""

from __future__ import annotations

import pandas as pd
import small_county as county

from siting import merger, rules

PLAN = {i: r for i, r in rules.load().items() if i.startswith("plan.")}


def worded(**change: object) -> merger.Worded:
    words: dict[str, object] = {
        "years": county.YEARS, "rules": PLAN, "moved_pupils": 45,
    } | change  # fmt: skip
    options = words.pop("options", county.options())
    schools = words.pop("schools", county.SCHOOLS)
    return merger.worded(county.UNITS, options, schools, **words)  # type: ignore[arg-type]


def test_every_sentence_speaks_of_its_schools() -> None:
    """V2 boards, so it goes to the township; V3 (9) and V1 (42) move home: 9 in 2026, 36 in 2027.

    In 2026 45 may move: V3's 9, then V1's 42 do not fit any more; in 2027 V1 has 36.
    """
    found = worded()
    assert found.decisions.values.tolist() == [
        ["V2:1-3", 2026, "T", "commutes", "plan.boarding_primaries_years"],
        ["V2:4-6", 2026, "T", "boards", "plan.boarding_primaries_years"],
        ["V3:1-3", 2026, "C", "moves_home", "plan.moved_primary_pupils"],
        ["V1:1-3", 2027, "C", "moves_home", "plan.moved_primary_pupils"],
        ["V1:4-6", 2027, "C", "moves_home", "plan.moved_primary_pupils"],
    ]
    assert found.unmet.empty


def test_hard_rules_are_not_asked() -> None:
    """The wording does not know them: a refused way is taken, and outcome lists the hits."""
    options = county.options().assign(status="refused")
    assert worded(options=options).decisions.equals(worded().decisions)


def test_who_has_nowhere_to_go_is_named() -> None:
    options = county.options()
    lost = options["unit_id"].str.startswith("V2") & (options["to_site"] == "T")
    found = worded(options=options[~lost])
    assert found.unmet.values.tolist() == [
        ["plan.boarding_primaries_years", "V2:1-3", "no_receiver"],
        ["plan.boarding_primaries_years", "V2:4-6", "no_receiver"],
    ]


def test_a_receiver_without_a_known_way_is_not_near() -> None:
    """Nobody's way is known, so nobody's minutes are counted: that is no journey of 0 minutes."""
    options = county.options()
    near = options[options["to_site"] == "T"].assign(
        to_site="T2", person_min_after=0, unknown_persons=lambda t: t["persons"]
    )
    schools = pd.concat([county.SCHOOLS, county.SCHOOLS.iloc[[3]].assign(site_id="T2")])
    found = worded(options=pd.concat([near, options]), schools=schools)
    assert "T2" not in set(found.decisions["to_site"])


def test_a_yearly_number_is_not_passed() -> None:
    found = worded(moved_pupils=8)
    assert found.decisions.loc[
        found.decisions["rule_id"] == "plan.moved_primary_pupils", ["unit_id", "year"]
    ].values.tolist() == [["V3:1-3", 2027]]
    assert found.unmet.values.tolist() == [
        ["plan.moved_primary_pupils", "V1:1-3", "later"],
        ["plan.moved_primary_pupils", "V1:4-6", "later"],
    ]


def test_years_are_shared_evenly_and_those_beyond_the_programme_are_told() -> None:
    schools = county.SCHOOLS.assign(
        boarders=pd.array([1, 1, 1, 0, 0], dtype="Int64")
    )  # three schools in three years: V3, V1, V2, of which two are in the programme
    found = worded(schools=schools)
    first = found.decisions.groupby(found.decisions["unit_id"].str[:2])["year"].first()
    assert first.to_dict() == {"V3": 2026, "V1": 2027}
    assert found.unmet["unit_id"].tolist() == ["V2:1-3", "V2:4-6"]
    assert set(found.unmet["why"]) == {"later"}


def test_unknown_boarders_board_nobody() -> None:
    schools = county.SCHOOLS.assign(boarders=pd.array([None] * 5, dtype="Int64"))
    assert set(worded(schools=schools, moved_pupils=500).decisions["way"]) == {"moves_home"}


def test_rows_stand_in_any_order() -> None:
    back = worded(options=county.options().iloc[::-1], schools=county.SCHOOLS.iloc[::-1])
    assert back.decisions.equals(worded().decisions)
