"""Some choices judged together: whom each rule hits, and the figures of every option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.coverage import exact
from siting.evaluate import MS_PER_MIN, spread
from siting.merger.asked import Asked
from siting.merger.capacity import (
    COMPLETE,
    GRADES,
    INCOMPLETE,
    MIDDLE,
    PRIMARY,
    Schools,
    classes,
    short,
)
from siting.merger.journeys import (
    BOARDER,
    JOURNEY_RULE,
    YOUNG_RULE,
    Pairs,
    Travel,
    Trips,
    breaks,
    minutes,
    travel,
)
from siting.merger.units import YOUNG
from siting.rules import Rule

AREA, TAUGHT, REACH = "merger.admission_area", "merger.grades_taught", "merger.in_reach"
KNOWN = "merger.journey_known"
CROSSINGS, BOARDING = "school.crossings", "school.grades_4_6_boarding"
LARGE, VERY_LARGE = "school.large_class", "school.very_large_class"
RULES: Final = (
    YOUNG_RULE, JOURNEY_RULE, AREA, TAUGHT, REACH, KNOWN, BOARDER, CROSSINGS, BOARDING, LARGE,
    VERY_LARGE, COMPLETE, INCOMPLETE, MIDDLE,
)  # fmt: skip
"""Rules an option is judged by."""
REFUSALS: Final = ("option_id", "rule_id", "strength", "grade", "persons", "worst_min")
REFUSED_HOMES: Final = ("option_id", "demand_id", "grade", "persons", "before_min", "after_min")


class Loads(NamedTuple):
    """Who comes to which receiver: ``option`` and ``site`` of each, pupils by grade."""

    option: NDArray[np.int64]
    site: NDArray[np.int64]
    come: NDArray[np.int64]
    of_row: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Part:
    """Some choices of the question, judged together."""

    of: Asked
    part: slice
    trips: Trips
    have: Schools
    rules: Mapping[str, Rule]
    crossed: Pairs | None

    @cached_property
    def persons(self) -> NDArray[np.int64]:
        """Persons of each row."""
        return self.of.persons[self.trips.row]

    @cached_property
    def year(self) -> NDArray[np.int64]:
        """Year of each row, by position."""
        return self.of.year[self.trips.row]

    @cached_property
    def option(self) -> NDArray[np.int64]:
        """Number of the option of each row: choice by choice, year by year."""
        number: NDArray[np.int64] = self.trips.choice - int(self.part.start)
        return number * len(self.of.years) + self.year

    @property
    def n(self) -> int:
        """How many options a way has."""
        return int(self.part.stop - self.part.start) * len(self.of.years)

    def loads(self) -> Loads:
        """Return who comes to which receiver; each choice of one receiver has it in every year."""
        sites = len(self.of.sites)
        to = np.repeat(self.of.to[self.part], len(self.of.years))
        named = np.flatnonzero(to >= 0)
        goes = self.trips.site >= 0
        key = self.option[goes] * sites + self.trips.site[goes]
        keys = np.unique(np.concatenate([key, named * sites + to[named]]))
        of_row = np.full(len(goes), -1, np.int64)
        of_row[goes] = np.searchsorted(keys, key)
        come = np.zeros((len(keys), GRADES), np.int64)
        np.add.at(come, (of_row[goes], self.trips.grade[goes]), self.persons[goes])
        return Loads(keys // sites, keys % sites, come, of_row)

    def judged(
        self, way: str, come: Loads, of_classes: Mapping[str, NDArray[np.int64]]
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Return options, refusals and refused homes of a way; who comes is the same in all."""
        of, years = self.of, len(self.of.years)
        choice = np.arange(self.part.start, self.part.stop)
        can = np.ones(len(choice), dtype=bool)
        if way == "boards":
            can = of.last[of.unit[choice]] > YOUNG
        elif way == "moves_home":
            can = of.town[choice] != ""
        kept = np.repeat(can, years)
        town = of.town_ms if way == "moves_home" else None
        how = travel(self.trips, way, rules=self.rules, town=town)
        names = self._names(way)
        hits = self._hits(way, how)
        table = self._table(way, how, come, names)
        refused: dict[int, list[str]] = {}
        found: dict[int, list[str]] = {}
        rows, hard = [], np.zeros(len(self.trips.row), dtype=bool)
        for name, mask in sorted(hits.items()):
            rule = self.rules[name]
            mask = mask & (self.persons > 0) & kept[self.option]
            if rule.strength == "hard":
                hard |= mask
            told = refused if rule.strength == "hard" else found
            for o in np.unique(self.option[mask]).tolist():
                told.setdefault(o, []).append(name)
            rows.append(self._refusals(rule, mask, how, names))
        for name, at in sorted(of_classes.items()):
            at = at[kept[at]]
            for o in at.tolist():
                found.setdefault(o, []).append(name)
            rows.append(
                pd.DataFrame(
                    {
                        "option_id": names[at], "rule_id": name,
                        "strength": self.rules[name].strength, "grade": pd.NA,
                        "persons": self._sum(self.persons)[at], "worst_min": np.nan,
                    }
                ).astype({"grade": "Int64", "option_id": "str"})
            )  # fmt: skip
        table["refused_by"] = [";".join(refused.get(o, [])) for o in range(self.n)]
        table["findings"] = [";".join(sorted(found.get(o, []))) for o in range(self.n)]
        table["status"] = np.where(table["refused_by"] == "", "allowed", "refused")
        text = dict.fromkeys(("refused_by", "findings", "status"), "str")
        return (
            table.astype(text)[kept],
            pd.concat([r for r in rows if len(r)] or [empty(REFUSALS)], ignore_index=True),
            self._homes(hard, how, names),
        )

    def _names(self, way: str) -> NDArray[np.object_]:
        """Return the ids of the options of a way."""
        units, to = self.of.unit_id[self.of.unit[self.part]], self.of.to_id[self.part]
        return np.array(
            [f"{u}>{t}/{way}/{y}" for u, t in zip(units, to, strict=True) for y in self.of.years],
            dtype=object,
        )

    def _hits(self, way: str, how: Travel) -> dict[str, NDArray[np.bool_]]:
        """Return by rule whose rows it hits."""
        t, rules = self.trips, self.rules
        daily = (how.mode >= 0) & (how.mode != len(t.after))
        lower = np.array([bound == "lower" for bound in self.of.bounds] + [False, False])
        sure = ~lower[np.clip(how.mode, 0, None)]
        unreached = (how.after < 0) & (t.before >= 0)
        journeys = {
            YOUNG_RULE: t.young & breaks(rules[YOUNG_RULE], t.before, how.after, sure),
            JOURNEY_RULE: daily & breaks(rules[JOURNEY_RULE], t.before, how.after, sure),
        }
        hits = {name: hit for name, hit in journeys.items() if rules[name].strength != "to_know"}
        hits[REACH] = unreached
        hits[KNOWN] = (how.after < 0) & (t.before < 0)
        if way == "moves_home":
            hits[AREA] = ~self.of.town_may[t.choice]
        else:
            hits[AREA] = ~self.of.areas.may(t.home, t.site)
        hits[TAUGHT] = (t.site >= 0) & ~self.have.taught_of_service[t.site, t.grade]
        hits[BOARDING] = (how.mode == len(t.after)) & (t.grade <= PRIMARY)
        if self.crossed is not None:
            origin = self.of.origin[self.of.unit[t.choice]]
            after = self.crossed.ms(t.home, t.site)
            before = self.crossed.ms(t.home, origin)
            hits[CROSSINGS] = (how.mode == 0) & (t.grade <= PRIMARY) & (after > 0) & (before == 0)
        return hits

    def class_hits(self, come: Loads) -> dict[str, NDArray[np.int64]]:
        """Return by rule the options in which a receiver's classes hit it; rooms known only."""
        have, year = self.have, come.option % len(self.of.years)
        pupils = have.own[come.site, year] + come.come
        some = come.come.sum(axis=1) > 0
        rooms = have.classrooms[come.site]
        needed = classes(pupils, have.size[come.site])
        over = some & (needed > rooms)
        complete = have.taught[come.site, 1 : PRIMARY + 1].all(axis=1)
        low = pupils[:, : PRIMARY + 1].sum(axis=1) > 0
        high = pupils[:, PRIMARY + 1 :].sum(axis=1) > 0
        with np.errstate(divide="ignore"):
            mean = np.ceil(pupils.sum(axis=1) / np.where(some, rooms, np.nan))
        very = mean >= self.rules[VERY_LARGE].strict
        hits = {
            COMPLETE: over & low & complete,
            INCOMPLETE: over & low & ~complete,
            MIDDLE: over & high,
            LARGE: (mean >= self.rules[LARGE].bounds[0]) & ~very,
            VERY_LARGE: very,
        }
        return {name: np.unique(come.option[hit]) for name, hit in hits.items()}

    def _sum(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        total = np.zeros(self.n, np.int64)
        np.add.at(total, self.option, values)
        return total

    def _table(
        self, way: str, how: Travel, come: Loads, names: NDArray[np.object_]
    ) -> pd.DataFrame:
        """Return the figures of the options of a way."""
        of, t, persons, modes = self.of, self.trips, self.persons, len(self.trips.after)
        years = len(of.years)
        choice = np.repeat(np.arange(self.part.start, self.part.stop), years)
        unit = of.unit[choice]
        split = {
            "walk": how.mode == 0,
            "bus": (how.mode > 0) & (how.mode < modes),
            "board": how.mode == modes,
            "move": how.mode == modes + 1,
            "unknown": how.mode < 0,
        }
        daily = (how.mode >= 0) & ~split["board"]
        was, option = t.before >= 0, self.option
        before = spread(t.before[was], persons[was], group=option[was], groups=self.n)
        after = spread(how.after[daily], persons[daily], group=option[daily], groups=self.n)
        share = float(exact(self.rules[BOARDER].strict))
        by_day = self._sum(np.where(daily, how.after, 0) * persons)
        by_week = self._sum(np.where(split["board"], how.after, 0) * persons)
        columns: dict[str, object] = {
            "option_id": pd.Series(names, dtype="str"),
            "unit_id": pd.Series(of.unit_id[unit], dtype="str"),
            "to_site": pd.Series(of.to_id[choice], dtype="str"),
            "kind": pd.Series(of.kind[unit], dtype="str"),
            "way": pd.Series(way, index=range(self.n), dtype="str"),
            "year": np.tile(np.array(of.years, np.int64), int(self.part.stop - self.part.start)),
            "persons": self._sum(persons),
            **{f"{name}_persons": self._sum(persons * mask) for name, mask in split.items()},
            "person_min_before": self._sum(np.where(was, t.before, 0) * persons) / MS_PER_MIN,
            "person_min_after": (by_day + by_week * share) / MS_PER_MIN,
            **{f"{name}_before_min": value for name, value in before._asdict().items()},
            **{f"{name}_after_min": value for name, value in after._asdict().items()},
        }
        return pd.DataFrame(columns | self._capacity(come, split["board"]))

    def _capacity(self, come: Loads, boards: NDArray[np.bool_]) -> dict[str, object]:
        """Return seats, beds and classes of the options; missing where not known."""
        have, year = self.have, come.option % len(self.of.years)
        mine = have.own_of_service[come.site, year].sum(axis=1)
        beds = np.zeros(len(come.option), np.int64)
        sleeps = boards & (come.of_row >= 0)
        np.add.at(beds, come.of_row[sleeps], self.persons[sleeps])
        persons = come.come.sum(axis=1)
        left = have.seats[come.site] - mine
        free = {
            "seats": np.maximum(left, 0),
            "beds": np.maximum(have.beds[come.site] - have.boarders[come.site], 0),
        }
        rooms = have.classrooms[come.site]
        pupils = have.own[come.site, year] + come.come
        numbers = {
            "seats_free": free["seats"],
            "seats_short": short(persons, left),
            "beds_free": free["beds"],
            "beds_short": short(beds, free["beds"]),
            "classes_needed": classes(pupils, have.size[come.site]).astype(float),
            "classrooms": rooms,
        }
        result: dict[str, object] = {}
        for name, values in numbers.items():
            total = np.zeros(self.n)
            np.add.at(total, come.option, values)
            result[name] = pd.Series(total).astype("Int64")
        lacking = {
            "seats": (persons > 0) & np.isnan(free["seats"]),
            "beds": (beds > 0) & np.isnan(free["beds"]),
            "classrooms": (persons > 0) & np.isnan(rooms),
        }
        words = np.full(self.n, "", dtype=object)
        nowhere = (self.trips.site < 0) & (self.persons > 0)
        for word, at in (
            *((word, come.option[mask]) for word, mask in lacking.items()),
            ("receiver", self.option[nowhere]),
        ):
            at = np.unique(at)
            words[at] = [f"{w};{word}" if w else word for w in words[at]]
        result["capacity_unknown"] = pd.Series(words, dtype="str")
        return result

    def _refusals(
        self, rule: Rule, mask: NDArray[np.bool_], how: Travel, names: NDArray[np.object_]
    ) -> pd.DataFrame:
        """Return by option and grade whom a rule hits, and their longest known journey."""
        key, back = np.unique(
            self.option[mask] * GRADES + self.trips.grade[mask], return_inverse=True
        )
        persons, worst = np.zeros(len(key), np.int64), np.full(len(key), -1, np.int64)
        np.add.at(persons, back, self.persons[mask])
        np.maximum.at(worst, back, how.after[mask])
        return pd.DataFrame(
            {
                "option_id": pd.Series(names[key // GRADES], dtype="str"),
                "rule_id": pd.Series(rule.id, index=range(len(key)), dtype="str"),
                "strength": pd.Series(rule.strength, index=range(len(key)), dtype="str"),
                "grade": pd.array(key % GRADES, dtype="Int64"),
                "persons": persons,
                "worst_min": minutes(worst),
            }
        )

    def _homes(
        self, hard: NDArray[np.bool_], how: Travel, names: NDArray[np.object_]
    ) -> pd.DataFrame:
        """Return the children for whom options are refused."""
        at = np.flatnonzero(hard)
        return pd.DataFrame(
            {
                "option_id": pd.Series(names[self.option[at]], dtype="str"),
                "demand_id": pd.Series(self.of.demand_id[self.trips.row[at]], dtype="str"),
                "grade": self.trips.grade[at],
                "persons": self.persons[at],
                "before_min": minutes(self.trips.before[at]),
                "after_min": minutes(how.after[at]),
            }
        )


def empty(columns: Sequence[str]) -> pd.DataFrame:
    """Return a table of nobody."""
    return pd.DataFrame(columns=list(columns))


def crossings_at(crossings: pd.DataFrame, of: Asked) -> Pairs:
    """Return what is crossed at grade by home and site, as pairs to be asked."""
    home = of.homes.get_indexer(pd.Index(crossings["demand_id"]))
    site = of.sites.get_indexer(pd.Index(crossings["site_id"]))
    count = crossings[["road_level", "rail_level"]].astype("Int64").sum(axis=1, min_count=2)
    there = (home >= 0) & (site >= 0) & count.notna().to_numpy()
    key = home[there].astype(np.int64) * len(of.sites) + site[there]
    order = np.argsort(key, kind="stable")
    values = count[there].to_numpy(dtype=np.int64)
    return Pairs(of.homes, of.sites, key[order], values[order], "exact")
