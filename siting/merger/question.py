"""Units, their allowed options and what they cost, as the question that ``sequence`` answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
import pandas as pd

from siting.demand import largest_remainder
from siting.errors import DataError, Problem
from siting.merger.attending import STAYS
from siting.merger.costs import Costs
from siting.merger.options import lasting
from siting.sequence import BEDS, CHOICES, EXPANSIONS, HOSTS, Limits, Question

EXPANSION: Final = ("site_id", "service", "expansion_id", "seats")


def place_of(site_id: pd.Series[str], service: pd.Series[str]) -> pd.Series[str]:
    """Return the id of what a school teaches of one service: ``<site_id>/<service>``.

    A nine-year school is two places with seats of their own, on one site.
    """
    return site_id.astype("str") + "/" + service.astype("str")


def question(
    units: pd.DataFrame,
    options: pd.DataFrame,
    staying: pd.DataFrame,
    teaching: pd.DataFrame,
    running: pd.DataFrame,
    *,
    years: Sequence[int],
    costs: Costs,
    beds: pd.Series[int] | None = None,
    candidates: pd.DataFrame | None = None,
    expansions: pd.DataFrame | None = None,
    limits: Limits | None = None,
) -> Question:
    """Return what is to be decided, for :func:`siting.sequence.programme`.

    Every service of a school is a place of its own (:func:`place_of`), with its seats; a place
    closes when its units have left.

    Parameters
    ----------
    units
        From :func:`siting.merger.units`; those of the area that is decided about.
    options
        From :func:`siting.merger.options`; only rows with ``status = "allowed"`` are choices, and
        only where they are allowed in every year from the move on.
    staying
        ``unit_id``, ``year``, ``persons``, ``person_min``, ``bus_persons``, ``board_persons``:
        what keeping a unit where it is means, every unit and year.
    teaching
        ``site_id``, ``service``, ``seats``.
    running
        ``site_id``, ``service``, ``running_cost_yuan``, from :func:`running_costs`.
    years
        Of the programme, rising.
    costs
        What is stated.
    beds
        Free beds by ``site_id`` (beds less boarders of today), missing where not known, candidates
        too; ``None`` counts no beds. Those of a school of several services are divided over them by
        the pupils of the first year, as all of them together are not more than there are.
    candidates
        ``site_id``, ``service``, ``seats``, ``build_cost_yuan``, ``running_cost_yuan``: schools
        that may be built.
    expansions
        ``site_id``, ``service``, ``expansion_id``, ``seats`` and, optional, ``beds``: what a
        receiver may be given.
    limits
        Budgets and the rest, naming schools.

    Raises
    ------
    DataError
        Receivers with unknown seats, or boarded at and with unknown beds; units without a row a
        year, named schools that are not there.
    StudyError
        A cost that is needed and not stated.
    """
    limits = limits or Limits()
    units = units.assign(place=place_of(units["site_id"], units["service"]))
    home = units.set_index("unit_id")["place"]
    service = units.set_index("unit_id")["service"]
    allowed = options[options["unit_id"].isin(home.index) & lasting(options, years)].copy()
    allowed["place"] = place_of(allowed["to_site"], allowed["unit_id"].map(service))
    seats = _seats(teaching, candidates)
    _known_seats(allowed, seats)

    stay = staying[staying["unit_id"].isin(home.index) & staying["year"].isin(list(years))]
    stays = pd.DataFrame(
        {
            "unit_id": stay["unit_id"],
            "site_id": stay["unit_id"].map(home),
            "way": STAYS,
            "year": stay["year"],
            "persons": stay["persons"],
            "person_min": stay["person_min"],
            "cost": _own_cost(stay, costs),
            "beds": 0,
        }
    )
    moves = pd.DataFrame(
        {
            "unit_id": allowed["unit_id"],
            "site_id": allowed["place"],
            "way": allowed["way"],
            "year": allowed["year"],
            "persons": allowed["persons"],
            "person_min": allowed["person_min_after"],
            "cost": _own_cost(allowed, costs),
            "beds": 0 if beds is None else allowed["board_persons"].astype("int64"),
        }
    )
    choices = pd.concat([stays, moves], ignore_index=True)[[*CHOICES, "beds"]]
    places = sorted({*home, *moves["site_id"]})
    boarded = moves.loc[moves["beds"] > 0, "site_id"]
    sites = _sites(places, running, candidates)
    of = {place: place.rsplit("/", 1)[0] for place in places}

    def at(names: Collection[str], what: str) -> list[str]:
        away = tuple(sorted(set(names) - set(of.values())))
        if away:
            raise DataError(
                Problem(
                    what,
                    f"{len(away)} schools are not among those decided about",
                    "Name schools of this admission area and these services.",
                    away,
                )
            )
        return [place for place in places if of[place] in set(names)]

    own = stays.groupby(["site_id", "year"])["persons"].sum()
    room = pd.DataFrame(
        [
            (place, year, _room(place, year, seats, own))
            for place in places
            for year in years
        ],
        columns=["site_id", "year", "seats"],
    )  # fmt: skip
    # limits name schools, a question their places
    closing = at(limits.must_close, "must_close")
    named = {
        "pilots": at(limits.pilots, "pilots"),
        "must_stay": at(limits.must_stay, "must_stay"),
        "must_close": {place: limits.must_close[of[place]] for place in closing},
    }
    return Question(
        years=list(years),
        units=units[["unit_id", "place", "needs"]].rename(columns={"place": "site_id"}),
        choices=choices,
        sites=sites,
        seats=room,
        person_min_cost=costs.person_min_yuan,
        beds=_beds(boarded, beds, own, years),
        hosts=_hosts(moves, units),
        expansions=_expansions(expansions, places, costs),
        **(vars(limits) | named),
    )


def running_costs(
    schools: pd.DataFrame, teaching: pd.DataFrame, pupils: pd.DataFrame, *, costs: Costs
) -> pd.DataFrame:
    """Return what each service of each school costs a year.

    A school's cost is divided over the services it teaches by their pupils of the first year (its
    grades, where it has none), to the yuan by largest remainder.

    Parameters
    ----------
    schools
        ``site_id``, ``running_cost_yuan`` (missing where the register does not know).
    teaching
        ``site_id``, ``service``, ``grade_from``, ``grade_to``.
    pupils
        From :func:`siting.merger.pupils`.
    costs
        ``school_yuan`` stands in where the register does not know.

    Returns
    -------
    DataFrame
        ``site_id``, ``service``, ``running_cost_yuan``, ``how`` (``given``, ``stated``).

    Raises
    ------
    StudyError
        The register does not know and nothing is stated, or a service cannot be told.
    """
    known = schools.set_index("site_id")["running_cost_yuan"]
    known = known.reindex(teaching["site_id"].drop_duplicates())
    lacking = known[known.isna()].index
    if len(lacking):
        rate = costs.stated(
            "school_yuan", f"{len(lacking)} schools have no running cost ({lacking[0]}…)"
        )
        known = known.fillna(rate)
    first = pupils[pupils["year"] == pupils["year"].min()]
    count = first.groupby(["site_id", "service"])["persons"].sum()
    rows = []
    for site, taught in teaching.sort_values(["site_id", "service"]).groupby("site_id"):
        names = taught["service"].tolist()
        share = np.array([int(count.get((site, name), 0)) for name in names])
        if share.sum() == 0:
            share = (taught["grade_to"] - taught["grade_from"] + 1).to_numpy(dtype=np.int64)
        parts = largest_remainder(pd.Series(share, index=names), int(known[site]))
        how = "stated" if site in set(lacking) else "given"
        rows += [
            (site, name, int(part), how) for name, part in zip(names, list(parts), strict=True)
        ]
    return pd.DataFrame(rows, columns=["site_id", "service", "running_cost_yuan", "how"])


def _own_cost(rows: pd.DataFrame, costs: Costs) -> pd.Series[int]:
    """Return what the bus and the beds of a choice cost a year."""
    total = pd.Series(0, index=rows.index, dtype="int64")
    for column, name, what in (
        ("bus_persons", "bus_yuan", "children come by bus"),
        ("board_persons", "board_yuan", "children board"),
    ):
        persons = rows[column].astype("int64")
        if int(persons.sum()):
            total += persons * costs.stated(name, what)
    return total


def _seats(teaching: pd.DataFrame, candidates: pd.DataFrame | None) -> pd.Series[int]:
    parts = [teaching] if candidates is None else [teaching, candidates]
    table = pd.concat([part[["site_id", "service", "seats"]] for part in parts])
    return table.assign(place=place_of(table["site_id"], table["service"])).set_index("place")[
        "seats"
    ]


def _known_seats(allowed: pd.DataFrame, seats: pd.Series[int]) -> None:
    known = seats.reindex(allowed["place"].drop_duplicates())
    unknown = tuple(sorted(known[known.isna()].index))
    if unknown:
        raise DataError(
            Problem(
                "teaching",
                f"{len(unknown)} receivers have no seats",
                "Fill them in: unknown is not unlimited.",
                unknown,
            )
        )


def _room(place: str, year: int, seats: pd.Series[int], own: pd.Series[int]) -> int:
    """Return a place's seats; where nobody knows, as many as its own, for nobody may come there."""
    known = seats.get(place)
    return int(own.get((place, year), 0)) if known is None or pd.isna(known) else int(known)


def _beds(
    boarded: pd.Series[str],
    beds: pd.Series[int] | None,
    own: pd.Series[int],
    years: Sequence[int],
) -> pd.DataFrame:
    """Return the free beds of every place that somebody could board at."""
    named = sorted(set(boarded))
    if beds is None or not named:
        return pd.DataFrame(columns=list(BEDS))
    site = {place: place.rsplit("/", 1)[0] for place in named}
    free = beds.reindex(sorted(set(site.values())))
    if unknown := tuple(free.index[free.isna()]):
        raise DataError(
            Problem(
                "schools",
                f"{len(unknown)} receivers that pupils would board at have no beds",
                "Fill beds and boarders in: unknown is not unlimited.",
                unknown,
            )
        )
    first = own[own.index.get_level_values("year") == min(years)].groupby("site_id").sum()
    taught: dict[str, list[str]] = {}
    for place in sorted({*first.index, *named}):
        taught.setdefault(place.rsplit("/", 1)[0], []).append(place)
    rows = []
    for at, total in free.items():
        parts = taught[str(at)]
        weights = pd.Series([int(first.get(p, 0)) for p in parts], index=parts)
        if not weights.any():
            weights += 1
        shared = dict(zip(parts, largest_remainder(weights, max(int(total), 0)), strict=True))
        rows += [(p, y, int(shared[p])) for p in parts if p in site for y in years]
    return pd.DataFrame(rows, columns=list(BEDS))


def _hosts(moves: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return which units of a receiver teach the grades that come there: these do not leave."""
    grades = units[["unit_id", "place", "grade_from", "grade_to"]]
    coming = moves[["unit_id", "site_id"]].drop_duplicates()
    coming = coming.merge(grades.drop(columns="place"), on="unit_id")
    both = coming.merge(
        grades.rename(columns={"unit_id": "host"}), left_on="site_id", right_on="place",
        suffixes=("", "_host"),
    )  # fmt: skip
    meet = (both["grade_from"] <= both["grade_to_host"]) & (
        both["grade_from_host"] <= both["grade_to"]
    )
    return both.loc[meet, list(HOSTS)].sort_values(list(HOSTS), ignore_index=True)


def _sites(
    places: Sequence[str], running: pd.DataFrame, candidates: pd.DataFrame | None
) -> pd.DataFrame:
    existing = pd.DataFrame(
        {
            "site_id": place_of(running["site_id"], running["service"]),
            "status": "existing",
            "running_cost": running["running_cost_yuan"],
            "build_cost": 0,
        }
    )
    parts = [existing]
    if candidates is not None:
        parts.append(
            pd.DataFrame(
                {
                    "site_id": place_of(candidates["site_id"], candidates["service"]),
                    "status": "candidate",
                    "running_cost": candidates["running_cost_yuan"],
                    "build_cost": candidates["build_cost_yuan"],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table = table[table["site_id"].isin(places)]
    return table.sort_values("site_id", ignore_index=True)


def _expansions(
    expansions: pd.DataFrame | None, places: Sequence[str], costs: Costs
) -> pd.DataFrame:
    if expansions is None or expansions.empty:
        return pd.DataFrame(columns=list(EXPANSIONS))
    table = expansions.assign(site_id=place_of(expansions["site_id"], expansions["service"]))
    table = table[table["site_id"].isin(list(places))]
    built = [("seats", "seat_yuan"), ("beds", "bed_yuan")][: 1 + ("beds" in table)]
    table = table.assign(cost=0)
    for column, name in built:
        number = table[column].astype("int64")
        if number.any():
            table["cost"] += number * costs.stated(name, f"{column} are built")
    return table[[*EXPANSIONS, *(["beds"] if "beds" in table else [])]].reset_index(drop=True)
