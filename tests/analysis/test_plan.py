"""The Plan: equal decisions are equal, what is unknown is refused with a mend."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting import plan as plans
from siting.errors import StudyError
from siting.plan import Period, Plan

SITES = pd.DataFrame(
    {"site_id": ["a", "b", "c", "d"], "status": ["existing", "existing", "candidate", "existing"]}
)
OFFERS = pd.DataFrame(
    {
        "site_id": ["b", "a", "c", "d", "c"],
        "service": ["clinic", "clinic", "clinic", "school", "library"],
    }
)


def test_today_opens_what_exists_and_names_services_without_any() -> None:
    today = plans.today(OFFERS, SITES)
    assert today.open_sites("clinic") == ("a", "b")
    assert today.open_sites("school") == ("d",)
    assert today.open_sites("library") == ()


def test_today_does_not_depend_on_row_order_or_change_its_arguments() -> None:
    before = OFFERS.copy(deep=True)
    assert plans.today(OFFERS[::-1], SITES[::-1]) == plans.today(OFFERS, SITES)
    pd.testing.assert_frame_equal(OFFERS, before)


def test_close_and_open_leave_the_first_plan_alone() -> None:
    today = plans.today(OFFERS, SITES)
    closed = plans.close(today, "clinic", "a")
    assert closed.open_sites("clinic") == ("b",)
    assert today.open_sites("clinic") == ("a", "b")
    more = plans.open_more(today, "clinic", ["c"], name="one more")
    assert (more.name, more.open_sites("clinic")) == ("one more", ("a", "b", "c"))
    assert plans.close(more, "clinic", "c", name="today") == today


def test_a_plan_cannot_be_changed() -> None:
    today = plans.today(OFFERS, SITES)
    with pytest.raises(TypeError):
        today.periods[0].open["clinic"] = ()  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        today.name = "x"


@given(
    st.dictionaries(
        st.text(min_size=1), st.lists(st.text(min_size=1), unique=True).map(tuple), max_size=4
    ),
    st.text(min_size=1),
)
def test_json_round_trip_keeps_the_plan_and_the_bytes(
    opened: dict[str, tuple[str, ...]], name: str
) -> None:
    plan = Plan(name=name, periods=(Period(open=opened),))
    text = plans.to_json(plan)
    assert plans.from_json(text) == plan
    assert plans.to_json(plans.from_json(text)) == text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, r"version 2.*Save the plan again"),
        ({"extra": 1}, "extra"),
        ({"periods": []}, "periods"),
        ({"name": ""}, "name"),
        ({"periods": [{"open": {"clinic": ["a", "a"]}}]}, r"listed twice \(a\)"),
        ({"periods": [{"open": {}}, {"open": {}}]}, "rising year"),
        ({"periods": [{"year": 1, "open": {}}, {"year": 2, "open": {"x": []}}]}, "same services"),
        (
            {"periods": [{"open": {"clinic": ["a", "zz"]}}]},
            r"do not offer clinic.*\(zz\).*\n.*remove",
        ),
        ({"periods": [{"open": {"pool": ["a"]}}]}, "no service 'pool'"),
    ],
)
def test_bad_plan_files_are_refused_with_a_mend(change: dict[str, object], says: str) -> None:
    raw = json.loads(plans.to_json(plans.today(OFFERS, SITES))) | change
    with pytest.raises(StudyError, match=says):
        plans.from_json(json.dumps(raw), offers=OFFERS)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"x"'])
def test_text_that_is_no_plan(text: str) -> None:
    with pytest.raises(StudyError, match="Save the plan again"):
        plans.from_json(text)


def test_what_is_not_there_cannot_be_closed_or_opened_twice() -> None:
    today = plans.today(OFFERS, SITES)
    with pytest.raises(StudyError, match="'c' is not open for clinic"):
        plans.close(today, "clinic", "c")
    with pytest.raises(StudyError, match="no service 'pool'"):
        plans.close(today, "pool", "a")
    with pytest.raises(StudyError, match=r"opened twice for clinic \(a\)"):
        plans.open_more(today, "clinic", ["a"])
    with pytest.raises(StudyError, match=r"not in the sites table \(q\)"):
        plans.today(pd.DataFrame({"site_id": ["q"], "service": ["clinic"]}), SITES)
