"""What a programme is decided about: units that move, where they may go, sites, costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import pandas as pd

from siting.demand import not_whole
from siting.errors import DataError, Problem

UNITS: Final = ("unit_id", "site_id", "needs")
CHOICES: Final = ("unit_id", "site_id", "way", "year", "persons", "person_min", "cost")
SITES: Final = ("site_id", "status", "running_cost", "build_cost")
SEATS: Final = ("site_id", "year", "seats")
EXPANSIONS: Final = ("site_id", "expansion_id", "seats", "cost")
BEDS: Final = ("site_id", "year", "beds")
HOSTS: Final = ("unit_id", "site_id", "host")


@dataclass(frozen=True, eq=False, kw_only=True)
class Limits:
    """What a programme has to keep, whatever it is about.

    Attributes
    ----------
    budgets
        Building paid in a year, at most; years that are not named have no limit.
    total_budget
        Building paid in all years together, at most.
    closures, movers
        Closures of a year, persons who move in a year, at most; years not named have no limit.
    lead_years
        So many years after it is paid for a building is used: seats come first.
    pilots, pilot_years
        In the first so many years only units of these sites move.
    must_stay
        Sites that no unit of theirs leaves.
    must_close
        Sites that are closed at the end, and from which year on at the latest.
    """

    budgets: Mapping[int, int] = field(default_factory=dict)
    total_budget: int | None = None
    closures: Mapping[int, int] = field(default_factory=dict)
    movers: Mapping[int, int] = field(default_factory=dict)
    lead_years: int = 1
    pilots: Collection[str] = ()
    pilot_years: int = 0
    must_stay: Collection[str] = ()
    must_close: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Question(Limits):
    """One programme to be found, within its :class:`Limits`.

    Attributes
    ----------
    years
        Years of the programme, rising.
    units
        Who moves together, such as a school's upper grades: ``unit_id``, ``site_id`` (where they
        are today), ``needs`` (a unit that must have moved by then, or ``""``: lower grades leave
        only when the upper ones have).
    choices
        Where a unit may be, a row a year: ``unit_id``, ``site_id``, ``way`` (``commutes``,
        ``boards``, ``moves_home``…, told apart where one site can be reached in several),
        ``year``, ``persons`` of the unit that year, ``person_min`` (their journeys there, added
        up, in the unit the mix is stated in) and ``cost`` of that year. The site of today is among
        them, once, for every year. What a hard rule refuses is simply not in the table. Optional
        ``beds``: those of the persons who need a bed there; none where it is left out.
    sites
        ``site_id``, ``status`` (``existing``, ``candidate``), ``running_cost`` a year while open,
        ``build_cost`` of a candidate.
    seats
        ``site_id``, ``year``, ``seats``, for every site and year.
    expansions
        ``site_id``, ``expansion_id``, ``seats``, ``cost`` and, optional, ``beds``; each is built
        once, or not.
    beds
        ``site_id``, ``year``, ``beds``, for every year of each site where anybody needs one.
    hosts
        ``unit_id``, ``site_id``, ``host``: where the unit comes to the site, its unit ``host`` (the
        same grades there) does not leave: else nobody would teach those who come.
    person_min_cost
        What a person-minute is worth, in the unit of the costs: the stated mix.
    """

    years: Sequence[int]
    units: pd.DataFrame
    choices: pd.DataFrame
    sites: pd.DataFrame
    seats: pd.DataFrame
    person_min_cost: float
    beds: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(BEDS)))
    hosts: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(HOSTS)))
    expansions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(EXPANSIONS)))


def check(asked: Question) -> None:
    """Hold the tables of a question to each other.

    Raises
    ------
    DataError
        Everything that does not fit, at once.
    """
    told: list[Problem] = []
    years = list(asked.years)
    if not years or any(a >= b for a, b in pairwise(years)):
        told.append(Problem("years", "they do not rise", "Give rising years, one at least."))
    for name, columns in (
        ("units", UNITS), ("choices", CHOICES), ("sites", SITES), ("seats", SEATS),
        ("expansions", EXPANSIONS), ("beds", BEDS), ("hosts", HOSTS),
    ):  # fmt: skip
        lacking = [c for c in columns if c not in getattr(asked, name)]
        if lacking:
            told.append(Problem(name, f"the column {', '.join(lacking)} is missing", "Add it."))
    if told:
        raise DataError(told)
    units, choices, sites = asked.units, asked.choices, asked.sites
    told += _unique(units, ["unit_id"], "units") + _unique(sites, ["site_id"], "sites")
    told += _unique(choices, ["unit_id", "site_id", "way", "year"], "choices")
    told += _unique(asked.seats, ["site_id", "year"], "seats")
    told += _unique(asked.beds, ["site_id", "year"], "beds")
    told += _unique(asked.expansions, ["site_id", "expansion_id"], "expansions")
    known, named = set(sites["site_id"]), set(units["unit_id"])
    told += _known(choices["site_id"], known, "choices", "sites")
    told += _known(units["site_id"], known, "units", "sites")
    told += _known(asked.expansions["site_id"], known, "expansions", "sites")
    told += _known(asked.beds["site_id"], known, "beds", "sites")
    told += _known(asked.hosts["unit_id"], named, "hosts", "units")
    told += _known(asked.hosts["host"], named, "hosts", "units")
    told += _known(choices["unit_id"], named, "choices", "units")
    told += _known(units.loc[units["needs"] != "", "needs"], named, "units.needs", "units")
    for what, ids in (
        ("pilots", asked.pilots), ("must_stay", asked.must_stay), ("must_close", asked.must_close)
    ):  # fmt: skip
        told += _known(pd.Series(sorted(ids), dtype="str"), known, what, "sites")
    told += _whole(choices, ("persons", "cost"), "choices")
    told += _whole(sites, ("running_cost", "build_cost"), "sites")
    told += _whole(asked.seats, ("seats",), "seats")
    told += _whole(asked.expansions, ("seats", "cost"), "expansions")
    told += _whole(asked.beds, ("beds",), "beds")
    for table, name in ((choices, "choices"), (asked.expansions, "expansions")):
        if "beds" in table:
            told += _whole(table, ("beds",), name)
    if told:
        raise DataError(told)
    told += _stays(asked) + _seated(asked) + _bedded(asked) + _same_persons(choices)
    if told:
        raise DataError(told)


def _unique(table: pd.DataFrame, keys: list[str], name: str) -> list[Problem]:
    twice = table.duplicated(keys, keep=False)
    if not twice.any():
        return []
    rows = tuple(" ".join(map(str, row)) for row in table.loc[twice, keys].drop_duplicates().values)
    return [
        Problem(
            name, f"{int(twice.sum())} rows share their {' and '.join(keys)}", "Leave one.", rows
        )
    ]


def _known(ids: pd.Series[str], known: set[str], name: str, of: str) -> list[Problem]:
    away = tuple(sorted(set(ids) - known))
    if not away:
        return []
    return [Problem(name, f"{len(away)} ids are not among {of}", f"Add them to {of}.", away)]


def _whole(table: pd.DataFrame, columns: Sequence[str], name: str) -> list[Problem]:
    told = []
    for column in columns:
        wrong = not_whole(table[column])
        if wrong.any():
            rows = tuple(f"row {n + 1}" for n in wrong.nonzero()[0])
            told.append(
                Problem(
                    name,
                    f"{int(wrong.sum())} rows have a {column} that is no whole number of 0 or more",
                    "Fill or correct them: what is not known is neither 0 nor unlimited.",
                    rows,
                )
            )
    return told


def _stays(asked: Question) -> list[Problem]:
    """Tell units that cannot stay, once, in every year."""
    at = asked.choices.merge(asked.units[["unit_id", "site_id"]], on=["unit_id", "site_id"])
    at = at[at["year"].isin(list(asked.years))]
    counts = at.groupby("unit_id")["year"].agg(["size", "nunique"]).reindex(asked.units["unit_id"])
    n = len(asked.years)
    wrong = tuple(sorted(counts.index[~((counts["size"] == n) & (counts["nunique"] == n))]))
    if not wrong:
        return []
    return [
        Problem(
            "choices",
            f"{len(wrong)} units do not have the site of today once a year",
            "Give each unit a row a year at its own site.",
            wrong,
        )
    ]


def _seated(asked: Question) -> list[Problem]:
    wanted = {(s, y) for s in asked.sites["site_id"] for y in asked.years}
    have = set(zip(asked.seats["site_id"], asked.seats["year"], strict=True))
    lacking = tuple(f"{s} ({y})" for s, y in sorted(wanted - have))
    if not lacking:
        return []
    return [
        Problem(
            "seats",
            f"{len(lacking)} sites and years have no seats",
            "Give the seats of every site and year: unknown is not unlimited.",
            lacking,
        )
    ]


def _bedded(asked: Question) -> list[Problem]:
    """Tell sites where somebody needs a bed and nobody says how many there are."""
    if "beds" not in asked.choices:
        return []
    need = asked.choices[asked.choices["beds"].to_numpy() > 0]
    need = need[need["year"].isin(list(asked.years))]
    wanted = set(zip(need["site_id"], need["year"], strict=True))
    have = set(zip(asked.beds["site_id"], asked.beds["year"], strict=True))
    lacking = tuple(f"{s} ({y})" for s, y in sorted(wanted - have))
    beyond = need.loc[need["beds"] > need["persons"], "unit_id"]
    told = []
    if lacking:
        told.append(
            Problem(
                "beds",
                f"{len(lacking)} sites and years are boarded at and have no beds",
                "Give their beds: unknown is not unlimited.",
                lacking,
            )
        )
    if len(beyond):
        told.append(
            Problem(
                "choices",
                f"{len(beyond)} rows need more beds than they have persons",
                "Correct the beds.",
                tuple(sorted(set(beyond))),
            )
        )
    return told


def _same_persons(choices: pd.DataFrame) -> list[Problem]:
    """Tell units that have other persons at other sites in one year."""
    apart = choices.groupby(["unit_id", "year"])["persons"].nunique()
    wrong = tuple(f"{u} ({y})" for u, y in apart.index[apart > 1])
    if not wrong:
        return []
    return [
        Problem(
            "choices",
            f"{len(wrong)} units have other numbers of persons at other sites of one year",
            "Count the same persons wherever they go.",
            wrong,
        )
    ]
