"""The city's plan as it is worded, turned into decisions by one fixed reading of each sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import pandas as pd

from siting.rules import Rule

DECISIONS: Final = ("unit_id", "year", "to_site", "way", "rule_id")
UNMET: Final = ("rule_id", "unit_id", "why")
BOARDING_PRIMARIES: Final = "plan.boarding_primaries_years"
MOVED_PUPILS: Final = "plan.moved_primary_pupils"
BOARDING_JUNIORS: Final = "plan.boarding_juniors"
SENIORS: Final = "plan.seniors_years"
RURAL: Final = ("village", "township_seat")


class Worded(NamedTuple):
    """The plan as worded.

    Attributes
    ----------
    decisions
        :data:`DECISIONS`: every unit that moves, in which year, where, how, by which sentence.
    unmet
        :data:`UNMET`: units that a sentence speaks of and that have nowhere to go (``no_receiver``:
        no school of the level meant is in reach), and ``later`` where years or the yearly number
        run out first.
    """

    decisions: pd.DataFrame
    unmet: pd.DataFrame


def worded(
    units: pd.DataFrame,
    options: pd.DataFrame,
    schools: pd.DataFrame,
    *,
    years: Sequence[int],
    rules: Mapping[str, Rule],
    moved_pupils: int,
    primary: str = "primary",
    junior: str = "junior",
    senior: str = "senior",
) -> Worded:
    """Return the plan as worded: hard rules are not asked, their hits are for ``outcome`` to list.

    One reading, the same for every area:

    - *boarding primaries below the township* (level ``village``, with boarders): all grades go to
      the nearest school at a township seat, as many schools a year as end it in the years stated,
      smallest first; children board there if that is offered, else they commute;
    - *rural non-boarding primaries* (level ``village``, no boarders): families move to the county
      town, smallest schools first, as long as a year's number is not passed;
    - *rural boarding juniors* go to the county town, spread evenly over all years;
    - *rural senior schools* go to the county town, spread evenly over the years stated.

    A school whose boarders are not known is taken for one without. "Nearest" is where the fewest
    children have no known way, then least person-time, of all grades in the first year; ties to the
    smaller id. Both units of a primary go
    to one receiver in one year.

    Parameters
    ----------
    units, options
        From :func:`siting.merger.units` and :func:`siting.merger.options`, refused ones included.
    schools
        ``site_id``, ``level``, ``boarders``.
    years
        Of the programme.
    rules
        The sentences, by id (``plan.*``); a sentence that is not there asks for nothing.
    moved_pupils
        How many children a year move to town from these schools: the area's part of the city's
        number.
    primary, junior, senior
        What the services are called.
    """
    level = schools.set_index("site_id")["level"]
    boards = schools.set_index("site_id")["boarders"].fillna(0).astype("int64") > 0
    nearest = _Nearest(options, level)
    found: list[tuple[str, int, str, str, str]] = []
    unmet: list[tuple[str, str, str]] = []

    def of(service: str, levels: Sequence[str], *, boarding: bool | None) -> pd.DataFrame:
        mine = units[units["service"] == service]
        here = mine["site_id"].map(level).isin(levels)
        if boarding is not None:
            here &= mine["site_id"].map(boards) == boarding
        return mine[here]

    def evenly(rule_id: str, mine: pd.DataFrame, to: str, ways: Sequence[str], span: int) -> None:
        sites = nearest.by_size(mine)
        for place, site in enumerate(sites):
            late = place * span // len(sites)  # years after the first
            went = nearest.decided(mine[mine["site_id"] == site], to, ways)
            if went is None:
                unmet.extend((rule_id, u, "no_receiver") for u in _ids(mine, site))
            elif late >= len(years):
                unmet.extend((rule_id, u, "later") for u in _ids(mine, site))
            else:
                found.extend((unit, years[late], at, way, rule_id) for unit, at, way in went)

    if BOARDING_PRIMARIES in rules:
        evenly(
            BOARDING_PRIMARIES,
            of(primary, ("village",), boarding=True),
            "township_seat",
            ("boards", "commutes"),
            _years(rules[BOARDING_PRIMARIES]),
        )
    if MOVED_PUPILS in rules:
        mine = of(primary, ("village",), boarding=False)
        left = dict.fromkeys(years, moved_pupils)
        for site in nearest.by_size(mine):
            went = nearest.decided(mine[mine["site_id"] == site], "county_town", ("moves_home",))
            if went is None:
                unmet.extend((MOVED_PUPILS, u, "no_receiver") for u in _ids(mine, site))
                continue
            for year in years:
                moving = sum(nearest.persons(unit, year) for unit, _, _ in went)
                if moving <= left[year]:
                    left[year] -= moving
                    found.extend((unit, year, at, way, MOVED_PUPILS) for unit, at, way in went)
                    break
            else:
                unmet.extend((MOVED_PUPILS, u, "later") for u in _ids(mine, site))
    if BOARDING_JUNIORS in rules:
        evenly(
            BOARDING_JUNIORS,
            of(junior, RURAL, boarding=True),
            "county_town",
            ("boards",),
            len(years),
        )
    if SENIORS in rules:
        evenly(
            SENIORS,
            of(senior, RURAL, boarding=None),
            "county_town",
            ("boards", "commutes"),
            _years(rules[SENIORS]),
        )
    decisions = pd.DataFrame(sorted(found, key=lambda r: (r[1], r[0])), columns=list(DECISIONS))
    return Worded(decisions, pd.DataFrame(sorted(unmet), columns=list(UNMET)))


class _Nearest:
    """Where units may go, refused or not."""

    def __init__(self, options: pd.DataFrame, level: pd.Series[str]) -> None:
        self.first = options[options["year"] == options["year"].min()].assign(
            level=lambda rows: rows["to_site"].map(level)
        )
        self._persons = options.groupby(["unit_id", "year"])["persons"].first()

    def persons(self, unit: str, year: int) -> int:
        """Return the children of a unit in a year."""
        return int(self._persons.get((unit, year), 0))

    def by_size(self, units: pd.DataFrame) -> list[str]:
        """Return schools in the order of their children in the first year, fewest first."""
        year = self._persons.index.get_level_values("year").min() if len(self._persons) else 0
        size = units.assign(n=[self.persons(str(u), int(year)) for u in units["unit_id"]])
        total = size.groupby("site_id")["n"].sum().reset_index()
        order = total.sort_values(["n", "site_id"])["site_id"]
        return [str(site) for site in order]

    def decided(
        self, units: pd.DataFrame, to: str, ways: Sequence[str]
    ) -> list[tuple[str, str, str]] | None:
        """Return unit, receiver and way of a whole school, or None where it has nowhere to go."""
        names = set(units["unit_id"])
        rows = self.first[self.first["unit_id"].isin(names) & (self.first["level"] == to)]
        rows = rows[rows["way"].isin(list(ways))]
        rank = {way: place for place, way in enumerate(ways)}
        best = rows.assign(rank=rows["way"].map(rank)).sort_values(["unit_id", "to_site", "rank"])
        best = best.drop_duplicates(["unit_id", "to_site"])
        whole = best.groupby("to_site")["unit_id"].nunique()
        best = best[best["to_site"].isin(whole.index[whole == len(names)])]
        if best.empty:
            return None
        total = best.groupby("to_site")[["unknown_persons", "person_min_after"]].sum()
        total = total.reset_index().sort_values(["unknown_persons", "person_min_after", "to_site"])
        receiver = str(total["to_site"].iloc[0])
        mine = best[best["to_site"] == receiver].sort_values("unit_id")
        return [(str(u), receiver, str(w)) for u, w in mine[["unit_id", "way"]].values]


def _years(rule: Rule) -> int:
    return int(rule.strict)


def _ids(units: pd.DataFrame, site: str) -> list[str]:
    return sorted(units.loc[units["site_id"] == site, "unit_id"])
