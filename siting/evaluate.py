"""Indicators of a Plan: the one function that today, closures and location plans all go through.

There is no "before" code and "after" code: evaluate both Plans and stack the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting import coverage
from siting.errors import StudyError, first_ids
from siting.plan import Plan
from siting.rules import Rule

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

MS_PER_MIN = 60_000
INDICATORS = (
    "plan",
    "service",
    "rule_id",
    "n_open",
    "persons",
    "covered_persons",
    "no_seat_persons",
    "out_of_reach_persons",
    "not_assessed_persons",
    "reached_persons",
    "unreached_persons",
    "mean_time_min",
    "p95_time_min",
    "max_time_min",
)


@dataclass(frozen=True, eq=False)
class Service:
    """What is needed to judge one service, as plain values.

    Attributes
    ----------
    name
        The service as Plans and offers name it.
    rules
        What it is judged by, each by itself; may be empty.
    existing
        The sites that exist today: they fix which islands are not assessed.
    sites
        ``site_id`` and ``geometry`` of all its sites, for rules that are a radius.
    time, length
        Travel times from demand to all its sites, by time and by length; those its rules measure
        must be there, and time is also what the mean, p95 and maximum are of.
    persons
        People of the group it serves by ``demand_id``; ``None`` for the whole population.
    speed
        The range of speed that time rules are judged over.
    islands
        By demand as in the travel times, who is not assessed where no road leads to an open site;
        None for those whom no road leads to an existing one. On edited roads give those of today:
        whom a closed bridge cuts off is out of reach, not a gap in the data.
    spread
        By ``time`` and ``length``, in ms and mm by demand id: how far people may live from their
        point, for the range of the headline.
    leg
        How many times as long as drawn an access leg may be, for the range.
    capacity
        Seats by site id (:func:`siting.allocation.seats_of`): people in reach are then covered only
        where they have one, by the rule ``max_served``. ``None`` where seats are not counted.
    """

    name: str
    rules: tuple[Rule, ...]
    existing: tuple[str, ...]
    sites: gpd.GeoDataFrame
    time: TravelTimes | None = None
    length: TravelTimes | None = None
    persons: pd.Series[int] | None = None
    speed: Rule | None = None
    islands: NDArray[np.bool_] | None = None
    spread: Mapping[str, pd.Series[int]] = field(default_factory=dict)
    leg: Rule | None = None
    capacity: pd.Series[int] | None = None

    def people(self, demand: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Return the demand table with the people of the service's group as its population."""
        if self.persons is None:
            return demand
        counted = coverage.whole_persons(self.persons, demand["demand_id"].to_numpy())
        return demand.assign(population=counted)

    def off_the_map(self, times: TravelTimes) -> NDArray[np.bool_]:
        """Return ``islands``, or those of the travel times where none are given."""
        return times.islands(self.existing) if self.islands is None else self.islands

    def times(self, impedance: str) -> TravelTimes:
        """Return the travel times by ``time`` or ``length``, or say that they are missing."""
        found = self.time if impedance == "time" else self.length
        if found is None:
            raise StudyError(
                f"services.{self.name}: a rule measures {impedance}, and no travel times by "
                f"{impedance} are given. Compute them with travel_time.table(impedance="
                f'"{impedance}").'
            )
        return found


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a Plan does.

    Attributes
    ----------
    plan
        Its name.
    coverage
        The ``coverage`` table of all its services and rules, in all zonings.
    indicators
        One row a service and rule (``rule_id`` is ``""`` for a service without rules), to be
        stacked by :func:`comparison`.
    """

    plan: str
    coverage: pd.DataFrame
    indicators: pd.DataFrame = field(repr=False)


def evaluate(
    plan: Plan,
    *,
    services: Sequence[Service],
    demand: gpd.GeoDataFrame,
    membership: pd.DataFrame | coverage.Members,
    zoning: str,
    period: int = 0,
) -> Evaluation:
    """Evaluate a Plan.

    Parameters
    ----------
    plan
        What is open; seats it gives to sites take the place of their capacity.
    services
        How each of its services is judged; services that the Plan does not name are refused.
    demand
        ``demand_id``, ``population``, ``settlement``, point ``geometry``.
    membership
        ``demand_id``, ``zoning``, ``zone_id``; or :func:`siting.coverage.members` of it.
    zoning
        The zoning whose totals the indicators are: persons outside every zone of it are not
        assessed, so that indicators and the coverage rows of this zoning add up to the same.
    period
        Which period of the Plan.

    Returns
    -------
    Evaluation
        ``indicators`` has ``plan``, ``service``, ``rule_id``, ``n_open``; whole persons:
        ``persons``, ``covered_persons``, ``no_seat_persons``, ``out_of_reach_persons``,
        ``not_assessed_persons`` (of all settlement classes; the coverage table has them apart),
        ``reached_persons`` and ``unreached_persons`` (assessed, with and without an open site in
        reach at any distance searched); and over the reached only ``mean_time_min``,
        ``p95_time_min``, ``max_time_min``. A mean over the reached falls when a far school closes
        and its pupils drop out: read it beside ``unreached_persons``.

    Raises
    ------
    StudyError, DataError
        An unknown service or zoning, missing travel times, tables that do not fit, an open site
        without capacity where seats count, seats of a service whose seats do not count.
    """
    member = coverage.members(demand["demand_id"], membership)
    inside = member.of(zoning) != ""
    tables: list[pd.DataFrame] = []
    rows: list[dict[str, object]] = []
    for service in sorted(services, key=lambda s: s.name):
        opened = plan.open_sites(service.name, period=period)
        capacity = _capacity(plan, service, period)
        people = service.people(demand)
        times = _time_indicators(service, opened, people, inside)
        common = {"plan": plan.name, "service": service.name, "n_open": len(opened)}
        line = None
        if any(rule.measure == "straight_m" for rule in service.rules):
            line = coverage.straight_mm(people, service.sites, opened)
        reaches: dict[str, tuple[pd.DataFrame, NDArray[np.bool_]]] = {}
        for rule in service.rules:
            impedance = coverage.thresholds(rule, speed=service.speed).impedance
            if impedance not in reaches:
                table = service.times(impedance)
                reaches[impedance] = (table.reach(opened), service.off_the_map(table))
            reach, islands = reaches[impedance]
            apart = service.spread.get(impedance)
            _check_cutoff(service, rule, reach, apart)
            seats = None
            if capacity is not None:
                seats = coverage.Seats(service.times(impedance), opened, capacity)
            counted = coverage.cover(
                people,
                member,
                reach,
                plan=plan.name,
                service=service.name,
                rule=rule,
                islands=islands,
                speed=service.speed,
                straight=line if rule.measure == "straight_m" else None,
                spread=apart,
                leg=service.leg,
                seats=seats,
            )
            tables.append(counted)
            total = counted.loc[counted["zoning"] == zoning, list(coverage.COUNTS)].sum()
            rows.append(
                {
                    **common,
                    "rule_id": rule.id,
                    "persons": int(total["persons"]),
                    **{
                        f"{name}_persons": int(total[name])
                        for name in ("covered", "no_seat", "out_of_reach", "not_assessed")
                    },
                    **times,
                }
            )
        if not service.rules:
            rows.append(
                {**common, "rule_id": "", "persons": int(people["population"].sum()), **times}
            )
    indicators = pd.DataFrame(rows).reindex(columns=list(INDICATORS))
    for column in INDICATORS:
        if column.endswith("persons"):
            indicators[column] = indicators[column].astype("Int64")
    return Evaluation(
        plan=plan.name,
        coverage=pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(),
        indicators=indicators,
    )


def as_before(plan: Plan, before: Evaluation, changed: Evaluation) -> Evaluation:
    """Return the evaluation of a Plan that changes only some of its services.

    Parameters
    ----------
    plan
        Of which services; what it does not name is left out.
    before
        Of the Plan it starts from.
    changed
        Of the services it changes; rows of its other services are those of ``before``.
    """
    as_it_was = set(plan.services) - set(changed.indicators["service"])
    tables = []
    for new, old in (
        (changed.coverage, before.coverage),
        (changed.indicators, before.indicators),
    ):
        kept = old[old["service"].isin(as_it_was)].assign(plan=plan.name) if len(old) else old
        parts = [part for part in (kept, new) if len(part)]
        if not parts:  # services without rules have no coverage
            tables.append(new)
            continue
        tables.append(pd.concat(parts).sort_values("service", kind="stable", ignore_index=True))
    return Evaluation(plan.name, *tables)


def comparison(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Stack the indicators of several Plans: one row a Plan, service and rule."""
    return pd.concat([e.indicators for e in evaluations], ignore_index=True)


class Spread(NamedTuple):
    """Mean, 95th percentile and maximum over persons, one value a group, in minutes.

    NaN for a group of nobody. The percentile is the least time that at least 95 % of the persons do
    not exceed: always one of the times, so it does not depend on the order of summation.
    """

    mean: NDArray[np.float64]
    p95: NDArray[np.float64]
    max: NDArray[np.float64]


def spread(
    values: NDArray[np.int64],
    persons: NDArray[np.int64],
    *,
    group: NDArray[np.int64] | None = None,
    groups: int = 1,
) -> Spread:
    """Return mean, 95th percentile and maximum of times over persons, by group.

    Parameters
    ----------
    values
        Milliseconds.
    persons
        Whole persons; rows with nobody do not count, not even for the maximum.
    group, groups
        Group of each row, 0 … ``groups`` − 1; all rows are one group by default.

    Examples
    --------
    >>> found = spread(np.array([60_000, 180_000, 900_000]), np.array([1, 1, 0]))
    >>> found.mean.item(), found.p95.item(), found.max.item()
    (2.0, 3.0, 3.0)
    """
    of = np.zeros(len(values), np.int64) if group is None else group
    order = np.lexsort((values, of))
    order = order[persons[order] > 0]
    values, persons, of = values[order], persons[order], of[order]
    total, summed = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
    np.add.at(total, of, persons)
    np.add.at(summed, of, persons * values)
    some = total > 0
    counted, end = np.cumsum(persons), np.cumsum(total)
    needed = -(-95 * total // 100)  # persons are whole: 95 % is rounded up
    result = np.full((3, groups), np.nan)
    result[0, some] = summed[some] / total[some]
    result[1, some] = values[np.searchsorted(counted, (end - total + needed)[some])]
    result[2, some] = values[np.searchsorted(counted, end[some])]
    return Spread(*(result / MS_PER_MIN))


def _capacity(plan: Plan, service: Service, period: int) -> pd.Series[int] | None:
    """Return the seats by site under a Plan; None where they do not count."""
    given = plan.seats(service.name, period=period)
    if not given:
        return service.capacity
    if service.capacity is None:
        raise StudyError(
            f"plan {plan.name} gives seats to {len(given)} sites of {service.name} "
            f"({first_ids(given)}), and no seats are counted there. Set "
            f'services.{service.name}.seats = "max_served", or remove them from the plan.'
        )
    others = service.capacity[~service.capacity.index.isin(given)]
    return pd.concat([others, pd.Series(dict(given))]).astype("Int64")


def _check_cutoff(
    service: Service, rule: Rule, reach: pd.DataFrame, apart: pd.Series[int] | None
) -> None:
    """Refuse to judge points that lie beyond the cutoff and might lie within the threshold."""
    limits = coverage.thresholds(rule, speed=service.speed)
    cutoff = service.times(limits.impedance).cutoff
    unknown = (reach["state"] == "beyond_cutoff") & (reach["impedance"] < 0)
    # the generous end counts no access leg and people as near as may be, so it looks farther
    farther = reach["access"]
    if apart is not None:
        farther = farther + apart.reindex(reach.index).fillna(0).astype("int64")
    needed = limits.high + int(farther.max()) if len(reach) else 0
    doubtful = unknown & (limits.high + farther > cutoff)
    if doubtful.any():
        raise StudyError(
            f"services.{service.name}: the travel times stop at {cutoff} and rule {rule.id} looks "
            f"{needed} far; {int(doubtful.sum())} points cannot be judged "
            f"({first_ids(reach.index[doubtful])}). Compute travel times with cutoff={needed}."
        )


def _time_indicators(
    service: Service, opened: tuple[str, ...], people: pd.DataFrame, inside: NDArray[np.bool_]
) -> Mapping[str, object]:
    if service.time is None:
        return {}
    reach = service.time.reach(opened)
    island = service.off_the_map(service.time)
    ids = pd.Index(people["demand_id"])
    rows = reach
    if not reach.index.equals(ids):
        rows, island = reach.loc[ids], island[reach.index.get_indexer(ids)]
    state = rows["state"].to_numpy()
    persons = people["population"].to_numpy(dtype=np.int64)
    reached = inside & (state == "reached")
    assessed = inside & coverage.is_assessed(state, island)
    value = rows["impedance"].to_numpy(dtype=np.int64)[reached]
    weight = persons[reached]
    over = spread(value, weight)
    return {
        "reached_persons": int(weight.sum()),
        "unreached_persons": int(persons[assessed & ~reached].sum()),
        "mean_time_min": float(over.mean[0]),
        "p95_time_min": float(over.p95[0]),
        "max_time_min": float(over.max[0]),
    }
