"""The speeds file: what ships, what overrides, what is refused."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting import rules
from siting.errors import DataError
from siting.network import Mode, read_speeds, travel_ms
from siting.network.speeds import line_speeds


def test_walking_speed_is_that_of_the_rule():
    assert read_speeds().walk_kph == rules.load()["walk.speed"].value
    assert read_speeds().drive_access_kph == read_speeds().walk_kph


@given(st.integers(0, 10**10), st.integers(100, 300_000))
def test_time_is_rounded_half_up_once(mm, metres_per_hour):
    exact = Fraction(mm * 3600, metres_per_hour)
    got = int(travel_ms(np.array([mm]), metres_per_hour / 1000)[0])
    assert got == int((exact + Fraction(1, 2)) // 1)


def test_the_slowest_takes_longest():
    """Speeds that round to no metres an hour count as one: 60 m are 60 hours, not none."""
    slow = travel_ms(np.array([60_000]), np.array([1e-9]))
    assert slow.tolist() == [60 * 3_600_000]


def test_an_override_holds_only_what_differs(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(
        "[walk]\nkph = 5\n[class]\nbusway = { drive_kph = 30, walk = false }\n"
        '[alias]\n"公交专用道" = "busway"\n',
        "utf-8",
    )
    mine = read_speeds(file)
    assert mine.walk_kph == 5
    assert mine.kph("公交专用道", "drive") == 30
    assert mine.classes["primary"] == read_speeds().classes["primary"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[wlak]\nkph = 4\n", "wlak"),
        ("[walk]\nspeed = 4\n", "walk.speed"),
        ('[walk]\nkph = "4"\n', "walk.kph"),
        ("[walk]\nkph = 0\n", "walk.kph"),
        ("[walk]\nkph = nan\n", "walk.kph"),
        ("[class]\nprimary = { drive_kph = -1 }\n", "class.primary.drive_kph"),
        ("[class]\nprimary = 40\n", "class.primary"),
        ('[class]\nprimary = { walk = "yes" }\n', "class.primary.walk"),
        ('[alias]\n"a" = "nowhere"\n', "nowhere"),
        ("[walk\n", "not TOML"),
        ("walk = 3\n", "walk"),
    ],
)
def test_what_is_refused(tmp_path, text, said):
    file = tmp_path / "s.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError, match=said):
        read_speeds(file)


def test_no_such_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_speeds(tmp_path / "none.toml")


MODES = ("walk", "cycle", "ebike", "drive")
WAYS = ("residential", "primary", "motorway", "footway", "steps", "cycleway")


@given(
    st.lists(
        st.tuples(st.sampled_from(WAYS), st.sampled_from(["", "sand", "gravel;lava", "lava"]),
                  st.sampled_from([np.nan, 7.0, 30.0])),
        max_size=8,
    ),
    st.sampled_from(MODES),
)  # fmt: skip
def test_speeds_of_rows_are_those_of_each_row_alone(
    rows: list[tuple[str, str, float]], mode: Mode
) -> None:
    speeds = read_speeds().going_by("cycle", 0.5)
    kph, pushed, unknown = [], [], Counter[str]()
    for way, surface, stated in rows:
        kind = speeds.classes[way]
        open_at = (speeds.walk_kph if kind.walk else 0.0) if mode == "walk" else kind.kph(mode)
        share, words = speeds.surface_factor({"surface": surface}, mode)
        if open_at <= 0:
            led = speeds.pushed_kph(kind, mode) if mode in ("cycle", "ebike") else 0.0
            kph.append(led)
            pushed.append(led > 0)
            continue
        pushed.append(False)
        if np.isnan(stated):
            kph.append(open_at * share * speeds.factor(mode))
            unknown.update(words)
        else:
            kph.append(stated * speeds.factor(mode))
    kinds = [speeds.classes[way] for way, _, _ in rows]
    found = line_speeds(
        kinds, np.array([r[2] for r in rows]), [r[1] for r in rows], mode=mode, speeds=speeds
    )
    assert found.kph.tolist() == kph
    assert found.pushed.tolist() == pushed
    assert found.unknown == unknown
