"""Children of later years: everybody a year older, births below, survival and moves as stated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from siting.demand import largest_remainder, not_whole
from siting.errors import DataError, Problem, first_ids

Whole: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
YOUNG: Final = 5  # ages 0–4: where children are being born
FLOWS: Final = ("before", "births", "died", "grew_up", "moved_in", "moved_out", "after")


@dataclass(frozen=True, eq=False)
class Forward:
    """Children of every year, and where each year's came from.

    Attributes
    ----------
    children
        ``demand_id``, ``year``, ``age``, ``persons``; the base year's as they were given.
    flows
        A row a year and zone (``""``: all together): ``before``, ``births``, ``died``, ``grew_up``
        (past the oldest age kept), ``moved_in``, ``moved_out``, ``after``; before + births − died −
        grew_up + moved_in − moved_out = after.
    """

    children: pd.DataFrame
    flows: pd.DataFrame


def carried_forward(
    children: pd.DataFrame,
    *,
    until: int,
    births: Mapping[int, int] | pd.DataFrame,
    zone_of: pd.Series[Any],
    survival: Mapping[int, float] | float = 1.0,
    oldest: int,
    moved: pd.DataFrame | None = None,
) -> Forward:
    """Carry children forward by cohort, a year at a time, in whole persons.

    From one year to the next every child is a year older. Of a zone's children of an age the
    stated share survives, rounded once per zone and age; the losses are divided over its places by
    largest remainder. A zone's births of the year are divided over its places by their children of
    age 0–4 (all its children, where it has none so young). Moves come last, and are named.

    Parameters
    ----------
    children
        From :func:`siting.cohorts.children`; one year, the base.
    until
        Last year wanted.
    births
        Births that live to be counted as age 0 at the end of the year: ``{year: number}`` for the
        whole region, divided over zones by their children of age 0–4; or a table ``zone_id``,
        ``year``, ``persons``, of every zone. Every year from the base's next one on.
    zone_of
        Zone of each demand point, indexed by ``demand_id``.
    survival
        Share (0–1) of an age that is alive a year later, by the age before; one number for all.
    moved
        ``year``, ``from_id``, ``to_id``, ``age``, ``persons``: who moves home in the course of a
        year, at the age reached in it; both places are demand points (a town zone is one).
    oldest
        The highest age kept; who is older has grown up.

    Returns
    -------
    Forward
        Ordered by year, place and age; rows of nobody are left out.

    Raises
    ------
    DataError
        A year, or a zone in a year, without births, shares out of range, movers who are not there;
        all at once.

    Examples
    --------
    >>> base = pd.DataFrame({"demand_id": ["a", "b"], "year": 2025, "age": [0, 6],
    ...                      "persons": [4, 9]})
    >>> later = carried_forward(base, until=2026, births={2026: 3}, oldest=17,
    ...                         zone_of=pd.Series({"a": "z", "b": "z"}))
    >>> later.children[later.children["year"] == 2026].values.tolist()
    [['a', 2026, 0, 3], ['a', 2026, 1, 4], ['b', 2026, 7, 9]]
    """
    base = int(children["year"].iloc[0]) if len(children) else until
    ids = pd.Index(sorted(set(children["demand_id"]) | _named(moved)), dtype="str")
    zone = zone_of.reindex(ids).fillna("").astype("str").to_numpy()
    zones, of = np.unique(zone, return_inverse=True)
    _check(children, base, until, births, survival, zones.tolist(), moved, oldest)
    now = np.zeros((len(ids), oldest + 1), dtype=np.int64)
    kept = children[children["age"] <= oldest]
    np.add.at(now, (_at(ids, kept["demand_id"]), kept["age"].to_numpy()), kept["persons"])
    alive = _shares(survival, oldest)
    tables, flows = [kept[["demand_id", "year", "age", "persons"]]], []
    for year in range(base + 1, until + 1):
        before = now.sum(axis=1)
        died = np.zeros_like(now)
        for z in range(len(zones)):
            rows = np.flatnonzero(of == z)
            for age in range(oldest + 1):
                number = int(now[rows, age].sum())
                lost = round(number * (1 - alive[age]))
                died[rows, age] = dealt(now[rows, age], lost)
        left = now - died
        older = np.zeros_like(now)
        older[:, 1:] = left[:, :-1]
        older[:, 0] = _born(births, year, left, zones, of)
        into, out = _moves(moved, year, older, ids)
        now = older + into - out
        flows.append(
            pd.DataFrame(
                {
                    "year": year,
                    "zone_id": zone,
                    "before": before,
                    "births": older[:, 0],
                    "died": died.sum(axis=1),
                    "grew_up": left[:, -1],
                    "moved_in": into.sum(axis=1),
                    "moved_out": out.sum(axis=1),
                    "after": now.sum(axis=1),
                }
            )
        )
        at, ages = np.nonzero(now)
        tables.append(
            pd.DataFrame(
                {
                    "demand_id": ids[at],
                    "year": np.int64(year),
                    "age": ages.astype(np.int64),
                    "persons": now[at, ages],
                }
            )
        )
    return Forward(pd.concat(tables, ignore_index=True), _by_zone(flows))


def dealt(weights: Whole, total: int) -> Whole:
    """Divide ``total`` whole persons in proportion, each part within one of its quota.

    Running sums are rounded down, so the parts add up whatever the weights: one division for all.

    Examples
    --------
    >>> dealt(np.array([2, 0, 5, 3]), 5).tolist()
    [1, 0, 2, 2]
    """
    whole = int(weights.sum())
    if whole == 0 or total == 0:
        return np.zeros(len(weights), dtype=np.int64)
    upto = np.cumsum(weights) * total // whole
    parts: Whole = np.diff(upto, prepend=0)
    return parts


def _born(
    births: Mapping[int, int] | pd.DataFrame, year: int, left: Whole, zones: Any, of: Whole
) -> Whole:
    """Return the births of a year at every place."""
    young, every = left[:, :YOUNG].sum(axis=1), left.sum(axis=1)
    if isinstance(births, pd.DataFrame):
        rows = births[births["year"] == year]
        told = dict(zip(rows["zone_id"], rows["persons"], strict=True))
        totals = [int(told.get(zone, 0)) for zone in zones]  # lacking at most outside every zone
    else:
        base = np.zeros(len(zones), dtype=np.int64)
        np.add.at(base, of, _any(young, every))
        totals = largest_remainder(base, int(births[year]), ids=list(zones)).tolist()
    born = np.zeros(len(left), dtype=np.int64)
    for z, number in enumerate(totals):
        at = np.flatnonzero(of == z)
        born[at] = dealt(_any(young[at], every[at]), number)
    return born


def _any(first: Whole, second: Whole) -> Whole:
    """Return the first weights that weigh anything; equal ones where none do."""
    return next((w for w in (first, second) if w.any()), np.ones_like(first))


def _moves(
    moved: pd.DataFrame | None, year: int, older: Whole, ids: pd.Index[str]
) -> tuple[Whole, Whole]:
    """Return who comes and who goes at every place and age in a year."""
    into, out = np.zeros_like(older), np.zeros_like(older)
    rows = None if moved is None else moved[moved["year"] == year]
    if rows is None or rows.empty:
        return into, out
    age = rows["age"].to_numpy(dtype=np.int64)
    persons = rows["persons"].to_numpy(dtype=np.int64)
    np.add.at(out, (_at(ids, rows["from_id"]), age), persons)
    np.add.at(into, (_at(ids, rows["to_id"]), age), persons)
    at, of = np.nonzero(out > older)
    if len(at):
        told = tuple(f"{ids[i]} (age {a})" for i, a in zip(at.tolist(), of.tolist(), strict=True))
        raise DataError(
            Problem(
                "moved",
                f"in {year} more children leave {len(told)} places than live there "
                f"({first_ids(told)})",
                "Move as many as there are of that age in that year.",
                told,
            )
        )
    return into, out


def _check(
    children: pd.DataFrame,
    base: int,
    until: int,
    births: Mapping[int, int] | pd.DataFrame,
    survival: Mapping[int, float] | float,
    zones: Iterable[str],
    moved: pd.DataFrame | None,
    oldest: int,
) -> None:
    told: list[Problem] = []
    if children.empty:
        told.append(
            Problem("children", "nobody to carry forward", "Give children of the base year.")
        )
    if children["year"].nunique() > 1:
        told.append(Problem("children", "more than one year", "Give the base year alone."))
    if until < base:
        told.append(Problem("until", f"{until} lies before {base}", "Name a later year."))
    years = range(base + 1, until + 1)
    if isinstance(births, pd.DataFrame):
        stated = set(zip(births["zone_id"], births["year"], strict=True))
        lacking = [f"{z}: {y}" for y in years for z in zones if z and (z, y) not in stated]
        what = "zones and years"
    else:
        lacking = [str(y) for y in years if y not in births]
        what = "years"
    if lacking:
        told.append(
            Problem(
                "births",
                f"{len(lacking)} {what} have no births ({first_ids(lacking)})",
                "State the births of every year; 0 if there are none.",
                tuple(lacking),
            )
        )
    if isinstance(births, pd.DataFrame):
        away = sorted(set(births["zone_id"]) - set(zones))
        twice = births.duplicated(["zone_id", "year"])
        if away:
            told.append(
                Problem(
                    "births",
                    f"{len(away)} zones with births have no places ({first_ids(away)})",
                    "Give births by the zones of zone_of.",
                    tuple(away),
                )
            )
        if twice.any():
            told.append(Problem("births", "a zone stands twice in a year", "Leave one row of it."))
    if moved is not None and (moved["age"] > oldest).any():
        told.append(
            Problem("moved", f"somebody is older than {oldest}", "Move ages that are kept only.")
        )
    numbers = births["persons"] if isinstance(births, pd.DataFrame) else list(births.values())
    if not_whole(pd.Series(list(numbers), dtype=float)).any():
        told.append(Problem("births", "a number is no whole number of 0 or more", "Correct it."))
    shares = survival.values() if isinstance(survival, Mapping) else [survival]
    if any(not 0 <= s <= 1 for s in shares):
        told.append(Problem("survival", "a share is not between 0 and 1", "Correct it."))
    if told:
        raise DataError(told)


def _shares(survival: Mapping[int, float] | float, top: int) -> list[Fraction]:
    """Return the share of each age that is alive a year later, as the decimal it is written as."""
    told = survival if isinstance(survival, Mapping) else dict.fromkeys(range(top + 1), survival)
    return [Fraction(Decimal(repr(float(told.get(age, 1.0))))) for age in range(top + 1)]


def _at(ids: pd.Index[str], wanted: pd.Series[str]) -> Whole:
    return np.asarray(ids.get_indexer(pd.Index(wanted)), dtype=np.int64)


def _named(moved: pd.DataFrame | None) -> set[str]:
    return set() if moved is None else set(moved["from_id"]) | set(moved["to_id"])


def _by_zone(flows: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the flows by year and zone, and for all together."""
    columns = ["year", "zone_id", *FLOWS]
    if not flows:
        return pd.DataFrame(columns=columns)
    rows = pd.concat(flows, ignore_index=True)
    zoned = rows.groupby(["year", "zone_id"], sort=True)[list(FLOWS)].sum().reset_index()
    whole = rows.groupby("year", sort=True)[list(FLOWS)].sum().reset_index().assign(zone_id="")
    return pd.concat([whole, zoned], ignore_index=True)[columns]
