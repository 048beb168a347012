"""The Plan: equal decisions are equal, what is unknown is refused with a mend."""

import json

import pandas as pd
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting import plan as plans
from siting.errors import StudyError
from siting.network import edits
from siting.plan import AddStreet, CloseStreet, Period, Plan, RetimeStreet

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
        (
            {"periods": [{"open": {"clinic": ["a"]}, "seats": {"clinic": {"a": -1}}}]},
            r"seats.clinic.a: Input should be greater than or equal to 0",
        ),
        ({"periods": [{"open": {"clinic": ["a"]}, "seats": {"clinic": {"a": 2.5}}}]}, "integer"),
        ({"periods": [{"open": {"clinic": ["a"]}, "seats": {"clinic": {"a": "9"}}}]}, "integer"),
        ({"periods": [{"open": {"clinic": ["a"]}, "seats": {"clinic": {"a": None}}}]}, "integer"),
        (
            {"periods": [{"open": {"clinic": ["a"]}, "seats": {"clinic": {"a": 1, "zz": 9}}}]},
            r"seats at 1 sites that are not open \(zz\)",
        ),
        (
            {"periods": [{"open": {"clinic": ["a"]}, "seats": {"pool": {"a": 9}}}]},
            "seats of 'pool', which the plan opens no sites for",
        ),
        (
            {"periods": [{"open": {"clinic": ["zz"]}, "seats": {"clinic": {"zz": 9}}}]},
            r"do not offer clinic.*\(zz\)",
        ),
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
    later = Plan(
        name="two steps",
        periods=(
            Period(year=2027, open={"clinic": ("a",)}),
            Period(year=2030, open={"clinic": ("a", "c")}),
        ),
    )
    with pytest.raises(StudyError, match=r"opened twice for clinic \(c\)"):
        plans.open_more(later, "clinic", ["c"])
    assert plans.open_more(later, "clinic", ["b"]).open_sites("clinic", period=1) == ("a", "b", "c")
    with pytest.raises(StudyError, match=r"not in the sites table \(q\)"):
        plans.today(pd.DataFrame({"site_id": ["q"], "service": ["clinic"]}), SITES)


STREETS = (
    AddStreet(line=((113.1, 29.3), (113.2, 29.4)), highway="secondary", bridge=True, name="二桥"),
    CloseStreet(way=12, modes=("drive",)),
    RetimeStreet(mode="drive", near=(113.1, 29.3), kph=15, crs="WGS84"),
)


def test_street_edits_are_kept_in_the_file_and_by_further_plans() -> None:
    today = plans.today(OFFERS, SITES)
    built = Plan(name="bridge", periods=today.periods, network_edits=STREETS)
    assert plans.from_json(plans.to_json(built)) == built
    assert plans.close(built, "clinic", "a").network_edits == STREETS
    # a plan without any is written as before there were any
    assert "network_edits" not in json.loads(plans.to_json(today))
    assert plans.from_json(plans.to_json(today)).network_edits == ()


def test_the_order_of_street_edits_is_no_difference() -> None:
    periods = plans.today(OFFERS, SITES).periods
    built = Plan(name="bridge", periods=periods, network_edits=STREETS)
    turned = Plan(name="bridge", periods=periods, network_edits=STREETS[::-1])
    assert built == turned
    assert plans.to_json(built) == plans.to_json(turned)
    assert turned.network_edits == STREETS[::-1]  # messages count them as the file does
    for other in (STREETS[:2], (*STREETS, STREETS[0]), ()):
        assert built != Plan(name="bridge", periods=periods, network_edits=other)
    assert built != Plan(name="other", periods=periods, network_edits=STREETS)


def test_street_edits_come_to_the_crs_of_the_network() -> None:
    crs = pyproj.CRS(4547)
    add, close, retime = (one.on(crs) for one in STREETS)
    assert isinstance(add, edits.Add)
    # by pyproj itself: CGCS2000 3-degree zone about 114 E
    to = pyproj.Transformer.from_crs(4490, 4547, always_xy=True)
    for xy, lonlat in zip(add.line, STREETS[0].line, strict=True):
        assert xy == pytest.approx(to.transform(*lonlat), abs=1e-3)
    assert (add.highway, add.bridge, add.name, add.join) == ("secondary", True, "二桥", "ends")
    assert close == edits.Close(way=12, modes=("drive",))
    assert isinstance(retime, edits.Retime)
    assert retime.near == pytest.approx(to.transform(113.1, 29.3), abs=1)
    assert (retime.mode, retime.kph, retime.time_factor) == ("drive", 15, None)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({"kind": "dig"}, "kind"),
        ({"kind": "add", "line": [[29.3, 113.1], [29.4, 113.1]], "highway": "x"}, "90"),
        ({"kind": "add", "line": [[113.1, 29.3]], "highway": "x"}, "at least 2"),
        ({"kind": "add", "line": [[113, 29], [114, 29]], "highway": "x", "crs": "GCJ-02"}, "WGS84"),
        ({"kind": "retime", "mode": "drive", "way": 1, "kph": 0}, "greater than 0"),
        ({"kind": "close", "way": 1, "modes": ["fly"]}, "modes"),
        ({"kind": "close", "way": 1, "road": 2}, "road"),
    ],
)
def test_bad_street_edits_are_refused(edit: dict[str, object], says: str) -> None:
    raw = json.loads(plans.to_json(plans.today(OFFERS, SITES))) | {"network_edits": [edit]}
    with pytest.raises(StudyError, match=says):
        plans.from_json(json.dumps(raw))


def test_seats_are_kept_in_the_file_and_by_further_plans() -> None:
    today = plans.today(OFFERS, SITES)
    wider = plans.give_seats(today, "clinic", {"b": 90, "a": 0}, name="wider")
    assert dict(wider.seats("clinic")) == {"a": 0, "b": 90}
    assert dict(today.seats("clinic")) == dict(wider.seats("school")) == {}
    assert wider != Plan(name="wider", periods=today.periods)
    assert plans.from_json(plans.to_json(wider), offers=OFFERS) == wider
    again = plans.give_seats(today, "clinic", {"a": 0, "b": 90}, name="wider")
    assert plans.to_json(again) == plans.to_json(wider)
    more = plans.open_more(wider, "clinic", ["c"])
    assert dict(more.seats("clinic")) == {"a": 0, "b": 90}
    assert dict(plans.close(more, "clinic", "b").seats("clinic")) == {"a": 0}
    assert dict(plans.close(wider, "school", "d").seats("clinic")) == {"a": 0, "b": 90}
    with pytest.raises(TypeError):
        wider.periods[0].seats["clinic"]["a"] = 1  # type: ignore[index]


def test_files_without_seats_are_as_they_were() -> None:
    today = plans.today(OFFERS, SITES)
    assert "seats" not in plans.to_json(today)
    old = (
        """{"name": "old", "version": 1, "periods": [{"year": null, "open": {"clinic": ["a"]}}]}"""
    )
    assert dict(plans.from_json(old, offers=OFFERS).seats("clinic")) == {}
    assert Plan(name="p", periods=(Period(open={"x": ()}, seats={"x": {}}),)) == Plan(
        name="p", periods=(Period(open={"x": ()}),)
    )


def test_seats_that_cannot_be_given() -> None:
    today = plans.today(OFFERS, SITES)
    with pytest.raises(StudyError, match=r"not open \(c\).*Give whole numbers"):
        plans.give_seats(today, "clinic", {"c": 5})
    with pytest.raises(StudyError, match="greater than or equal to 0"):
        plans.give_seats(today, "clinic", {"a": -5})
    with pytest.raises(StudyError, match="no service 'pool'"):
        plans.give_seats(today, "pool", {"a": 5})
