"""Every way a unit of a school could go elsewhere, judged year by year."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from siting.errors import StudyError, first_ids
from siting.merger.asked import asked, blocks, trips_of
from siting.merger.capacity import schools_at
from siting.merger.journeys import WAYS, rule_of
from siting.merger.judging import REFUSALS, REFUSED_HOMES, RULES, Part, crossings_at, empty
from siting.merger.setting import Setting

OPTIONS: Final = (
    "option_id", "unit_id", "to_site", "kind", "way", "year", "status", "refused_by", "findings",
    "persons", "walk_persons", "bus_persons", "board_persons", "move_persons", "unknown_persons",
    "person_min_before", "person_min_after", "mean_before_min", "p95_before_min", "max_before_min",
    "mean_after_min", "p95_after_min", "max_after_min", "seats_free", "seats_short", "beds_free",
    "beds_short", "classes_needed", "classrooms", "capacity_unknown",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Options:
    """What :func:`options` found.

    Attributes
    ----------
    table
        :data:`OPTIONS`, one row a unit, receiver, way and year.
    refusals
        :data:`REFUSALS`, one row an option, rule hit and grade: whom a hard rule refuses, and whom
        a soft one finds; ``worst_min`` is their longest known journey. ``grade`` is missing where a
        rule speaks of the receiver's classes.
    refused_homes
        :data:`REFUSED_HOMES`: the children for whom an option is refused, home by home; ``""`` for
        those whose home nobody knows.
    """

    table: pd.DataFrame
    refusals: pd.DataFrame
    refused_homes: pd.DataFrame


def options(
    pupils: pd.DataFrame,
    receivers: pd.DataFrame,
    of: Setting,
    *,
    ways: Collection[str] = WAYS,
) -> Options:
    """Judge every unit at every receiver, in every way and year, all else staying as it is.

    Parameters
    ----------
    pupils
        From :func:`siting.merger.pupils`, of this service and, so that classes are counted right
        at schools that teach others too, of all.
    receivers
        ``unit_id``, ``to_site`` (:data:`siting.merger.NEAREST`: everybody goes to the nearest
        school that may take them and teaches their grades).
    of
        The service; its rules hold :data:`RULES`.
    ways
        Of :data:`WAYS`. Nobody of grades 1–3 boards, so units of these have no such option.

    Returns
    -------
    Options
        ``persons`` = walk (today's mode) + bus (any other) + board + move + unknown (home or way
        not known). ``person_min_before`` and ``_after`` are of one way a day over those whose
        journeys are known, a boarder's × ``merger.boarder_journeys``; mean, p95 and max before are
        over known journeys of today, after over those made daily. ``seats_free`` is seats − pupils
        of the service that year, 0 where over-full; ``seats_short`` the seats the receiver lacks in
        all once anybody comes, its own overcrowding with them, as a programme asks for.
        ``beds_*`` are of beds and boarders; ``beds_short`` those who come beyond what is free.
        ``classes_needed`` counts all grades of the receiver with those who come, no class above
        its norm. ``capacity_unknown`` names what is needed and not known
        (``seats;beds;classrooms``, and ``receiver`` where somebody has none).

        Refused by a hard rule: journeys of grades 1–3 (newly over, or over and longer, or not shown
        to keep it), no known way, the admission area, grades not taught. Findings: the soft rules
        and class norms hit. Seats, beds and classes refuse nothing: a receiver may be expanded.

    Raises
    ------
    DataError
        Rows that do not fit each other, by name.
    StudyError
        Missing rules, times that are no times or do not reach as far as a limit.
    """
    if odd := sorted(set(ways) - set(WAYS)):
        raise StudyError(f"{first_ids(odd)}: no such way. Use {', '.join(WAYS)}.")
    of = replace(of, rules={name: rule_of(of.rules, name) for name in RULES})
    told = asked(pupils, receivers, of)
    have = schools_at(told.sites, pupils, told.years, of)
    crossed = None if of.crossings is None else crossings_at(of.crossings, told)
    tables, hits, homes = [], [], []
    for part in blocks(told):
        trips = trips_of(told, part, have.taught_of_service)
        of_part = Part(told, part, trips, have, of.rules, crossed)
        come = of_part.loads()
        of_classes = of_part.class_hits(come)
        for way in [w for w in WAYS if w in ways]:
            found, hit, refused = of_part.judged(way, come, of_classes)
            tables.append(found)
            hits.append(hit)
            homes.append(refused)
    order = {way: n for n, way in enumerate(WAYS)}
    table = pd.concat(tables, ignore_index=True) if tables else empty(OPTIONS)
    table = table.sort_values(
        ["unit_id", "to_site", "way", "year"],
        key=lambda c: c.map(order) if c.name == "way" else c, ignore_index=True,
    )  # fmt: skip
    rank = pd.Series(np.arange(len(table)), index=table["option_id"])
    refusals = _ranked(hits, rank, REFUSALS, ["rule_id", "grade"])
    return Options(
        table[list(OPTIONS)], refusals, _ranked(homes, rank, REFUSED_HOMES, ["demand_id", "grade"])
    )


def lasting(options: pd.DataFrame, years: Sequence[int]) -> pd.Series[bool]:
    """Tell which options are allowed in their year and in every later one of ``years``.

    A unit that moves stays where it went, so a way that is refused later is none to begin with.

    Parameters
    ----------
    options
        ``unit_id``, ``to_site``, ``way``, ``year``, ``status``.
    years
        Rising; rows of other years do not last.
    """
    order = options.reset_index(drop=True).sort_values("year", ascending=False)
    fine = (order["status"] == "allowed") & order["year"].isin(list(years))
    key = [order[name] for name in ("unit_id", "to_site", "way")]
    so_far = fine.astype(int).groupby(key, sort=False).cumsum()
    to_come = order["year"].map({year: len(years) - n for n, year in enumerate(years)})
    return (fine & (so_far == to_come)).sort_index().set_axis(options.index)


def _ranked(
    parts: Sequence[pd.DataFrame], rank: pd.Series[int], columns: Sequence[str], then: list[str]
) -> pd.DataFrame:
    """Stack tables in the order of their options."""
    table = pd.concat(parts, ignore_index=True) if parts else empty(columns)
    table["_at"] = table["option_id"].map(rank)
    return table.sort_values(["_at", *then], ignore_index=True)[list(columns)]
