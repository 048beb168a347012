"""Who has a whole basket of services in reach, and which of them most often fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from siting.coverage.limits import exact
from siting.coverage.members import Members, members
from siting.errors import DataError, Problem
from siting.rules import Rule

CLASSES = ("judged", "urban", "township_seat", "village")
KEYS = ("level", "basket", "rule_id", "zoning", "zone_id", "settlement", "judged")
COUNTS = (
    *("persons", "complete", "incomplete", "not_assessed"),
    *("complete_low", "complete_high"),
)
SHARES = (
    *("complete_share", "complete_share_assessed", "share_low", "share_high"),
    "not_assessed_share",
)
OF_KIND = ("lacking_persons", "lacking_only_persons", "not_assessed")
STATES = ("assessed", "covered", "covered_low", "covered_high")


class Basket(NamedTuple):
    """Tables of one basket: ``table`` counts people, ``services`` says what they lack."""

    table: pd.DataFrame
    services: pd.DataFrame


def any_of(judged: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return who reaches any of several services of one kind, as if they were one service.

    Parameters
    ----------
    judged
        From :func:`siting.coverage.assess`, one a service, about the same people by the same rule.

    Returns
    -------
    pd.DataFrame
        ``demand_id``, ``settlement``, ``persons`` and booleans ``assessed``, ``covered``,
        ``covered_low``, ``covered_high``. Who is assessed for one of them is assessed: a road
        leads to an existing site of the kind.

    Raises
    ------
    DataError
        There is none, or they are not about the same people.
    """
    if not judged:
        raise DataError(Problem("basket", "a kind without a service", "Leave the kind out."))
    first = judged[0]
    found = {
        name: np.logical_or.reduce([_like(table, first)[name].to_numpy() for table in judged])
        for name in STATES
    }
    return first[["demand_id", "settlement", "persons"]].assign(**found)


def basket(
    kinds: Mapping[str, pd.DataFrame],
    membership: pd.DataFrame | Members,
    *,
    name: str,
    rule: Rule,
    max_not_assessed: float,
    missing: Mapping[str, str] | None = None,
) -> Basket:
    """Count who has every kind of a basket in reach, by zone and settlement class.

    A person *has the whole basket* if every kind is covered, *lacks* something if a kind that is
    assessed for him is not covered, and is otherwise *not assessed*. A kind without a layer lacks
    for nobody: it is named and left out of all figures. Seats are not in it.

    Parameters
    ----------
    kinds
        By kind of facility, from :func:`any_of`: all about the same people by the same rule.
    membership
        ``demand_id``, ``zoning``, ``zone_id``; ``""`` is outside every zone.
    name
        Name of the basket, written into the rows.
    rule
        What all kinds were judged by.
    max_not_assessed
        Share of not assessed (0–1) above which no share should be stated.
    missing
        Kinds of the basket without a layer, and why; they get a row without figures.

    Returns
    -------
    Basket
        ``table``, sorted by level, zoning, zone and class: ``level`` (``region``, ``zone``),
        ``basket``, ``rule_id``, ``zoning``, ``zone_id`` (``""``: outside every zone, and the
        region), ``settlement`` (``judged``: all classes that the rule judges together; then each by
        itself), ``judged``; whole persons: ``persons`` = ``complete`` + ``incomplete`` +
        ``not_assessed``, ``complete_low`` (every kind at the strict end, what is not assessed taken
        as lacking) ≤ ``complete`` ≤ ``complete_high`` (the loose end, what is not assessed taken as
        there); ``complete_share`` (of all), ``complete_share_assessed``, ``share_low``,
        ``share_high``, ``not_assessed_share``; ``kinds`` (how many have a layer),
        ``kinds_missing``, and ``why`` no share should be stated (``settlement``, ``no_persons``,
        ``not_assessed``; blank where it may).

        ``services`` has a row a kind under each of those: ``kind``, ``persons``,
        ``lacking_persons`` (assessed and not covered), ``lacking_only_persons`` (who would have the
        whole basket with this kind alone added), ``not_assessed``, ``why`` (of a kind without a
        layer, which has rows of the region only and no figures).

    Raises
    ------
    DataError
        No kind at all, tables about different people, a point without a zone.

    Examples
    --------
    >>> from siting import rules
    >>> def at(*covered):
    ...     yes = np.array(covered)
    ...     return pd.DataFrame({"demand_id": ["a", "b"], "settlement": "urban",
    ...         "persons": [30, 12], "assessed": True, "covered": yes, "covered_low": yes,
    ...         "covered_high": yes})
    >>> found = basket({"market": at(True, True), "park": at(True, False)},
    ...     pd.DataFrame({"demand_id": ["a", "b"], "zoning": "t", "zone_id": "t1"}),
    ...     name="circle_5min", rule=rules.load()["circle_5min"], max_not_assessed=0.05)
    >>> found.table.loc[0, ["persons", "complete", "incomplete", "not_assessed"]].tolist()
    [42, 30, 12, 0]
    >>> found.services.loc[:1, ["kind", "lacking_persons", "lacking_only_persons"]].values.tolist()
    [['market', 0, 0], ['park', 12, 12]]
    """
    if not kinds:
        raise DataError(
            Problem(
                f"baskets.{name}",
                "no kind of facility has a layer",
                "An empty basket would be whole for everybody: give one, or remove the basket.",
            )
        )
    people = next(iter(kinds.values()))
    aligned = [_like(table, people) for table in kinds.values()]
    assessed, covered, low, high = (
        np.column_stack([table[state].to_numpy(dtype=bool) for table in aligned])
        for state in STATES
    )
    lacking = assessed & ~covered
    states = {
        "complete": covered.all(axis=1),
        "incomplete": lacking.any(axis=1),
        "complete_low": low.all(axis=1),
        "complete_high": (high | ~assessed).all(axis=1),
    }
    others = covered.sum(axis=1, keepdims=True) - covered  # kinds covered besides each
    only = lacking & (others == len(kinds) - 1)
    member = members(people["demand_id"], membership)
    persons = people["persons"].to_numpy(dtype=np.int64)
    columns = {state: persons * yes for state, yes in states.items()}
    for k in range(len(kinds)):
        columns[f"{OF_KIND[0]} {k}"] = persons * lacking[:, k]
        columns[f"{OF_KIND[1]} {k}"] = persons * only[:, k]
        columns[f"{OF_KIND[2]} {k}"] = persons * assessed[:, k]  # the others, once summed
    rows = member.summed(pd.DataFrame({"persons": persons, **columns}), people["settlement"])
    # outside every zone nobody knows anything: all of them might have it
    outside = rows["zone_id"] == ""
    rows.loc[outside, list(columns)] = 0
    rows.loc[outside, "complete_high"] = rows.loc[outside, "persons"]
    rows["not_assessed"] = rows["persons"] - rows["complete"] - rows["incomplete"]
    for k in range(len(kinds)):
        rows[f"{OF_KIND[2]} {k}"] = rows["persons"] - rows[f"{OF_KIND[2]} {k}"]
    summed = ["persons", *columns, "not_assessed"]
    wide = _summed(rows, rule, summed).assign(basket=name, rule_id=rule.id)
    table = wide[[*KEYS, *COUNTS]].copy()
    for share, part, less in (
        ("complete_share", "complete", 0),
        ("complete_share_assessed", "complete", wide["not_assessed"]),
        ("share_low", "complete_low", 0),
        ("share_high", "complete_high", 0),
        ("not_assessed_share", "not_assessed", 0),
    ):
        whole = wide["persons"] - less
        table[share] = wide[part] / whole.where(whole > 0).astype(float)
    gone = dict(missing or {})
    table["kinds"], table["kinds_missing"] = len(kinds), len(gone)
    table["why"] = [
        _why(bool(judged), int(persons), int(unknown), max_not_assessed)
        for judged, persons, unknown in zip(
            wide["judged"], wide["persons"], wide["not_assessed"], strict=True
        )
    ]
    return Basket(table, _of_kinds(wide, list(kinds), gone))


def _summed(rows: pd.DataFrame, rule: Rule, columns: Sequence[str]) -> pd.DataFrame:
    """Return sums by region and zone, of each class and of those that the rule judges."""
    judged = rows[rows["settlement"].isin(rule.judges)].assign(settlement="judged")
    every = pd.concat([rows, judged], ignore_index=True)
    parts = []
    for level, by in (("region", []), ("zone", ["zone_id"])):
        part = every.groupby(["zoning", *by, "settlement"], sort=True)[list(columns)].sum()
        part = part.reset_index().assign(level=level)
        parts.append(part if by else part.assign(zone_id=""))
    table = pd.concat(parts, ignore_index=True)
    table["judged"] = table["settlement"].isin(("judged", *rule.judges))
    order = {name: n for n, name in enumerate(CLASSES)}
    return table.sort_values(
        ["level", "zoning", "zone_id", "settlement"],
        key=lambda c: c.map(order) if c.name == "settlement" else c,
        ignore_index=True,
    )


def _of_kinds(wide: pd.DataFrame, kinds: Sequence[str], missing: Mapping[str, str]) -> pd.DataFrame:
    """Return a row a kind under each row of the table, then those without a layer."""
    keys = [*KEYS, "persons"]
    parts = []
    for k, kind in enumerate(kinds):
        part = wide[keys].assign(kind=kind, why="", _kind=k)
        for name in OF_KIND:
            part[name] = wide[f"{name} {k}"].astype("Int64")
        parts.append(part)
    region = wide[(wide["level"] == "region") & (wide["settlement"] == "judged")]
    for k, (kind, why) in enumerate(missing.items(), start=len(kinds)):
        part = region[keys].assign(kind=kind, why=why, _kind=k)
        for name in OF_KIND:
            part[name] = pd.array([pd.NA] * len(part), dtype="Int64")
        parts.append(part)
    table = pd.concat(parts).assign(_row=lambda t: t.index)
    table = table.sort_values(["_row", "_kind"], ignore_index=True)
    return table[[*KEYS, "kind", "persons", *OF_KIND, "why"]]


def _why(judged: bool, persons: int, unknown: int, max_not_assessed: float) -> str:
    """Say why no share should be stated; blank where it may."""
    if not judged:
        return "settlement"
    if persons == 0:
        return "no_persons"
    return "not_assessed" if unknown > exact(max_not_assessed) * persons else ""


def _like(table: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """Return a table in the row order of another, about the same people."""
    asked, there = pd.Index(first["demand_id"]), pd.Index(table["demand_id"])
    same = len(table) == len(first)
    if same and not there.equals(asked):
        order = there.get_indexer(asked)
        same, table = bool((order >= 0).all()), table.iloc[order]
    if same:
        same = bool((table["persons"].to_numpy() == first["persons"].to_numpy()).all())
    if not same:
        raise DataError(
            Problem(
                "basket",
                "the services were not judged for the same people",
                "Judge all of them for one demand table.",
            )
        )
    return table
