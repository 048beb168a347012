"""What the page of mergers is given, and the one numbering of schools, units and rules on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from siting import text
from siting.errors import DataError, Problem
from siting.maps.atlas import Atlas
from siting.maps.base import need
from siting.maps.sheet import Sheet
from siting.merger import NEAREST

if TYPE_CHECKING:
    from siting.merger import Fairness, Outcome

KEEP_ALL: Final = "keep_all"
SCHOOLS: Final = ("site_id", "name", "level")
UNITS: Final = ("unit_id", "site_id", "service", "grade_from", "grade_to")


@dataclass(frozen=True)
class Proof:
    """How good a programme is known to be; a city's is the sum over its counties.

    Attributes
    ----------
    status
        ``optimal`` or ``time_limit``.
    objective, bound
        The stated mix over all years, in yuan; no programme that keeps the rules is below
        ``bound``.
    gap
        Share of what can be gained that may have been missed.
    unique
        Whether no other programme is as good; ``None`` when not known.
    """

    status: str
    objective: float
    bound: float
    gap: float
    unique: bool | None = None


def proof_of(areas: pd.DataFrame) -> Proof | None:
    """Return how good the programmes of all areas are together; ``None`` where nothing was solved.

    Areas do not share schools or budgets, so objectives and bounds add up, and the gap is what all
    may have missed over what all can gain: Σ (objective − bound) / Σ (keep_all − bound).

    Parameters
    ----------
    areas
        ``status``, ``objective``, ``keep_all``, ``bound``, ``gap``, ``unique``: a row an area, as
        :class:`siting.sequence.Programme` tells them.

    Examples
    --------
    >>> row = {"objective": 80.0, "keep_all": 100.0, "bound": 75.0, "gap": 0.2, "unique": None}
    >>> best = {"objective": 90.0, "keep_all": 165.0, "bound": 90.0, "gap": 0.0, "unique": True}
    >>> both = [row | {"status": "time_limit"}, best | {"status": "optimal"}]
    >>> proof_of(pd.DataFrame(both))
    Proof(status='time_limit', objective=170.0, bound=165.0, gap=0.05, unique=None)
    """
    if areas.empty:
        return None
    objective, keep, bound = (float(areas[c].sum()) for c in ("objective", "keep_all", "bound"))
    missed = objective - bound
    gap = 0.0 if missed <= 0 else missed / (keep - bound) if keep > bound else float("inf")
    if areas["gap"].eq(float("inf")).any():
        gap = float("inf")
    alone = [None if pd.isna(u) else bool(u) for u in areas["unique"]]
    unique = False if False in alone else None if None in alone else True
    status = "optimal" if areas["status"].eq("optimal").all() else "time_limit"
    return Proof(status, objective, bound, gap, unique)


@dataclass(frozen=True, eq=False)
class ShownProgramme:
    """One programme, whoever made it, as the page shows it.

    Attributes
    ----------
    key
        ``keep_all``, ``worded``, ``optimised``, or a name that the sheet labels.
    outcome
        From :func:`siting.merger.outcome`.
    attending
        From :func:`siting.merger.attending`, services stacked.
    decisions
        ``unit_id``, ``year``, ``to_site``, ``way`` and, where a rule asks for it, ``rule_id``.
    steps
        As in :func:`siting.merger.outcome`.
    linkage
        From :func:`siting.merger.linkage`.
    fairness
        From :func:`siting.merger.fairness`, of the last year.
    proof
        Of a programme that a solver found.
    unmet
        ``rule_id``, ``unit_id``, ``why``: what the wording asks for and cannot have.
    money, person_min
        Where it stands among the points of the front, counted as these are; both or neither.
    """

    key: str
    outcome: Outcome
    attending: pd.DataFrame
    decisions: pd.DataFrame
    steps: pd.DataFrame
    linkage: pd.DataFrame | None = None
    fairness: Fairness | None = None
    proof: Proof | None = None
    unmet: pd.DataFrame | None = None
    money: int | None = None
    person_min: float | None = None


@dataclass(frozen=True, eq=False)
class Register:
    """Schools, units and rules by their place in the page's lists: ids are written once.

    Attributes
    ----------
    atlas
        Where schools stand and what words there are.
    years
        The base year first.
    sites, units
        Place by id.
    schools
        Rows of the page: ``id``, ``n`` (name), ``at``, ``lv`` (level in words).
    unit_table
        Units in the order of their places.
    rules
        Place by rule id; filled as rules are met.
    """

    atlas: Atlas
    years: tuple[int, ...]
    sites: dict[str, int]
    units: dict[str, int]
    schools: list[dict[str, Any]]
    unit_table: pd.DataFrame
    rules: dict[str, int] = field(default_factory=dict)

    @property
    def sheet(self) -> Sheet:
        """The words."""
        return self.atlas.sheet

    def rule(self, rule_id: str) -> int:
        """Return the place of a rule, given one the first time it is met."""
        return self.rules.setdefault(rule_id, len(self.rules))

    def at(self, site_id: str) -> int:
        """Return the place of a school, −1 for the nearest of several or none."""
        return self.sites.get(site_id, -1)

    def rule_rows(self) -> list[dict[str, str]]:
        """Return every rule met: its id with status, its sentence, how strong it is."""
        rows = []
        for rule_id in self.rules:
            rule = self.sheet.rule(rule_id)
            rows.append(
                {
                    "note": self.sheet.rule_note(rule_id),
                    "text": self.sheet.rule_text(rule) if rule else rule_id,
                    "strength": self.sheet.say(f"strength.{rule.strength}") if rule else text.DASH,
                }
            )
        return rows


def register(
    atlas: Atlas,
    schools: pd.DataFrame,
    units: pd.DataFrame,
    programmes: Sequence[ShownProgramme],
    more_sites: Iterable[str],
) -> Register:
    """Return schools and units numbered; refuse programmes that do not fit each other.

    Parameters
    ----------
    atlas, schools, units, programmes
        As in :func:`siting.maps.mergers_page`.
    more_sites
        Ids of sites that are no school yet: receivers, candidates.

    Raises
    ------
    DataError
        Columns missing, no programme or two of a name, other years, units of unknown schools.
    """
    need(schools, SCHOOLS, "schools")
    need(units, UNITS, "units")
    keys = [p.key for p in programmes]
    if not keys or keys[0] != KEEP_ALL or len(set(keys)) < len(keys):
        raise DataError(
            Problem(
                "programmes",
                f"they are {', '.join(keys) or 'none'}",
                f"Give {KEEP_ALL} first, for it says what today is, and each once.",
            )
        )
    spans = {tuple(int(y) for y in p.outcome.years["year"]) for p in programmes}
    if len(spans) > 1:
        raise DataError(
            Problem("programmes", "they are of other years", "Count all over the same years.")
        )
    named = schools.sort_values("site_id", ignore_index=True)
    names = dict(zip(named["site_id"].astype(str), named["name"].astype(str), strict=True))
    levels = dict(zip(named["site_id"].astype(str), named["level"].astype(str), strict=True))
    away = tuple(sorted(set(units["site_id"].astype(str)) - set(names)))
    if away:
        raise DataError(
            Problem("units", f"{len(away)} schools are not in schools", "Add them.", away)
        )
    others = sorted(set(map(str, more_sites)) - set(names) - {NEAREST, ""})
    sites = {site: n for n, site in enumerate([*names, *others])}
    say = atlas.sheet.say
    rows = [
        {
            "id": site,
            "n": names.get(site) or atlas.site_names.get(site, site),
            "at": atlas.spots.get(site),
            "lv": say(f"school_level.{levels[site]}")
            if text.has(f"school_level.{levels.get(site)}")
            else "",
        }
        for site in sites
    ]
    table = units.sort_values("unit_id", ignore_index=True)
    places = {str(unit): n for n, unit in enumerate(table["unit_id"])}
    return Register(atlas, spans.pop(), sites, places, rows, table)
