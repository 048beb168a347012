"""Every way a unit of a school could go elsewhere, judged year by year."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from siting.errors import StudyError, first_ids
from siting.merger.asked import asked, blocks, trips_of
from siting.merger.capacity import schools_at
from siting.merger.journeys import WAYS, rule_of
from siting.merger.judging import REFUSALS, REFUSED_HOMES, RULES, Part, crossings_at, empty
from siting.rules import Rule

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

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
    units: pd.DataFrame,
    receivers: pd.DataFrame,
    times: Mapping[str, TravelTimes],
    *,
    service: str,
    rules: Mapping[str, Rule],
    teaching: pd.DataFrame,
    schools: pd.DataFrame | None = None,
    zone_of: pd.Series[str] | None = None,
    eligible: pd.DataFrame | None = None,
    towns: pd.DataFrame | None = None,
    years: Sequence[int] | None = None,
    crossings: pd.DataFrame | None = None,
    ways: Collection[str] = WAYS,
) -> Options:
    """Judge every unit at every receiver, in every way and year, all else staying as it is.

    Parameters
    ----------
    pupils
        From :func:`siting.merger.pupils`, of this service and, so that classes are counted right
        at schools that teach others too, of all.
    units
        From :func:`siting.merger.units`; those of other services are left aside.
    receivers
        ``unit_id``, ``to_site`` (:data:`siting.merger.NEAREST`: everybody goes to the nearest
        school that may take them and teaches their grades).
    times
        Travel times by mode, today's first, from the same homes to the same sites.
    rules
        By id; :data:`RULES` are needed.
    teaching
        ``site_id``, ``service``, ``grade_from``, ``grade_to`` and, where known, ``seats``.
    schools
        ``site_id`` and, where known, ``classrooms``, ``beds``, ``boarders``.
    zone_of, eligible
        Admission areas as in :func:`siting.merger.pupils`.
    towns
        ``to_site``, ``zone_id`` and, where stated, ``journey_min``: the zone that families move to
        and their children's journey; else the mean of the pupils who live there to the receiver by
        today's mode. A receiver that is not named cannot be moved to.
    crossings
        ``demand_id``, ``site_id``, ``road_level``, ``rail_level``: trunk roads and railways crossed
        at grade on the walk; a pair that is not named is not assessed.
    years
        Which; those of ``pupils`` by default, which leave out a year without any.
    ways
        Of :data:`WAYS`. Nobody of grades 1–3 boards, so units of these have no such option.

    Returns
    -------
    Options
        ``persons`` = walk (today's mode) + bus (any other) + board + move + unknown (home or way
        not known). ``person_min_before`` and ``_after`` are of one way a day over those whose
        journeys are known, a boarder's × ``merger.boarder_journeys``; mean, p95 and max before are
        over known journeys of today, after over those made daily. ``seats_free`` is seats − pupils
        of the service that year, 0 where over-full; ``seats_short`` those who come beyond it.
        ``beds_*`` likewise of beds and boarders. ``classes_needed`` counts all grades of the
        receiver with those who come, no class above its norm. ``capacity_unknown`` names what is
        needed and not known (``seats;beds;classrooms``, and ``receiver`` where somebody has none).

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
    known = {name: rule_of(rules, name) for name in RULES}
    of = asked(
        pupils, units, receivers, times, service=service, rules=known, zone_of=zone_of,
        eligible=eligible, towns=towns, years=years,
    )  # fmt: skip
    have = schools_at(
        of.sites, pupils, of.years, service=service, teaching=teaching, schools=schools, rules=known
    )
    crossed = None if crossings is None else crossings_at(crossings, of)
    tables, hits, homes = [], [], []
    for part in blocks(of):
        trips = trips_of(of, part, have.taught_of_service)
        of_part = Part(of, part, trips, have, known, crossed)
        come = of_part.loads()
        for way in [w for w in WAYS if w in ways]:
            found, hit, refused = of_part.judged(way, come)
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


def _ranked(
    parts: Sequence[pd.DataFrame], rank: pd.Series[int], columns: Sequence[str], then: list[str]
) -> pd.DataFrame:
    """Stack tables in the order of their options."""
    table = pd.concat(parts, ignore_index=True) if parts else empty(columns)
    table["_at"] = table["option_id"].map(rank)
    return table.sort_values(["_at", *then], ignore_index=True)[list(columns)]
