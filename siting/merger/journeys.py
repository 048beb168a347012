"""Journeys of pupils who change school: looked up once, and travelled in one of three ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.coverage import thresholds
from siting.errors import DataError, Problem, StudyError, first_ids
from siting.evaluate import MS_PER_MIN
from siting.merger.units import YOUNG
from siting.rules import Rule
from siting.travel_time import is_covered

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

WAYS: Final = ("commutes", "boards", "moves_home")
BOARD, MOVE, NOT_KNOWN = "board", "move", "unknown"
"""As modes of those who board, whose families moved, whose home or way is not known."""
NEAREST: Final = "*"
"""As a receiver: everybody goes to the nearest school that may take them."""
YOUNG_RULE: Final = "school.journey_grades_1_3"
JOURNEY_RULE: Final = "school.journey"
BOARDER: Final = "merger.boarder_journeys"
UNKNOWN: Final = -1
"""As a mode: the journey is not known."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Travel times by home and site, to be asked for many pairs at once."""

    homes: pd.Index[str]
    sites: pd.Index[str]
    key: I64
    value: I64
    bound: str

    @classmethod
    def of(cls, times: TravelTimes) -> Pairs:
        """Sort the pairs of a table by home and site."""
        n = len(times.site_id)
        row = np.repeat(np.arange(len(times.demand_id)), np.diff(times.indptr))
        key = row.astype(np.int64) * n + times.site
        order = np.argsort(key, kind="stable")
        return cls(
            pd.Index(times.demand_id), pd.Index(times.site_id), key[order],
            times.value[order].astype(np.int64), times.bound,
        )  # fmt: skip

    def ms(self, home: I64, site: I64) -> I64:
        """Return the time from home to site by their positions, −1 where it is not known."""
        asked = home * len(self.sites) + site
        at = np.minimum(np.searchsorted(self.key, asked), max(len(self.key) - 1, 0))
        found = np.full(len(asked), -1, np.int64)
        if len(self.key):
            hit = (self.key[at] == asked) & (home >= 0) & (site >= 0)
            found[hit] = self.value[at[hit]]
        return found


class Areas(NamedTuple):
    """Admission areas: the zone of each home, and which site each zone may use."""

    zone: I64
    zones: pd.Index[str]
    allowed: Bool

    def may(self, home: I64, site: I64) -> Bool:
        """Whether the home may use the site; who has no known home or no site may."""
        known = (home >= 0) & (site >= 0)
        return np.where(known, self.allowed[self.zone[home], site], True)

    def zone_may(self, zone: str, site: int) -> bool:
        """Whether the homes of a zone may use a site."""
        at = int(self.zones.get_indexer(pd.Index([zone]))[0])
        return bool(self.allowed[at, site])


def areas(
    homes: pd.Index[str],
    sites: pd.Index[str],
    zone_of: pd.Series[str] | None,
    eligible: pd.DataFrame | None,
) -> Areas:
    """Return admission areas; everybody may go everywhere where none are given.

    Raises
    ------
    DataError
        One of the two without the other, or a zone of a home that is given twice.
    """
    if zone_of is None and eligible is None:
        free = np.ones((1, len(sites)), dtype=bool)
        return Areas(np.zeros(len(homes), np.int64), pd.Index([], dtype="str"), free)
    if zone_of is None or eligible is None:
        raise DataError(
            Problem("eligible", "zone_of and eligible belong together", "Give both or neither.")
        )
    if twice := sorted(set(map(str, zone_of.index[zone_of.index.duplicated()]))):
        raise DataError(
            Problem(
                "zone_of", f"{len(twice)} demand points have two zones", "Give one.", tuple(twice)
            )
        )
    number, zones = pd.factorize(zone_of.reindex(homes), sort=True)
    allowed = np.zeros((len(zones) + 1, len(sites)), dtype=bool)  # the last: homes of no zone
    zone = pd.Index(zones).get_indexer(pd.Index(eligible["zone_id"]))
    site = sites.get_indexer(pd.Index(eligible["site_id"]))
    there = (zone >= 0) & (site >= 0)
    allowed[zone[there], site[there]] = True
    return Areas(number.astype(np.int64), pd.Index(zones), allowed)


@dataclass(frozen=True, eq=False)
class Trips:
    """Pupils (a row of a home, grade and year) on the way to a receiver.

    Attributes
    ----------
    choice, row
        Which choice, and which row of pupils.
    grade
        Of the pupils.
    home, site
        Positions in the travel times; −1: not known, no receiver.
    before, after
        ms by today's mode to the school of today; ms by mode (rows) to the receiver; −1: not known.
    """

    choice: I64
    row: I64
    grade: I64
    home: I64
    site: I64
    before: I64
    after: I64

    @property
    def young(self) -> Bool:
        """Whether the pupils are of grades 1–3."""
        return self.grade <= YOUNG


def trips(
    choice: I64, row: I64, grade: I64, home: I64, origin: I64, site: I64, modes: Mapping[str, Pairs]
) -> Trips:
    """Look up journeys, each pair of home and site once, whatever the years and grades."""
    tables = list(modes.values())
    n = len(tables[0].sites)

    def looked_up(to: I64, pairs: Pairs) -> I64:
        key, back = np.unique(home * n + to, return_inverse=True)
        here = pairs.ms(key // n, key % n)
        return np.where((home >= 0) & (to >= 0), here[back], -1)

    return Trips(
        choice, row, grade, home, site, looked_up(origin, tables[0]),
        np.stack([looked_up(site, pairs) for pairs in tables]),
    )  # fmt: skip


class Travel(NamedTuple):
    """How the rows of :class:`Trips` travel.

    ``mode``: position among the modes, ``len(modes)`` boards, one more moves home, −1 not known;
    ``after``: ms of a single journey, −1 not known.
    """

    mode: I64
    after: I64


def travel(
    of: Trips, way: str, *, rules: Mapping[str, Rule], town: NDArray[np.int64] | None = None
) -> Travel:
    """Return how everybody travels in a way.

    ``commutes``: the first mode that keeps the limit (of grades 1–3 theirs), else the quickest.
    ``boards``: as ``commutes``, but who is of grade 4 or above and beyond the limit boards.
    ``moves_home``: everybody lives in town; ``town`` are the ms of their journey there by choice.
    """
    boards = len(of.after)
    if way == "moves_home":
        if town is None:
            raise StudyError("moves_home needs the town that families move to. Give towns.")
        return Travel(np.full(len(of.row), boards + 1, np.int64), town[of.choice])
    young, later = (thresholds(rules[name]).judged for name in (YOUNG_RULE, JOURNEY_RULE))
    limit = np.where(of.young, young, later)
    mode = np.full(len(of.row), UNKNOWN, np.int64)
    after = np.full(len(of.row), -1, np.int64)
    for position, time in enumerate(of.after):
        better = ~is_covered(after, limit) & (time >= 0) & ((after < 0) | (time < after))
        mode[better], after[better] = position, time[better]
    if way == "boards":
        mode[(mode >= 0) & ~of.young & ~is_covered(after, limit)] = boards
    return Travel(mode, after)


def breaks(rule: Rule, before: I64, after: I64, exact: Bool) -> Bool:
    """Whether journeys break a limit: over it as :func:`siting.merger.leave_one_out` has it.

    What is not shown to keep a hard rule breaks it here, where leave-one-out lists it apart.

    Newly over it; and for a hard rule also over it before and longer after, or within it by times
    that are only a lower bound (``exact`` is false), which cannot show that a hard rule is kept.
    """
    threshold = thresholds(rule).judged
    kept, keeps = is_covered(before, threshold), is_covered(after, threshold)
    over = kept & ~keeps
    if rule.strength != "hard":
        return over
    further = ~kept & (before >= 0) & ((after < 0) | (after > before))
    return over | further | (keeps & ~exact)


def minutes(ms: I64) -> NDArray[np.float64]:
    """Return times in minutes, missing where they are not known (below 0)."""
    return np.where(ms >= 0, ms / MS_PER_MIN, np.nan)


def ms_of(minutes: pd.Series[float]) -> I64:
    """Return the whole milliseconds that minutes were told from; −1 where they are not known."""
    return np.rint(minutes.fillna(-1 / MS_PER_MIN).to_numpy() * MS_PER_MIN).astype(np.int64)


def rule_of(rules: Mapping[str, Rule], name: str) -> Rule:
    """Return a rule by id, or say that it is missing.

    Raises
    ------
    StudyError
        The rule is not there.
    """
    if name not in rules:
        raise StudyError(f"mergers need the rule {name}. Give the rules of siting.rules.load().")
    return rules[name]


def positions(index: pd.Index[str], ids: pd.Series[str], table: str, of: str) -> I64:
    """Return where ids stand; "" is −1, others must be there.

    Raises
    ------
    DataError
        Ids that are not in the travel times, by name.
    """
    at = np.asarray(index.get_indexer(pd.Index(ids)), dtype=np.int64)
    lost = (at < 0) & (ids != "").to_numpy()
    if lost.any():
        away = sorted(set(ids[lost].astype(str)))
        raise DataError(
            Problem(
                table,
                f"{len(away)} {of} are not in the travel times ({first_ids(away)})",
                "Compute travel times from all homes to all sites, existing and candidate.",
                tuple(away),
            )
        )
    return at
