"""What options and movers are asked about: choices and pupils, held to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.coverage import thresholds
from siting.demand import not_whole
from siting.errors import DataError, Problem, StudyError
from siting.evaluate import MS_PER_MIN
from siting.merger.journeys import (
    JOURNEY_RULE,
    NEAREST,
    YOUNG_RULE,
    Areas,
    Pairs,
    Trips,
    areas,
    positions,
    trips,
)
from siting.merger.pupils import PUPILS
from siting.merger.setting import Setting
from siting.merger.units import UNITS

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

MOST_ROWS: Final = 2_000_000
"""Pupils (rows) × receivers that are judged at a time, so that a city needs no more memory."""
SENIOR: Final = 10
"""First grade of a senior school, which moves as a whole: a relocation."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Choices (a unit and a receiver) and the pupils of the units, by position.

    Pupils are sorted by unit: those of unit u are rows ``first[u]`` to ``first[u + 1]``.
    """

    homes: pd.Index[str]
    sites: pd.Index[str]
    years: list[int]
    modes: Mapping[str, Pairs]
    areas: Areas
    unit_id: NDArray[np.object_]
    kind: NDArray[np.object_]
    origin: NDArray[np.int64]
    last: NDArray[np.int64]
    unit: NDArray[np.int64]
    to_id: NDArray[np.object_]
    to: NDArray[np.int64]
    town: NDArray[np.object_]
    town_ms: NDArray[np.int64]
    town_may: NDArray[np.bool_]
    first: NDArray[np.int64]
    demand_id: NDArray[np.object_]
    home: NDArray[np.int64]
    grade: NDArray[np.int64]
    year: NDArray[np.int64]
    persons: NDArray[np.int64]
    nearest: TravelTimes

    @property
    def bounds(self) -> list[str]:
        """Whether the times of each mode are exact."""
        return [pairs.bound for pairs in self.modes.values()]


def asked(pupils: pd.DataFrame, receivers: pd.DataFrame, of: Setting) -> Asked:
    """Hold the tables of :func:`siting.merger.options` to each other.

    Raises
    ------
    DataError, StudyError
        As :func:`siting.merger.options`.
    """
    units, service, base = of.units, of.service, of.today
    _check_times(of)
    lacking = [
        Problem(name, f"the column {', '.join(gone)} is missing", "Add it.")
        for name, table, columns in (
            ("pupils", pupils, PUPILS),
            ("units", units, UNITS),
            ("receivers", receivers, ("unit_id", "to_site")),
        )
        if (gone := [c for c in columns if c not in table])
    ]
    if lacking:
        raise DataError(lacking)
    mine = units[units["service"] == service].sort_values("unit_id", ignore_index=True)
    chosen = receivers[receivers["unit_id"].isin(set(mine["unit_id"]))]
    chosen = chosen.sort_values(["unit_id", "to_site"], ignore_index=True)
    _check(pupils, units, mine, receivers, chosen)
    homes, sites = pd.Index(base.demand_id), pd.Index(base.site_id)
    unit = pd.Index(mine["unit_id"]).get_indexer(pd.Index(chosen["unit_id"])).astype(np.int64)
    origin = positions(sites, mine["site_id"], "units", "schools")
    named = chosen["to_site"].where(chosen["to_site"] != NEAREST, "")
    to = positions(sites, named, "receivers", "sites")

    rows, of_unit = _of_units(pupils, mine, service)
    years = of.years_of(pupils)
    rows, of_unit = rows[rows["year"].isin(years)], of_unit[rows["year"].isin(years).to_numpy()]
    area = areas(homes, sites, of.zone_of, of.eligible_here)
    home = positions(homes, rows["demand_id"], "pupils", "homes")
    modes = {mode: _in_order(table, homes, sites, mode) for mode, table in of.times.items()}
    town, town_ms, may = _towns(of, chosen, to, pupils, homes, modes, area)
    return Asked(
        homes=homes,
        sites=sites,
        years=years,
        modes=modes,
        areas=area,
        unit_id=mine["unit_id"].to_numpy(dtype=object),
        kind=_kinds(mine),
        origin=origin,
        last=mine["grade_to"].to_numpy(dtype=np.int64),
        unit=unit,
        to_id=chosen["to_site"].to_numpy(dtype=object),
        to=to,
        town=town,
        town_ms=town_ms,
        town_may=may,
        first=np.searchsorted(of_unit, np.arange(len(mine) + 1)).astype(np.int64),
        demand_id=rows["demand_id"].to_numpy(dtype=object),
        home=home,
        grade=rows["grade"].to_numpy(dtype=np.int64),
        year=np.searchsorted(years, rows["year"].to_numpy()).astype(np.int64),
        persons=rows["persons"].to_numpy(dtype=np.int64),
        nearest=base,
    )


def _kinds(units: pd.DataFrame) -> NDArray[np.object_]:
    """Return what it is when a unit leaves: others stay, a senior school moves, or all are gone."""
    stays = units["unit_id"].isin(set(units.loc[units["needs"] != "", "needs"]))
    found = np.where(stays, "partial", "whole")
    return np.where(units["grade_from"] >= SENIOR, "relocation", found).astype(object)


def blocks(of: Asked) -> Iterator[slice]:
    """Yield runs of choices with few enough rows each."""
    size = np.diff(of.first)[of.unit]
    start, rows = 0, 0
    for at, n in enumerate(size.tolist()):
        if rows and rows + n > MOST_ROWS:
            yield slice(start, at)
            start, rows = at, 0
        rows += n
    if start < len(size):
        yield slice(start, len(size))


def trips_of(of: Asked, part: slice, taught: NDArray[np.bool_]) -> Trips:
    """Return the pupils of the units of some choices on their way to the receivers."""
    choice = np.arange(part.start, part.stop)
    size = np.diff(of.first)[of.unit[choice]]
    ends = np.cumsum(size)
    of_choice = np.repeat(choice, size)
    row = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - size, size)
    row = row + of.first[of.unit[of_choice]]
    site = of.to[of_choice]
    for c in choice[of.to[choice] < 0].tolist():
        here = of_choice == c
        site[here] = _nearest(of, int(of.unit[c]), taught)[of.home[row[here]]]
    origin = of.origin[of.unit[of_choice]]
    return trips(of_choice, row, of.grade[row], of.home[row], origin, site, of.modes)


def _nearest(of: Asked, unit: int, taught: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return by home the nearest other school that may take it and teaches a unit's grades.

    −1 where none is known; the last place is that of pupils without a known home.
    """
    rows = slice(int(of.first[unit]), int(of.first[unit + 1]))
    grades = np.unique(of.grade[rows])
    can = np.asarray(taught[:, grades].all(axis=1), dtype=bool)
    can[of.origin[unit]] = False
    found = np.full(len(of.homes) + 1, -1, np.int64)
    indptr, sites = of.nearest.indptr, of.nearest.site
    homes = np.unique(of.home[rows])
    homes = homes[homes >= 0]
    size = np.diff(indptr)[homes]
    ends = np.cumsum(size)
    pair = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - size, size)
    owner = np.repeat(homes, size)
    site = sites[pair + indptr[owner]].astype(np.int64)
    good = can[site] & of.areas.may(owner, site)
    first, at = np.unique(owner[good], return_index=True)  # rows ascend by time, then by site
    found[first] = site[good][at]
    return found


def _in_order(times: TravelTimes, homes: pd.Index[str], sites: pd.Index[str], mode: str) -> Pairs:
    """Return the pairs of a mode by the positions of today's mode."""
    pairs = Pairs.of(times)
    if pairs.homes.equals(homes) and pairs.sites.equals(sites):
        return pairs
    home, site = homes.get_indexer(pairs.homes), sites.get_indexer(pairs.sites)
    gone = [*homes[~homes.isin(pairs.homes)], *sites[~sites.isin(pairs.sites)]]
    if gone:
        raise DataError(
            Problem(
                f"times.{mode}",
                f"{len(gone)} homes or sites of today's mode are not in it",
                "Compute the travel times of all modes for the same homes and sites.",
                tuple(map(str, gone)),
            )
        )
    n = len(pairs.sites)
    at, to = home[pairs.key // n], site[pairs.key % n]
    known = (at >= 0) & (to >= 0)
    key = (at * len(sites) + to)[known].astype(np.int64)
    order = np.argsort(key, kind="stable")
    return Pairs(homes, sites, key[order], pairs.value[known][order], pairs.bound)


def _towns(
    of: Setting,
    chosen: pd.DataFrame,
    to: NDArray[np.int64],
    pupils: pd.DataFrame,
    homes: pd.Index[str],
    modes: Mapping[str, Pairs],
    area: Areas,
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.bool_]]:
    """Return by choice the zone families move to, the journey there (ms), whether it may be used.

    Raises
    ------
    DataError
        A receiver in two towns, a journey that is stated neither way, or below 0.
    """
    n, towns, zone_of = len(chosen), of.towns, of.zone_of
    town, ms, may = np.full(n, "", dtype=object), np.full(n, -1, np.int64), np.ones(n, dtype=bool)
    if towns is None:
        return town, ms, may
    if twice := sorted(set(towns["to_site"][towns["to_site"].duplicated()].astype(str))):
        raise DataError(
            Problem("towns", f"{len(twice)} receivers repeat", "Leave one.", tuple(twice))
        )
    living = pupils[(pupils["demand_id"] != "") & (pupils["service"] == of.service)]
    living = living[living["year"] == pupils["year"].min()]
    zone = None if zone_of is None else living["demand_id"].map(zone_of)
    stated = towns["journey_min"] if "journey_min" in towns else pd.Series(pd.NA, towns.index)
    unknown, negative = [], []
    for site, zone_id, told in zip(towns["to_site"], towns["zone_id"], stated, strict=True):
        at = np.flatnonzero((chosen["to_site"] == site).to_numpy() & (to >= 0))
        if not len(at):
            continue
        place = int(to[at[0]])
        if pd.notna(told):
            if float(told) < 0:
                negative.append(str(site))
            ms[at] = round(float(told) * MS_PER_MIN)
        else:
            here = living[zone == zone_id] if zone is not None else living.iloc[:0]
            home = homes.get_indexer(pd.Index(here["demand_id"])).astype(np.int64)
            known = next(iter(modes.values())).ms(home, np.full(len(home), place))
            some = known >= 0
            weight = here["persons"].to_numpy(dtype=np.int64)[some]
            if weight.sum() == 0:
                unknown.append(str(site))
                continue
            ms[at] = (2 * int((known[some] * weight).sum()) + weight.sum()) // (2 * weight.sum())
        town[at] = zone_id
        if len(area.zones):
            may[at] = area.zone_may(str(zone_id), place)
    problems = []
    if negative:
        problems.append(
            Problem("towns", f"{len(negative)} have a journey_min below 0", "Correct it.",
                    tuple(negative))
        )  # fmt: skip
    if unknown:
        problems.append(
            Problem(
                "towns",
                f"{len(unknown)} receivers have no journey from their town: it is not stated, and "
                "no pupil who lives in the zone has a known way",
                "State journey_min.",
                tuple(unknown),
            )
        )
    if problems:
        raise DataError(problems)
    return town, ms, may


def _of_units(
    pupils: pd.DataFrame, units: pd.DataFrame, service: str
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the pupils of units, sorted by unit, home, year and grade, and their units."""
    mine = pupils[(pupils["service"] == service) & (pupils["site_id"] != "")]
    number = pd.Index(sorted(set(units["site_id"])))
    place = np.full((len(number) + 1, 14), -1, np.int64)  # the last: schools of no unit
    rows = units[["site_id", "grade_from", "grade_to"]].itertuples(index=False)
    for u, (site, first, last) in enumerate(rows):
        place[number.get_loc(site), int(first) : int(last) + 1] = u
    site = number.get_indexer(pd.Index(mine["site_id"]))
    of_unit = place[site, mine["grade"].to_numpy(dtype=np.int64)]
    mine, of_unit = mine[of_unit >= 0], of_unit[of_unit >= 0]
    order = np.lexsort(
        (mine["grade"], mine["year"], mine["demand_id"].to_numpy(dtype=str), of_unit)
    )
    return mine.iloc[order].reset_index(drop=True), of_unit[order]


def _check_times(of: Setting) -> None:
    farthest = max(thresholds(of.rules[name]).judged for name in (YOUNG_RULE, JOURNEY_RULE))
    for mode, table in of.times.items():
        if table.impedance != "time":
            raise StudyError(
                f"mergers need travel times by time; those of {mode} are by {table.impedance}. "
                'Compute them with travel_time.table(impedance="time").'
            )
        if table.cutoff < farthest:
            raise StudyError(
                f"mergers: a limit of {farthest / MS_PER_MIN:g} min lies beyond the cutoff of the "
                f"travel times of {mode}. Compute them with cutoff={farthest} or more."
            )


def _check(
    pupils: pd.DataFrame,
    units: pd.DataFrame,
    mine: pd.DataFrame,
    receivers: pd.DataFrame,
    chosen: pd.DataFrame,
) -> None:
    problems = []
    wrong = not_whole(pupils["persons"]) | not_whole(pupils["year"])
    grade = pd.to_numeric(pupils["grade"], errors="coerce")
    wrong |= not_whole(pupils["grade"]) | ~grade.between(1, 12).to_numpy()
    if wrong.any():
        problems.append(
            Problem(
                "pupils",
                f"{int(wrong.sum())} rows have no whole persons or years, or no grade of 1 to 12",
                "Take them from siting.merger.pupils.",
                tuple(sorted(set(pupils["site_id"][wrong].astype(str)))),
            )
        )
    keys = ["demand_id", "site_id", "service", "grade", "year"]
    twice = pupils.duplicated(keys, keep=False)
    if twice.any():
        problems.append(
            Problem(
                "pupils", f"{int(twice.sum())} rows repeat", "Add up their persons.",
                tuple(sorted(set(pupils["site_id"][twice].astype(str)))),
            )
        )  # fmt: skip
    tests = (
        ("units", units["unit_id"][units["unit_id"].duplicated()], "units repeat", "Leave one."),
        (
            "units",
            mine["needs"][(mine["needs"] != "") & ~mine["needs"].isin(set(mine["unit_id"]))],
            "needed units are not among the units",
            "Take units from siting.merger.units.",
        ),
        (
            "receivers",
            receivers["unit_id"][~receivers["unit_id"].isin(set(units["unit_id"]))],
            "units are not among the units",
            "Name units of siting.merger.units.",
        ),
        (
            "receivers",
            chosen["unit_id"][chosen.duplicated(["unit_id", "to_site"])],
            "units have a receiver twice",
            "Leave one row.",
        ),
        (
            "receivers",
            chosen["unit_id"][
                chosen["to_site"] == chosen["unit_id"].map(mine.set_index("unit_id")["site_id"])
                if not mine["unit_id"].duplicated().any()
                else chosen["to_site"].isna()
            ],
            "units would move to their own school",
            "Name another school.",
        ),
    )
    problems += [
        Problem(table, f"{ids.nunique()} {what}", mend, tuple(sorted(set(map(str, ids)))))
        for table, ids, what, mend in tests
        if len(ids)
    ]
    if problems:
        raise DataError(problems)
