"""Norms as data: shipped rules hold, overrides need a reason."""

import pytest

from siting import rules
from siting.errors import StudyError


def test_every_shipped_rule_names_source_status_and_both_languages() -> None:
    for rule_id, rule in rules.load().items():
        assert rule.id == rule_id
        assert rule.source.strip()
        assert rule.text_zh.strip()
        assert rule.text_en.strip()
        assert rule.reason is None


@pytest.mark.parametrize(
    ("rule_id", "number", "status"),
    [  # typed from the standards table, not from the program
        ("primary.radius", 500, "secondary"),
        ("junior.radius", 1000, "secondary"),
        ("kindergarten.radius", 300, "unconfirmed"),
        ("circle_5min", 300, "secondary"),
        ("school.journey_grades_1_3", 30, "confirmed"),
        ("school.journey", 40, "unconfirmed"),
        ("green.target_rate", 0.8, "confirmed"),
        ("green.target_500", 0.9, "confirmed"),
        ("green.radius_large", 500, "unconfirmed"),
        ("green.radius_small", 300, "unconfirmed"),
        ("crossing.same_road", 50, "assumed"),
        ("crossing.gate", 20, "assumed"),
        ("life_unit.township_seat", 30, "assumed"),
        ("life_unit.village", 30, "assumed"),
        ("elderly.walk_15min", 15, "assumed"),
        ("children.walk_15min", 15, "assumed"),
        ("provision.child_care", 4.5, "unconfirmed"),
        ("provision.sport_ground_m2", 2600, "unconfirmed"),
    ],
)
def test_numbers_and_statuses_as_read(rule_id: str, number: float, status: str) -> None:
    rule = rules.load()[rule_id]
    assert rule.strict == number
    assert rule.status == status


def test_range_is_judged_at_both_ends() -> None:
    rule = rules.load()["circle_15min"]
    assert rule.bounds == (800, 1000)
    assert rule.strict == 800
    assert rule.loose == 1000


def test_text_rule_has_no_number() -> None:
    with pytest.raises(StudyError, match=r"school\.hearing is a text"):
        _ = rules.load()["school.hearing"].strict


def test_override_needs_a_reason_and_is_kept() -> None:
    with pytest.raises(StudyError, match="needs a reason"):
        rules.load({"primary.radius": {"value": 800}})
    changed = rules.load({"primary.radius": {"value": 800, "reason": "county notice"}})
    assert changed["primary.radius"].strict == 800
    assert changed["primary.radius"].reason == "county notice"
    assert rules.load()["primary.radius"].strict == 500


def test_override_replaces_a_range_by_a_value_and_back() -> None:
    one = rules.load({"circle_15min": {"value": 900, "reason": "x"}})["circle_15min"]
    assert one.bounds == (900, 900)
    two = rules.load({"circle_5min": {"low": 250, "high": 300, "reason": "x"}})["circle_5min"]
    assert two.bounds == (250, 300)
    assert two.strict == 250


def test_all_breaches_of_overrides_are_told_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        rules.load(
            {
                "primary.radius": {"value": "far", "reason": "x"},
                "circle_15min": {"low": 2000, "high": 1000, "reason": "x"},
                "no.such": {"valu": 3, "reason": "x"},
                "junior.radius": {"value": -1, "reason": "x"},
                "circle_5min": {"value": float("nan"), "reason": "x"},
            }
        )
    for rule_id in ("primary.radius", "circle_15min", "no.such", "junior.radius", "circle_5min"):
        assert rule_id in str(caught.value)
