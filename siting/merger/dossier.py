"""Everything that is known about one merger, before anybody decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from siting.errors import DataError, Problem
from siting.evaluate import spread
from siting.merger.capacity import GRADES, classes, schools_at, short
from siting.merger.costs import Costs
from siting.merger.journeys import BOARD, MOVE, NOT_KNOWN, ms_of, rule_of
from siting.merger.judging import RULES
from siting.merger.limits import limits
from siting.merger.movers import movers
from siting.merger.options import options
from siting.merger.setting import Setting
from siting.rules import Rule

SMALL: Final = "school.small_rural"
KEEP: Final = "school.keep_needed_small"
STEPS: Final = ("school.build_before_closing", "school.hearing", KEEP)
"""Rules that ask for a step before a closure; that it was taken is in no table."""
LEVELS: Final = {"village": "village", "township_seat": "township_seat", "county_town": "urban"}
"""Level of a school → the settlement class that a rule judges."""


@dataclass(frozen=True, eq=False)
class Dossier:
    """The tables of one merger; persons of every year add up to those who move.

    Attributes
    ----------
    children
        ``year``, ``unit_id``, ``grade``, ``mode``, ``persons``: who comes how, who needs a bus or a
        bed.
    journeys
        ``year``, ``mode``, ``persons``, ``known_persons``, ``mean_before_min``, ``p95_before_min``,
        ``max_before_min``, ``mean_after_min``, ``p95_after_min``, ``max_after_min``: single
        journeys of the same children today and afterwards, by the mode they use afterwards (``""``:
        all of them); figures over those whose journey is known.
    limits
        ``year``, ``rule_id``, ``strength``, ``status``, ``limit_min``, ``persons`` it speaks of,
        ``over_before_persons``, ``over_after_persons``, ``newly_over_persons``,
        ``lengthened_persons`` (over before and longer), ``not_known_persons``. A boarder's journey
        is judged by no limit.
    receivers
        ``year``, ``site_id``, ``own_pupils`` and ``coming`` of the service, ``seats``,
        ``seats_free``, ``seats_short``, ``boarding``, ``beds_free``, ``beds_short``,
        ``classes_needed``, ``classrooms``, ``pupils_per_class`` if all its rooms are used; missing
        where not known. Site ``""``: those who have no receiver.
    money
        ``year``, ``item`` (``bus``, ``board``, ``seats``, ``beds``, ``running:<site>``),
        ``quantity``, ``yuan``: spending above 0, saving below; missing where the shortage is not
        known or nobody has said the price. Empty without costs.
    hits
        ``year``, ``unit_id``, ``to_site``, ``way``, ``rule_id``, ``strength``, ``status``,
        ``grade``, ``persons``, ``worst_min``: every rule hit, unit by unit.
    steps
        ``rule_id``, ``status``, ``site_id``, ``pupils`` (of its base year), ``applies``: the steps
        still to take; missing where the level of the school is not known.
    """

    children: pd.DataFrame
    journeys: pd.DataFrame
    limits: pd.DataFrame
    receivers: pd.DataFrame
    money: pd.DataFrame
    hits: pd.DataFrame
    steps: pd.DataFrame


def dossier(
    decisions: pd.DataFrame, pupils: pd.DataFrame, of: Setting, *, costs: Costs | None = None
) -> Dossier:
    """Return what a merger does: one or more units, such as both of a school that closes.

    Parameters
    ----------
    decisions
        ``unit_id``, ``year`` (from which on), ``to_site``, ``way``: what is merged.
    pupils
        As in :func:`siting.merger.options`.
    of
        The service; its rules hold also :data:`STEPS` and ``SMALL``.
    costs
        What is stated; a missing running cost of a school is ``school_yuan``.

    Raises
    ------
    DataError
        As :func:`siting.merger.movers`; no decision for a unit of the service.
    StudyError
        A rule is missing.
    """
    known = {name: rule_of(of.rules, name) for name in (*RULES, *STEPS, SMALL)}
    of = replace(of, rules=known)
    span = of.years_of(pupils)
    moved = movers(decisions, pupils, of)
    mine = of.units[
        (of.units["service"] == of.service) & of.units["unit_id"].isin(decisions["unit_id"])
    ]
    if mine.empty:
        raise DataError(
            Problem("decisions", f"no unit of {of.service} is decided about", "Name one at least.")
        )
    hits = []
    for way, part in decisions.groupby("way"):
        found = options(pupils, part[["unit_id", "to_site"]], of, ways=[str(way)])
        since = part.set_index("unit_id")["year"]
        asked = found.table[found.table["year"] >= found.table["unit_id"].map(since)]
        keys = ["option_id", "unit_id", "to_site", "way", "year"]
        hits.append(found.refusals.merge(asked[keys], on="option_id"))
    coming = _receivers(moved, pupils, of, span)
    return Dossier(
        children=moved.groupby(["year", "unit_id", "grade", "mode"])["persons"].sum().reset_index(),
        journeys=_journeys(moved),
        limits=limits(moved, known, span),
        receivers=coming,
        money=_money(moved, coming, decisions, of, span, costs),
        hits=_hits(pd.concat(hits), known),
        steps=_steps(mine, pupils, of.schools, known),
    )


def _journeys(moved: pd.DataFrame) -> pd.DataFrame:
    """Return mean, 95th percentile and maximum before and after, by mode and of all."""
    rows: list[dict[str, object]] = []
    both = pd.concat([moved, moved.assign(mode="")])
    for (year, mode), part in both.groupby(["year", "mode"], sort=True):
        row: dict[str, object] = {"year": year, "mode": mode, "persons": part["persons"].sum()}
        row["known_persons"] = part.loc[part["after_min"].notna(), "persons"].sum()
        for name in ("before", "after"):
            seen = part[part[f"{name}_min"].notna()]
            figures = spread(ms_of(seen[f"{name}_min"]), seen["persons"].to_numpy(dtype=np.int64))
            row |= {f"{k}_{name}_min": float(v[0]) for k, v in figures._asdict().items()}
        rows.append(row)
    columns = [
        "year", "mode", "persons", "known_persons", "mean_before_min", "p95_before_min",
        "max_before_min", "mean_after_min", "p95_after_min", "max_after_min",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _receivers(
    moved: pd.DataFrame, pupils: pd.DataFrame, of: Setting, years: list[int]
) -> pd.DataFrame:
    """Return seats, beds and classes of the receivers, all units together."""
    sites = pd.Index(of.today.site_id)
    have = schools_at(sites, pupils, years, of)
    rows = []
    for site in sorted(set(moved["to_site"])):
        for y, year in enumerate(years):
            here = moved[(moved["to_site"] == site) & (moved["year"] == year)]
            come = np.zeros(GRADES, np.int64)
            np.add.at(come, here["grade"].to_numpy(), here["persons"].to_numpy(dtype=np.int64))
            boards = int(here.loc[here["mode"] == BOARD, "persons"].sum())
            if site == "":
                rows.append((year, site, 0, int(come.sum()), *[np.nan] * 3, boards, *[np.nan] * 5))
                continue
            at = int(sites.get_indexer(pd.Index([site]))[0])
            own = int(have.own_of_service[at, y].sum())
            left = have.seats[at] - own
            free = np.maximum(left, 0)
            beds = np.maximum(have.beds[at] - have.boarders[at], 0)
            every = have.own[at, y] + come
            lack = short(np.array([int(come.sum()), boards]), np.array([left, beds]))
            rooms = have.classrooms[at]
            rows.append(
                (year, site, own, int(come.sum()), have.seats[at], free, lack[0], boards, beds,
                 lack[1], int(classes(every, have.size[at])), rooms,
                 every.sum() / rooms if rooms > 0 else np.nan)
            )  # fmt: skip
    columns = [
        "year", "site_id", "own_pupils", "coming", "seats", "seats_free", "seats_short", "boarding",
        "beds_free", "beds_short", "classes_needed", "classrooms", "pupils_per_class",
    ]  # fmt: skip
    whole = columns[2:-1]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(whole, "Int64"))


def _money(
    moved: pd.DataFrame,
    coming: pd.DataFrame,
    decisions: pd.DataFrame,
    of: Setting,
    years: Sequence[int],
    costs: Costs | None,
) -> pd.DataFrame:
    """Return what is spent and saved in each year, at the prices stated.

    A school is saved once all its units, of whatever service, have left. Seats and beds are built
    in the year in which more of them are short than in any year before.
    """
    columns = ["year", "item", "quantity", "yuan"]
    if costs is None:
        return pd.DataFrame(columns=columns)
    since = decisions.set_index("unit_id")["year"]
    left = of.units.assign(year=of.units["unit_id"].map(since))
    left = left[left["site_id"].isin(set(left.loc[left["year"].notna(), "site_id"]))]
    empty_from = left.groupby("site_id")["year"].agg(lambda y: y.max(skipna=False)).dropna()
    running: dict[str, object] = {}
    if of.schools is not None and "running_cost_yuan" in of.schools:
        known = of.schools.set_index("site_id")["running_cost_yuan"].dropna()
        running = {str(site): int(yuan) for site, yuan in known.items()}
    rows: list[tuple[int, str, object, object]] = []
    built = {item: _built(coming, f"{item}_short", years) for item in ("seats", "beds")}
    for year in years:
        now = moved[moved["year"] == year]
        rides = ~now["mode"].isin([next(iter(of.times)), BOARD, MOVE, NOT_KNOWN])
        for item, quantity, price in (
            ("bus", now.loc[rides, "persons"].sum(), costs.bus_yuan),
            ("board", now.loc[now["mode"] == BOARD, "persons"].sum(), costs.board_yuan),
            ("seats", built["seats"][year], costs.seat_yuan),
            ("beds", built["beds"][year], costs.bed_yuan),
        ):
            rows.append((year, item, quantity, _times(quantity, price)))
        for site in sorted(empty_from.index[empty_from <= year]):
            saved = running.get(site, costs.school_yuan)
            rows.append((year, f"running:{site}", 1, _times(-1, saved)))
    return pd.DataFrame(rows, columns=columns).astype({"quantity": "Int64", "yuan": "Int64"})


def _built(coming: pd.DataFrame, column: str, years: Sequence[int]) -> dict[int, object]:
    """Return how many are built in each year; missing from where they are not known."""
    short = coming.pivot_table(index="year", columns="site_id", values=column, dropna=False)
    most = short.reindex(list(years)).astype(float).cummax(skipna=False)
    more = most.diff().fillna(most.iloc[:1] if len(most) else 0).sum(axis=1, skipna=False)
    return {year: pd.NA if np.isnan(n) else int(n) for year, n in zip(years, more, strict=True)}


def _times(quantity: object, price: object) -> object:
    """Return the amount: nothing costs nothing, and what is not known is missing."""
    if quantity is pd.NA:
        return pd.NA
    n = int(str(quantity))
    return 0 if n == 0 else pd.NA if price is None else n * int(str(price))


def _hits(hits: pd.DataFrame, rules: Mapping[str, Rule]) -> pd.DataFrame:
    """Return the rules hit, with the status of each."""
    columns = [
        "year", "unit_id", "to_site", "way", "rule_id", "strength", "status", "grade", "persons",
        "worst_min",
    ]  # fmt: skip
    status = {name: rule.status for name, rule in rules.items()}
    table = hits.assign(status=hits["rule_id"].map(status))[columns]
    return table.sort_values(["year", "unit_id", "rule_id", "grade"], ignore_index=True)


def _steps(
    mine: pd.DataFrame,
    pupils: pd.DataFrame,
    schools: pd.DataFrame | None,
    rules: Mapping[str, Rule],
) -> pd.DataFrame:
    """Return the steps still to take, school by school."""
    base = pupils[pupils["year"] == pupils["year"].min()]
    count = base.groupby("site_id")["persons"].sum()
    level: dict[str, str] = {}
    if schools is not None and "level" in schools:
        named = schools.set_index("site_id")["level"].dropna()
        level = {str(site): str(word) for site, word in named.items()}
    small, rows = rules[SMALL], []
    for site in sorted(set(mine["site_id"])):
        pupils_here = int(count.get(site, 0))
        for name in STEPS:
            applies: object = True
            if name == KEEP and pupils_here >= small.strict:
                applies = False
            elif name == KEEP:
                where = LEVELS.get(level.get(site, ""))
                applies = pd.NA if where is None else where in small.judges
            rows.append((name, rules[name].status, site, pupils_here, applies))
    columns = ["rule_id", "status", "site_id", "pupils", "applies"]
    return pd.DataFrame(rows, columns=columns).astype({"applies": "boolean"})
