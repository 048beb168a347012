"""Options are what a second, child-by-child program says; nobody is lost; bad rows are named."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from merger_worlds import LIMIT, LIMIT_YOUNG, World, counties, every_receiver, judged, setting_of

from siting import merger, rules
from siting.merger import NEAREST

BOOK = rules.load()


class Naive:
    """One option, child by child, from the matrices alone."""

    def __init__(self, world: World, pupils: pd.DataFrame, unit: Any, to: str, way: str, year: int):
        self.world, self.unit = world, unit
        self.teaches = {
            i: range(a, b + 1)
            for i, a, b in world.teaching[["site_id", "grade_from", "grade_to"]].values.tolist()
        }
        self.may = set(zip(world.eligible["zone_id"], world.eligible["site_id"], strict=True))
        here = pupils[(pupils["site_id"] == unit.site_id) & (pupils["year"] == year)]
        here = here[here["grade"].between(unit.grade_from, unit.grade_to)]
        self.sums: dict[str, float] = defaultdict(float)
        self.hit: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self.refused: set[tuple[str, int, int]] = set()
        self.before: list[int] = []
        self.after: list[int] = []
        self.loads: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self.beds: dict[str, int] = defaultdict(int)
        self.nowhere = False
        # the nearest school takes grades the unit has in any year
        unit_rows = pupils[(pupils["site_id"] == unit.site_id)]
        self.grades = set(
            unit_rows.loc[unit_rows["grade"].between(unit.grade_from, unit.grade_to), "grade"]
        )
        for home, grade, n in here[["demand_id", "grade", "persons"]].values.tolist():
            self.child(home, grade, n, to, way)

    def known(self, matrix: pd.DataFrame, home: str, site: str) -> int:
        if not home or not site:
            return -1
        minutes = int(matrix.loc[home, site])
        return minutes if 0 <= minutes <= self.world.cutoff else -1

    def nearest(self, home: str) -> str:
        if not home:
            return ""
        near = [
            (self.known(self.world.walk, home, i), i)
            for i in self.teaches
            if i != self.unit.site_id
            and (self.world.zone_of[home], i) in self.may
            and self.grades <= set(self.teaches[i])
            and self.known(self.world.walk, home, i) >= 0
        ]
        return min(near)[1] if near else ""

    def child(self, home: str, grade: int, n: int, to: str, way: str) -> None:
        site = self.nearest(home) if to == NEAREST else to
        walk, bus = (self.known(m, home, site) for m in (self.world.walk, self.world.bus))
        before = self.known(self.world.walk, home, self.unit.site_id)
        limit = LIMIT_YOUNG if grade <= 3 else LIMIT
        if way == "moves_home":
            mode, after = "move", 12
        elif 0 <= walk <= limit:
            mode, after = "walk", walk
        elif 0 <= bus <= limit or (bus >= 0 and (walk < 0 or bus < walk)):
            mode, after = "bus", bus
        elif walk >= 0:
            mode, after = "walk", walk
        else:
            mode, after = "unknown", -1
        if way == "boards" and grade > 3 and after > LIMIT:
            mode = "board"
        self.sums["persons"] += n
        self.sums[f"{mode}_persons"] += n
        if before >= 0:
            self.sums["person_min_before"] += n * before
            self.before += [before] * n
        if mode != "unknown":
            self.sums["person_min_after"] += n * after * (0.2 if mode == "board" else 1)
        if mode in ("walk", "bus", "move"):
            self.after += [after] * n
        if site:
            self.loads[site][grade] += n
            self.beds[site] += n * (mode == "board")
        else:
            self.nowhere = True
        hard = set()
        if grade <= 3 and (
            (0 <= before <= LIMIT_YOUNG and not 0 <= after <= LIMIT_YOUNG)
            or (before > LIMIT_YOUNG and not 0 <= after <= before)
        ):
            hard.add("school.journey_grades_1_3")
        if before >= 0 and after < 0:
            hard.add("merger.in_reach")
        if way == "moves_home":
            if ("a", site) not in self.may or "a" not in set(self.world.zone_of):
                hard.add("merger.admission_area")
        elif home and site and (self.world.zone_of[home], site) not in self.may:
            hard.add("merger.admission_area")
        if site and grade not in self.teaches[site]:
            hard.add("merger.grades_taught")
        soft = set()
        if mode in ("walk", "bus", "move") and 0 <= before <= LIMIT < after:
            soft.add("school.journey")
        if before < 0 and after < 0:
            soft.add("merger.journey_known")
        if mode == "board" and grade <= 6:
            soft.add("school.grades_4_6_boarding")
        crossed = {(h, i): a + b for h, i, a, b in self.world.crossings.itertuples(index=False)}
        if (
            mode == "walk" and grade <= 6 and crossed.get((home, site), 0) > 0
            and crossed.get((home, self.unit.site_id), -1) == 0
        ):  # fmt: skip
            soft.add("school.crossings")
        for rule in hard | soft:
            self.hit[rule][grade] += n
        if hard:
            self.refused.add((home, grade, n))


@settings(max_examples=12)
@given(counties())
def test_equals_a_second_program(world: World) -> None:
    pupils, units, found = judged(world)
    of = {u.unit_id: u for u in units.itertuples()}
    refusals = found.refusals.groupby("option_id")
    homes = found.refused_homes.groupby("option_id")
    has = world.schools.set_index("site_id")
    seats = world.teaching.set_index("site_id")["seats"]
    for row in found.table.to_dict("records"):
        unit = of[row["unit_id"]]
        told = Naive(world, pupils, unit, row["to_site"], row["way"], row["year"])
        modes = ("walk", "bus", "board", "move", "unknown")
        for name in ("persons", *(f"{mode}_persons" for mode in modes)):
            assert row[name] == told.sums[name], (row["option_id"], name)
        assert sum(row[f"{mode}_persons"] for mode in modes) == row["persons"]
        for name in ("person_min_before", "person_min_after"):
            assert row[name] == pytest.approx(told.sums[name])
        for name, minutes in (("before", told.before), ("after", told.after)):
            if not minutes:
                assert all(np.isnan(row[f"{f}_{name}_min"]) for f in ("mean", "p95", "max"))
                continue
            ordered = sorted(minutes)
            assert row[f"mean_{name}_min"] == pytest.approx(sum(ordered) / len(ordered))
            assert row[f"p95_{name}_min"] == ordered[math.ceil(0.95 * len(ordered)) - 1]
            assert row[f"max_{name}_min"] == ordered[-1]
        hits = (
            refusals.get_group(row["option_id"]) if row["option_id"] in refusals.groups
            else found.refusals.iloc[:0]
        )  # fmt: skip
        by_grade = hits[hits["grade"].notna()]
        got: dict[str, dict[int, int]] = defaultdict(dict)
        for rule, grade, n in by_grade[["rule_id", "grade", "persons"]].values.tolist():
            got[rule][int(grade)] = n
        assert got == {r: dict(g) for r, g in told.hit.items()}, row["option_id"]
        hard = sorted(r for r in told.hit if BOOK[r].strength == "hard")
        assert row["refused_by"] == ";".join(hard)
        assert row["status"] == ("refused" if hard else "allowed")
        listed = (
            homes.get_group(row["option_id"])[["demand_id", "grade", "persons"]].values.tolist()
            if row["option_id"] in homes.groups else []
        )  # fmt: skip
        assert set(map(tuple, listed)) == told.refused
        check_capacity(world, pupils, row, told, has, seats)


def check_capacity(
    world: World, pupils: pd.DataFrame, row: Any, told: Naive, has: Any, seats: Any
) -> None:
    """Seats, beds and classes, receiver by receiver."""
    to = set(told.loads) if row["to_site"] == NEAREST else {row["to_site"]}
    now = pupils[pupils["year"] == row["year"]]
    own = {i: now[now["site_id"] == i].groupby("grade")["persons"].sum() for i in to}
    lacking = set()
    for name, come, have, used in (
        ("seats", {i: sum(told.loads[i].values()) for i in to}, seats,
         {i: own[i].sum() for i in to}),
        ("beds", {i: told.beds[i] for i in to}, has["beds"], has["boarders"]),
    ):  # fmt: skip
        free = {i: have[i] - used[i] for i in to}
        unknown = {i for i in to if pd.isna(free[i])}
        if unknown:
            assert pd.isna(row[f"{name}_free"])
        else:
            assert row[f"{name}_free"] == sum(max(n, 0) for n in free.values())
        if any(come[i] for i in unknown):
            lacking.add(name)
            assert pd.isna(row[f"{name}_short"])
        else:
            least = 0 if name == "beds" else -1000  # seats: its own overcrowding is short too
            short = sum(max(come[i] - max(free[i], least), 0) for i in to - unknown if come[i])
            assert row[f"{name}_short"] == short
    classes = 0
    for i in to:
        full = set(range(1, 7)) <= set(told.teaches[i])
        for grade in range(1, 10):
            size = 50 if grade > 6 else 45 if full else 30
            classes += math.ceil((own[i].get(grade, 0) + told.loads[i].get(grade, 0)) / size)
    assert row["classes_needed"] == classes
    if any(pd.isna(has.loc[i, "classrooms"]) and sum(told.loads[i].values()) for i in to):
        lacking.add("classrooms")
    if told.nowhere:
        lacking.add("receiver")
    assert set(filter(None, row["capacity_unknown"].split(";"))) == lacking


@settings(max_examples=6)
@given(counties())
def test_nobody_of_grades_1_to_3_boards(world: World) -> None:
    _, units, found = judged(world)
    boards = found.table[found.table["way"] == "boards"].merge(units, on="unit_id")
    assert (boards["grade_to"] > 3).all()
    assert (found.table.loc[found.table["way"] != "boards", "board_persons"] == 0).all()
    mixed = pd.DataFrame(  # a unit of all grades, though units() makes none
        {"unit_id": ["X"], "site_id": ["S0"], "service": "primary", "grade_from": 1, "grade_to": 9,
         "needs": ""}
    )  # fmt: skip
    pupils = merger.pupils(world.children, world.times["walk"], **world.pupils()).table
    receivers = every_receiver(mixed, list(world.walk.columns))
    whole = merger.options(pupils, receivers, setting_of(world, mixed), ways=["boards"]).table
    old = pupils[(pupils["site_id"] == "S0") & (pupils["grade"] > 3)].groupby("year")["persons"]
    for year, n in whole[["year", "board_persons"]].values.tolist():
        assert n <= old.sum().get(year, 0)


@settings(max_examples=4)
@given(counties(), st.randoms())
def test_row_order_changes_nothing(world: World, random: Any) -> None:
    pupils, units, found = judged(world)
    sites = list(world.walk.columns)

    def mixed(table: Any) -> Any:
        return table.sample(frac=1, random_state=random.randrange(99))

    other = World(**{k: v if k == "cutoff" else mixed(v) for k, v in vars(world).items()})
    again = merger.options(
        mixed(pupils), mixed(every_receiver(units, sites)), setting_of(other, mixed(units))
    )
    for name in ("table", "refusals", "refused_homes"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name))
