"""What decisions do, whoever made them: the same count for today, the wording and an optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.coverage import exact
from siting.errors import DataError, Problem
from siting.evaluate import MS_PER_MIN, spread
from siting.merger.attending import STAYS, daily
from siting.merger.costs import Costs
from siting.merger.journeys import BOARD, BOARDER, MOVE, NOT_KNOWN, WAYS, ms_of, rule_of
from siting.merger.limits import limits
from siting.merger.question import place_of
from siting.rules import Rule

STEPS: Final = ("year", "site_id", "service", "what", "seats", "paid_in", "cost")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What decisions do.

    Attributes
    ----------
    years
        One row a year: ``children``, by way (``stays``, ``commutes``, ``boards``, ``moves_home``)
        and by what they do each day (``bus``: by another mode than today's first; ``board``,
        ``unknown``), ``mean_min``, ``p95_min``, ``max_min`` of known daily journeys,
        ``person_min`` (theirs and, × ``merger.boarder_journeys``, the boarders', as options and
        programmes count them), ``closed`` (schools closed by then), ``seats_short`` where seats are
        known, ``seats_unknown`` (receivers where they are not), ``beds_short``, and in yuan
        ``running``, ``bus``, ``board_cost``, ``building``.
    limits
        From :func:`siting.merger.limits`, of all pupils.
    places
        ``year``, ``site_id``, ``service``, ``open``, ``children``, ``seats`` (missing where
        unknown), ``seats_short`` (0 where nobody came: a school may be over-full as it is),
        ``came``.
    """

    years: pd.DataFrame
    limits: pd.DataFrame
    places: pd.DataFrame


def outcome(
    attending: pd.DataFrame,
    steps: pd.DataFrame,
    *,
    years: Sequence[int],
    teaching: pd.DataFrame,
    running: pd.DataFrame,
    costs: Costs,
    rules: Mapping[str, Rule],
    mode: str | Mapping[str, str],
    beds: pd.Series[int] | None = None,
    boarders: pd.Series[int] | None = None,
    candidates: pd.DataFrame | None = None,
) -> Outcome:
    """Count what decisions do to children, schools and money, year by year.

    A place (a service of a school) is closed by its step alone (:func:`closings`): one that is
    empty and open costs what it costs. A candidate is open once it is built.

    Parameters
    ----------
    attending
        From :func:`siting.merger.attending`, services stacked.
    steps
        :data:`STEPS`: what is closed (``close``), built (``build``) or added to (``expand``), with
        seats, the year it is paid in and its cost. They hold from ``year`` on.
    years
        Rising; the first is before anything is decided.
    teaching
        ``site_id``, ``service``, ``seats``.
    running
        From :func:`siting.merger.running_costs`.
    costs
        For the bus and the beds.
    rules
        By id; the two limits of journeys are needed.
    mode
        Today's mode, or by service: who goes by another goes by bus.
    beds, boarders
        By site: beds there are, and boarders of today.
    candidates
        ``site_id``, ``service``, ``running_cost_yuan`` of schools that may be built.

    Raises
    ------
    DataError
        Steps that lack columns.
    """
    lacking = [c for c in STEPS if c not in steps]
    if lacking:
        raise DataError(Problem("steps", f"the column {', '.join(lacking)} is missing", "Add it."))
    places = _places(attending, steps, teaching, years)
    table = _years(attending, mode, years, rules)
    cost = _running(places[places["open"]], running, candidates)
    table["closed"] = _closed(places)
    short = places.groupby("year")["seats_short"]
    table["seats_short"] = short.sum()
    table["seats_unknown"] = short.agg(lambda s: int(s.isna().sum()))
    table["beds_short"] = _beds_short(attending, beds, boarders, years)
    table["running"] = cost.reindex(table.index, fill_value=0)
    table["bus"] = [_cost(n, costs, "bus_yuan", "children come by bus") for n in table["by_bus"]]
    table["board_cost"] = [
        _cost(n, costs, "board_yuan", "children board") for n in table["boarding"]
    ]
    paid = steps.groupby("paid_in")["cost"].sum()
    table["building"] = paid.reindex(table.index, fill_value=0).astype("int64")
    return Outcome(table.reset_index(), limits(attending, rules, years), places)


def closings(decisions: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return the steps that close what all units leave and nobody comes to.

    For decisions that nobody optimised; a programme says itself what it closes.

    Examples
    --------
    >>> units = pd.DataFrame({"unit_id": ["A:1-3", "A:4-6", "B:1-6"], "site_id": ["A", "A", "B"],
    ...                       "service": "primary"})
    >>> decided = pd.DataFrame({"unit_id": ["A:1-3", "A:4-6"], "year": [2027, 2026],
    ...                         "to_site": "B", "way": "commutes"})
    >>> closings(decided, units)[["year", "site_id", "service", "what"]].values.tolist()
    [[2027, 'A', 'primary', 'close']]
    """
    since = decisions.set_index("unit_id")["year"]
    service = units.set_index("unit_id")["service"]
    keys = ["site_id", "service"]
    left = units.assign(year=units["unit_id"].map(since)).groupby(keys)["year"]
    shut = left.agg(lambda y: y.max(skipna=False)).dropna()
    came = set(zip(decisions["to_site"], decisions["unit_id"].map(service), strict=True))
    rows = [
        (int(year), site, name, "close", 0, pd.NA, 0)
        for site, name, year in shut.reset_index().itertuples(index=False)
        if (site, name) not in came
    ]
    table = pd.DataFrame(rows, columns=list(STEPS))
    return table.sort_values(["year", *keys], ignore_index=True).astype({"paid_in": "Int64"})


def _years(
    attending: pd.DataFrame,
    mode: str | Mapping[str, str],
    span: Sequence[int],
    rules: Mapping[str, Rule],
) -> pd.DataFrame:
    """Return children by way and by what they do each day, and their journeys."""
    persons = attending["persons"]
    year = attending["year"]

    def count(mask: pd.Series[bool]) -> pd.Series[int]:
        return persons.where(mask, 0).groupby(year).sum().reindex(list(span), fill_value=0)

    table = pd.DataFrame({"children": count(persons >= 0)}).rename_axis("year")
    for way in (STAYS, *WAYS):
        table[way] = count(attending["way"] == way)
    today = mode if isinstance(mode, str) else attending["service"].map(dict(mode))
    other = (attending["mode"] != today) & ~attending["mode"].isin([BOARD, MOVE, NOT_KNOWN])
    table["by_bus"] = count(other)
    table["boarding"] = count(attending["mode"] == BOARD)
    table["not_known"] = count(attending["mode"] == NOT_KNOWN)
    known = daily(attending)
    years = table.index.to_numpy()
    ms = ms_of(known["after_min"])
    of = known["persons"].to_numpy(dtype=np.int64)
    group = np.searchsorted(years, known["year"].to_numpy())
    for name, values in spread(ms, of, group=group, groups=len(years))._asdict().items():
        table[f"{name}_min"] = values
    weekly = attending[(attending["mode"] == BOARD) & attending["after_min"].notna()]
    share = float(exact(rule_of(rules, BOARDER).strict))
    table["person_min"] = (_sum(known, years) + share * _sum(weekly, years)) / MS_PER_MIN
    return table


def _sum(rows: pd.DataFrame, years: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return person-milliseconds by year."""
    total = np.zeros(len(years), dtype=np.int64)
    spent = ms_of(rows["after_min"]) * rows["persons"].to_numpy(dtype=np.int64)
    np.add.at(total, np.searchsorted(years, rows["year"].to_numpy()), spent)
    return total


def _places(
    attending: pd.DataFrame, steps: pd.DataFrame, teaching: pd.DataFrame, years: Sequence[int]
) -> pd.DataFrame:
    """Return every place in every year: children, seats, and whether it is open."""
    keys = ["site_id", "service"]
    built = steps[steps["what"] == "build"]
    every = pd.concat([teaching[keys], built[keys]]).drop_duplicates()
    table = every.merge(pd.DataFrame({"year": list(years)}), how="cross")
    at = attending[attending["to_site"] != ""]
    here = at.groupby(["year", "to_site", "service"])["persons"].sum()
    came = at[at["to_site"] != at["from_site"]].groupby(["year", "to_site", "service"])["persons"]
    index = pd.MultiIndex.from_frame(table[["year", *keys]])
    table["children"] = here.reindex(index, fill_value=0).to_numpy()
    table["came"] = came.sum().reindex(index, fill_value=0).to_numpy()
    seats = teaching.drop_duplicates(keys).set_index(keys)["seats"]
    own = seats.reindex(pd.MultiIndex.from_frame(table[keys])).astype("Int64")
    table["seats"] = own.array
    table["open"] = True
    for row in steps.to_dict("records"):
        there = (table["site_id"] == row["site_id"]) & (table["service"] == row["service"])
        later = there & (table["year"] >= row["year"])
        if row["what"] == "close":
            table.loc[later, "open"] = False
            continue
        if row["what"] == "build":
            table.loc[there, "open"] = table.loc[there, "year"] >= row["year"]
            table.loc[there, "seats"] = 0
        table.loc[later, "seats"] = table.loc[later, "seats"].fillna(0) + int(row["seats"])
    short = (table["children"] - table["seats"]).clip(lower=0)
    table["seats_short"] = short.where(table["came"] > 0, 0)
    unknown = (table["came"] > 0) & table["seats"].isna()
    table.loc[unknown, "seats_short"] = pd.NA
    columns = ["year", *keys, "open", "children", "came", "seats", "seats_short"]
    return table[columns].sort_values(["year", *keys], ignore_index=True)


def _closed(places: pd.DataFrame) -> pd.Series[int]:
    """Return how many schools have nothing open any more, by year."""
    sites = places.groupby(["year", "site_id"])["open"].any().unstack("site_id")
    gone = ~sites & sites.iloc[0]
    return gone.sum(axis=1).astype("int64")


def _running(
    places: pd.DataFrame, running: pd.DataFrame, candidates: pd.DataFrame | None
) -> pd.Series[int]:
    parts = [running] if candidates is None else [running, candidates]
    table = pd.concat([part[["site_id", "service", "running_cost_yuan"]] for part in parts])
    cost = table.assign(place=place_of(table["site_id"], table["service"])).set_index("place")
    named = place_of(places["site_id"], places["service"])
    mine = named.map(cost["running_cost_yuan"])
    if unknown := tuple(sorted(set(named[mine.isna()]))):
        raise DataError(
            Problem(
                "running", f"{len(unknown)} open places have no running cost", "State it.", unknown
            )
        )
    return mine.groupby(places["year"]).sum().astype("int64")


def _beds_short(
    attending: pd.DataFrame,
    beds: pd.Series[int] | None,
    boarders: pd.Series[int] | None,
    years: Sequence[int],
) -> pd.Series[int]:
    """Return boarders who come beyond the free beds; where these are not known, all who come."""
    come = attending[attending["mode"] == BOARD].groupby(["year", "to_site"])["persons"].sum()
    have = pd.Series(dtype="Int64") if beds is None else beds.astype("Int64")
    taken = pd.Series(dtype="Int64") if boarders is None else boarders.astype("Int64")
    site = come.index.get_level_values("to_site")
    free = (have.reindex(site) - taken.reindex(site)).clip(lower=0).fillna(0)
    short = (come - free.to_numpy(dtype=np.int64)).clip(lower=0)
    return short.groupby("year").sum().reindex(list(years), fill_value=0).astype("int64")


def _cost(persons: int, costs: Costs, name: str, why: str) -> int:
    return int(persons) * costs.stated(name, why) if persons else 0
