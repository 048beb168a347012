"""The baskets of a study file: which services fill them, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from siting import baskets
from siting.errors import StudyError
from siting.study import Study, read_study

PLAIN = """
title = "Small"
data = "."
[zones]
file = "a.gpkg"
[roads]
file = "a.gpkg"
[people]
total = 100
spread = "residential"
settlement = "urban"
[people.groups.old]
share = 0.2
source = "census"
[people.groups.young]
share = 0.1
source = "census"
[residential]
file = "a.gpkg"
"""
OWN = """
kinds = ["primary"]
rule = "circle_5min"
source = "the bureau"
status = "draft"
label_zh = "x"
reason = "y"
"""


def study(folder: Path, services: str, asked: str) -> Study:
    (folder / "a.gpkg").touch()
    lines = []
    for line in services.split(";"):
        name, *keys = line.split()
        lines += [f"[services.{name}]", 'file = "a.gpkg"', *keys]
    (folder / "study.toml").write_text("\n".join([PLAIN, *lines, asked]), "utf-8")
    return read_study(folder)


def refused(folder: Path, services: str, asked: str) -> str:
    with pytest.raises(StudyError) as caught:
        study(folder, services, asked)
    return str(caught.value)


def test_a_service_named_like_a_kind_is_of_it_and_others_say_so(tmp_path: Path) -> None:
    made = study(
        tmp_path, 'primary;shop kind="convenience_shop";market kind="";hospital',
        "[baskets.circle_10min]",
    )  # fmt: skip
    assert made.kinds == {"primary": "primary", "shop": "convenience_shop"}
    (basket,) = made.filled_baskets()
    assert basket.services == {"primary": ("primary",)}
    assert basket.missing == dict.fromkeys(("sport_ground", "market", "park"), "no_layer")
    assert basket.basket == baskets.shipped()["circle_10min"]


def test_the_rule_of_a_basket_judges_its_services_besides_their_own(tmp_path: Path) -> None:
    made = study(
        tmp_path,
        'primary rules=["primary.radius"];park rules=["circle_10min"];junior',
        "[baskets.circle_10min]\n[baskets.circle_15min]\n",
    )
    assert made.rules_of("primary") == ("primary.radius", "circle_10min")
    assert made.rules_of("park") == ("circle_10min", "circle_15min")  # its own is not twice
    assert made.rules_of("junior") == ("circle_15min",)


def test_a_service_by_another_way_is_missing_and_the_reason_is_kept(tmp_path: Path) -> None:
    made = study(
        tmp_path, 'junior mode="drive";park',
        "[baskets.circle_15min]\n[baskets.township_seat]\n",
    )  # fmt: skip
    circle, seat = made.filled_baskets()
    assert circle.missing["junior"] == "other_way"
    assert circle.missing["market"] == "no_layer"
    assert seat.services == {"junior": ("junior",)}  # each service's own way


def test_metres_know_no_pace_and_adults_come_first(tmp_path: Path) -> None:
    both = 'primary;old kind="health_station" walkers="elderly"'
    (circle,) = study(tmp_path, both, "[baskets.circle_5min]").filled_baskets()
    assert circle.services == {"health_station": ("old",)}
    both += ';plain kind="health_station";more kind="health_station"'
    asked = '[baskets.circle_5min]\n[baskets.elderly]\ngroups=["old"]\n'
    circle, elderly = study(tmp_path, both, asked).filled_baskets()
    assert circle.services == {"health_station": ("more", "plain")}
    assert elderly.services == {"health_station": ("old",)}
    assert elderly.groups == ("old",)


def test_a_changed_basket_an_option_and_one_of_the_studys_own(tmp_path: Path) -> None:
    made = study(
        tmp_path,
        "primary;charging",
        '[baskets.circle_5min]\nwith_options = ["charging"]\n'
        '[baskets.circle_10min]\nkinds = ["primary"]\nrule = "circle_15min"\nreason = "why"\n'
        f"[baskets.mine]\n{OWN}",
    )
    five, ten, mine = made.filled_baskets()
    assert five.basket.kinds[-1] == "charging"
    assert five.services == {"charging": ("charging",)}
    assert (ten.basket.kinds, ten.basket.rule, ten.reason) == (("primary",), "circle_15min", "why")
    assert (mine.basket.mode, mine.basket.source, mine.missing) == ("", "the bureau", {})


@pytest.mark.parametrize(
    ("services", "asked", "told"),
    [
        ("primary", "[baskets.circle_5min]\nkinds = []\nreason = 'x'",
         "baskets.circle_5min: an empty basket would be whole for everybody"),
        ("primary", "[baskets.circle_5min]\nkinds = ['primry']\nreason = 'x'",
         '"primry" is no kind of facility. Did you mean "primary"?'),
        ("primary", "[baskets.circle_10min]\nkinds = ['primary', 'primary']\nreason = 'x'",
         'baskets.circle_10min: "primary" stands twice'),
        ("primary", "[baskets.circle_10min]\nkinds = ['primary']",
         "baskets.circle_10min: kinds changed without a reason"),
        ("primary", "[baskets.circle_10min]\nwith_options = ['junior']",
         'baskets.circle_10min.with_options: "junior" is not among its options: charging'),
        ("primary", "[baskets.circle_10min]\nrule = 'circle_10mn'\nreason = 'x'",
         'baskets.circle_10min.rule: there is no rule "circle_10mn". Did you mean "circle_10min"'),
        ("primary", "[baskets.circle_10min]\nrule = 'green.target_rate'\nreason = 'x'",
         'baskets.circle_10min.rule: "green.target_rate" is not a distance or a time'),
        ("primary", "[baskets.circle_10min]\nrule = 'clinic.walk_30min'\nreason = 'x'",
         "is in minutes, and nobody says at whose pace"),
        ("park", "[baskets.circle_5min]",
         "baskets.circle_5min: no service is of one of its kinds (kindergarten, child_care,"),
        ("junior mode='drive'", "[baskets.circle_15min]",
         'only goes by another way (junior, health_centre,'),
        ("health_station walkers='elderly'", "[baskets.elderly]",
         "baskets.elderly: walkers = \"elderly\", and nobody is said to be one"),
        ("health_station walkers='elderly'", "[baskets.elderly]\ngroups = ['age_60_up']",
         'baskets.elderly.groups: "age_60_up" is not among people.groups (old, young)'),
        ("health_station walkers='elderly'", "[baskets.elderly]\ngroups = ['old', 'old']",
         'baskets.elderly.groups: "old" stands twice'),
        ("health_station", "[baskets.elderly]\ngroups = ['old']",
         'and mode = "walk", walkers = "elderly"'),
        ("primary", "[baskets.elderly]\ngroups = ['old']\nmode = 'drive'\nreason = 'x'",
         'walkers = "elderly" walk; set mode = "walk"'),
        ("primary", "[baskets.circle_11min]", 'Did you mean "circle_1'),
        ("primary", "[baskets.mine]\nkinds = ['primary']",
         "missing: rule, source, status, label_zh or label_en, reason"),
        ("primary kind='scool'", "", 'services.primary.kind: "scool" is no kind of facility'),
        ("primary", "[baskets.circle_10min]\nkind = ['primary']", "baskets.circle_10min.kind"),
        ("primary", "[baskets.'ten minutes']", "baskets"),
        ("primary", "[baskets.circle_10min]\nstatus = 'read'\nreason = 'x'", "status"),
        ("primary mode='bus' bus={how='direct'}",
         "[baskets.township_seat]\nrule = 'school.journey_grades_1_3'\nreason = 'x'",
         "direct driving time of services.primary is a lower bound"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_basket_is_named(
    tmp_path: Path, services: str, asked: str, told: str
) -> None:
    text = refused(tmp_path, services, asked)
    assert told in text
    assert all(line.rstrip().endswith((".", "…")) for line in text.splitlines()), text


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = refused(
        tmp_path, "primary", "[baskets.circle_5min]\nkinds = []\n[baskets.elderly]\n[baskets.own]"
    )
    for name in ("circle_5min", "elderly", "own"):
        assert f"baskets.{name}" in text
