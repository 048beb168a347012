"""What is lost if this one shuts: every school closed alone, at once.

Equal, school by school, to evaluating the Plan without it from scratch (a test says so); done in
one pass because only the first and the second open site of each demand point matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.allocation import seats_of
from siting.coverage import first_two, is_covered, is_decided, thresholds, whole_persons
from siting.errors import DataError, Problem, StudyError
from siting.evaluate import MS_PER_MIN, spread
from siting.plan import Plan
from siting.rules import Rule

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """The tables of :func:`leave_one_out`.

    Attributes
    ----------
    ranking
        One row an open site; rank 1 is the closure that costs the children least.
    receivers
        One row a closed site and the site its children go to.
    limits
        One row a closed site and rule: whose journeys go over the limit.
    """

    ranking: pd.DataFrame
    receivers: pd.DataFrame
    limits: pd.DataFrame


def leave_one_out(
    times: TravelTimes,
    offers: pd.DataFrame,
    persons: pd.Series[int],
    *,
    service: str,
    plan: Plan,
    rules: Sequence[Rule],
    sites: pd.DataFrame,
    period: int = 0,
) -> LeaveOneOut:
    """Close every open site of a service alone and say what its people lose.

    Parameters
    ----------
    times
        Travel times by time, from demand to all sites of the service.
    offers
        ``site_id``, ``service``, and where known ``capacity``, ``enrolment``.
    persons
        Whole persons of the group (pupils of the grades concerned) by ``demand_id``; points that
        are not named have none.
    service, plan, period
        Whose open sites are closed one by one.
    rules
        Limits in ``time_min``. A ``hard`` rule is relative to today: broken where a closure takes
        a journey over it, or lengthens one already over it. A ``soft`` rule is broken where a
        closure takes a journey over it. ``to_know`` rules are not limits.
    sites
        ``site_id``, ``name``.

    Returns
    -------
    LeaveOneOut
        ``ranking``: ``rank``, ``site_id``, ``name``, ``service``,
        ``persons`` (whose nearest open site it is today), ``displaced`` (the same people: all must
        move), ``unserved_after`` (displaced, served before and not after: reached before and no
        longer, or taken over a limit that the journey kept), ``unreached_after`` (reached before
        and no longer), ``beyond_cutoff_after``, ``unreachable_after`` (all displaced in these
        states afterwards, whether reached before or not); ``mean_before_min``, ``p95_before_min``,
        ``max_before_min`` of the displaced; ``mean_after_min``, ``p95_after_min``,
        ``max_after_min`` and ``person_min_added`` of those for whom another site is known, at
        whatever distance; ``receivers`` (``id:persons;…``, most persons first), ``limits_broken``
        (rule ids), ``hard_broken_persons``, ``hard_not_assessed_persons`` (within a hard limit by
        times that are only a lower bound: not known to keep it), ``soft_broken_persons``,
        ``capacity``, ``enrolment``,
        ``receiver_seats_short`` (missing where any receiver's seats are unknown),
        ``capacity_unknown`` (ids of receivers whose free seats are unknown).

        Ranked by ``unserved_after``, then persons over hard limits and those not known to keep
        them, seats short at the receivers
        (all who move, where a receiver's seats are unknown: unknown is not unlimited), persons
        over soft limits, person-time added, site id: least first.

        ``receivers``: ``site_id``, ``receiver_id``, ``receiver_name``, ``persons``, then
        ``mean_after_min``, ``p95_after_min``, ``max_after_min``, ``capacity``, ``enrolment``,
        ``free_seats`` (0 where over-full), ``seats_short``, ``capacity_unknown``, ``rule``: how
        people are sent, ``nearest`` (the nearest open site, ties to the smallest id).

        ``limits``: ``site_id``, ``rule_id``, ``strength``, ``newly_over_persons``,
        ``lengthened_persons`` (over before and further after), ``not_assessed_persons``, ``broken``
        (where false and anybody is not assessed, the rule is not shown to be kept).

    Raises
    ------
    StudyError
        Times that are no times, a rule that is no time limit, a service the Plan does not name.
    DataError
        Persons that are not whole or not in the travel times; open sites that are not.
    """
    if times.impedance != "time":
        raise StudyError(
            f"leave_one_out needs travel times by time, these are by {times.impedance}. "
            'Compute them with travel_time.table(impedance="time").'
        )
    limits = [rule for rule in rules if rule.strength != "to_know"]
    if wrong := [rule.id for rule in limits if rule.measure != "time_min"]:
        raise StudyError(
            f"rules {', '.join(wrong)} do not measure time_min and cannot limit a journey. "
            "Name rules in minutes."
        )
    opened = plan.open_sites(service, period=period)
    farthest = max((thresholds(rule).judged for rule in limits), default=0)
    if times.cutoff < farthest:
        raise StudyError(
            f"leave_one_out: a limit of {farthest / MS_PER_MIN:g} min lies beyond the cutoff of "
            f"the travel times. Compute them with cutoff={farthest} or more."
        )
    people = whole_persons(persons, times.demand_id)
    seats = _seats(offers, sites, service, opened)
    moves = first_two(times, opened)
    ids = np.asarray(times.site_id, dtype=object)
    moved = np.flatnonzero((moves.first >= 0) & (people > 0))
    closed = moves.first[moved]
    order = np.argsort(closed, kind="stable")
    moved, closed = moved[order], closed[order]
    people, before = people[moved], moves.before[moved]
    after, receiver = moves.after[moved], moves.second[moved]

    goes = after >= 0
    n = len(ids)
    limit_rows, broken_hard, broken_soft, over, unknown_hard = _limits(
        limits, closed, people, before, after, ids=ids, opened=opened, bound=times.bound
    )
    state = _after_state(times, opened, moved, closed, after)
    lost = is_covered(before, times.cutoff) & (state != "reached")
    table = _receivers(closed, receiver, people, after, ids=ids, seats=seats)
    short = table.groupby("site_id")["seats_short"].sum(min_count=1)
    unknown = table[table["capacity_unknown"]].groupby("site_id")["receiver_id"].agg(";".join)
    by_persons = table.sort_values(
        ["site_id", "persons", "receiver_id"], ascending=[True, False, True]
    )
    listed = (
        (by_persons["receiver_id"] + ":" + by_persons["persons"].astype(str))
        .groupby(by_persons["site_id"])
        .agg(";".join)
    )
    broken = limit_rows[limit_rows["broken"]].groupby("site_id")["rule_id"].agg(";".join)

    position = {site: at for at, site in enumerate(ids)}
    added = np.where(goes, (after - before) * people, 0)
    sums = {
        "persons": _sum(closed, people, n),
        "unserved_after": _sum(closed, people * (over | lost), n),
        "unreached_after": _sum(closed, people * lost, n),
        "beyond_cutoff_after": _sum(closed, people * (state == "beyond_cutoff"), n),
        "unreachable_after": _sum(closed, people * (state == "unreachable"), n),
        "added": _sum(closed, added, n),
        "hard_broken_persons": _sum(closed, people * broken_hard, n),
        "hard_not_assessed_persons": _sum(closed, people * unknown_hard, n),
        "soft_broken_persons": _sum(closed, people * broken_soft, n),
    }
    was = spread(before, people, group=closed, groups=n)
    now = spread(after[goes], people[goes], group=closed[goes], groups=n)
    rows: list[dict[str, object]] = []
    for site in opened:
        at = position[site]
        rows.append(
            {
                "site_id": site,
                "service": service,
                **{name: int(values[at]) for name, values in sums.items()},
                **{f"{name}_before_min": float(value[at]) for name, value in was._asdict().items()},
                **{f"{name}_after_min": float(value[at]) for name, value in now._asdict().items()},
                "receivers": listed.get(site, ""),
                "limits_broken": broken.get(site, ""),
                "receiver_seats_short": pd.NA if site in unknown.index else short.get(site, 0),
                "capacity_unknown": unknown.get(site, ""),
            }
        )
    ranking = (
        pd.DataFrame(rows, columns=["site_id", *_ROW])
        .astype({"site_id": "str"})
        .merge(seats[["site_id", "name", "capacity", "enrolment"]], on="site_id", how="left")
    )
    ranking["displaced"] = ranking["persons"]
    ranking["person_min_added"] = ranking["added"] / MS_PER_MIN
    ranking["receiver_seats_short"] = ranking["receiver_seats_short"].astype("Int64")
    ranking["seats_missed"] = ranking["receiver_seats_short"].fillna(ranking["displaced"])
    ranking = ranking.sort_values(list(RANKED_BY), ignore_index=True)
    ranking["rank"] = np.arange(1, len(ranking) + 1)
    return LeaveOneOut(ranking[list(RANKING)], table, limit_rows)


_ROW = (
    "service",
    "persons",
    "unserved_after",
    "unreached_after",
    "beyond_cutoff_after",
    "unreachable_after",
    "added",
    "hard_broken_persons",
    "hard_not_assessed_persons",
    "soft_broken_persons",
    "mean_before_min",
    "p95_before_min",
    "max_before_min",
    "mean_after_min",
    "p95_after_min",
    "max_after_min",
    "receivers",
    "limits_broken",
    "receiver_seats_short",
    "capacity_unknown",
)
RANKED_BY = (
    "unserved_after",
    "hard_broken_persons",
    "hard_not_assessed_persons",
    "seats_missed",
    "soft_broken_persons",
    "added",
    "site_id",
)
RANKING = (
    "rank",
    "site_id",
    "name",
    "service",
    "persons",
    "displaced",
    "unserved_after",
    "unreached_after",
    "beyond_cutoff_after",
    "unreachable_after",
    "mean_before_min",
    "p95_before_min",
    "max_before_min",
    "mean_after_min",
    "p95_after_min",
    "max_after_min",
    "person_min_added",
    "receivers",
    "limits_broken",
    "hard_broken_persons",
    "hard_not_assessed_persons",
    "soft_broken_persons",
    "capacity",
    "enrolment",
    "receiver_seats_short",
    "capacity_unknown",
)


def _after_state(
    times: TravelTimes,
    opened: Sequence[str],
    moved: NDArray[np.intp],
    closed: NDArray[np.int64],
    after: NDArray[np.int64],
) -> NDArray[np.object_]:
    """Return the ``state`` of moved points once their site is shut; asked only where none is left.

    Whether a site is beyond the cutoff or cannot be reached is the travel times' word, so it is
    asked of them, once for each site some of whose people have no second one in the table.
    """
    state = np.where(is_covered(after, times.cutoff), "reached", "beyond_cutoff").astype(object)
    left = after < 0
    for at in np.unique(closed[left]):
        here = left & (closed == at)
        site = times.site_id[at]
        reach = times.reach([i for i in opened if i != site])
        state[here] = reach["state"].to_numpy()[moved[here]]
    return state


def _limits(
    limits: Sequence[Rule],
    closed: NDArray[np.int64],
    people: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    *,
    ids: NDArray[np.object_],
    opened: Sequence[str],
    bound: str,
) -> tuple[
    pd.DataFrame, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]
]:
    """Return the limits table, and masks: breaks a hard one, a soft one, newly over any, in doubt.

    In doubt are those within every hard limit by times that are only a lower bound.
    """
    n = len(ids)
    hard = np.zeros(len(closed), dtype=bool)
    soft = np.zeros(len(closed), dtype=bool)
    newly = np.zeros(len(closed), dtype=bool)
    doubtful = np.zeros(len(closed), dtype=bool)
    frames = []
    position = {site: at for at, site in enumerate(ids)}
    at = np.array([position[site] for site in opened], dtype=np.int64)
    for rule in sorted(limits, key=lambda r: r.id):
        threshold = thresholds(rule).judged
        kept = is_covered(before, threshold)
        over = kept & ~is_covered(after, threshold)
        further = ~kept & ((after < 0) | (after > before))
        newly |= over
        unknown = ~is_decided(is_covered(after, threshold), rule, bound)
        doubtful |= unknown
        if rule.strength == "hard":
            breaks = over | further
            hard |= breaks
        else:
            breaks = over
            soft |= breaks
        frames.append(
            pd.DataFrame(
                {
                    "site_id": list(opened),
                    "rule_id": rule.id,
                    "strength": rule.strength,
                    "newly_over_persons": _sum(closed, people * over, n)[at],
                    "lengthened_persons": _sum(closed, people * further, n)[at],
                    "not_assessed_persons": _sum(closed, people * unknown, n)[at],
                    "broken": _sum(closed, people * breaks, n)[at] > 0,
                }
            )
        )
    columns = [
        "site_id",
        "rule_id",
        "strength",
        "newly_over_persons",
        "lengthened_persons",
        "not_assessed_persons",
        "broken",
    ]
    table = pd.concat(frames) if frames else pd.DataFrame(columns=columns).astype({"broken": bool})
    table = table.sort_values(["site_id", "rule_id"], ignore_index=True)
    return table, hard, soft, newly, doubtful & ~hard


def _receivers(
    closed: NDArray[np.int64],
    receiver: NDArray[np.int64],
    people: NDArray[np.int64],
    after: NDArray[np.int64],
    *,
    ids: NDArray[np.object_],
    seats: pd.DataFrame,
) -> pd.DataFrame:
    """Return the long table of who receives whom."""
    goes = receiver >= 0
    keys, pair = np.unique(closed[goes] * len(ids) + receiver[goes], return_inverse=True)
    after_by_pair = spread(after[goes], people[goes], group=pair, groups=len(keys))
    columns = ["mean_after_min", "p95_after_min", "max_after_min"]
    table = pd.DataFrame(
        {
            "site_id": pd.Series(ids[keys // len(ids)], dtype="str"),
            "receiver_id": pd.Series(ids[keys % len(ids)], dtype="str"),
            "persons": _sum(pair, people[goes], len(keys)),
            **dict(zip(columns, after_by_pair, strict=True)),
        }
    )
    known = seats.rename(columns={"site_id": "receiver_id", "name": "receiver_name"})
    table = table.merge(known, on="receiver_id", how="left")
    free = (table["capacity"] - table["enrolment"]).clip(lower=0)
    table["free_seats"] = free
    table["seats_short"] = (table["persons"].astype("Int64") - free).clip(lower=0)
    table["capacity_unknown"] = free.isna()
    table["rule"] = "nearest"  # the rule by which people go where they go
    return table[
        [
            "site_id",
            "receiver_id",
            "receiver_name",
            "persons",
            *columns,
            "capacity",
            "enrolment",
            "free_seats",
            "seats_short",
            "capacity_unknown",
            "rule",
        ]
    ]


def _seats(
    offers: pd.DataFrame, sites: pd.DataFrame, service: str, opened: Sequence[str]
) -> pd.DataFrame:
    """Return name, capacity and enrolment of the open sites; unknown is missing, never 0."""
    rows = offers[offers["service"] == service].set_index("site_id")
    names = sites.set_index("site_id")["name"]
    if absent := [i for i in opened if i not in rows.index or i not in names.index]:
        raise DataError(
            Problem(
                "offers",
                f"{len(absent)} open sites do not offer {service} or are not in sites",
                "Check the plan against the study (siting.plan.check).",
                tuple(absent),
            )
        )
    table = pd.DataFrame(
        {"site_id": list(opened), "name": names.loc[list(opened)].to_list()}, dtype="str"
    )
    for column in ("capacity", "enrolment"):
        known = seats_of(offers, service, column=column)
        table[column] = known.reindex(list(opened)).array
    return table


def _sum(group: NDArray[np.int64], values: NDArray[np.integer], n: int) -> NDArray[np.int64]:
    """Sum integers by group, exactly (``np.bincount`` would pass through floats)."""
    total = np.zeros(n, np.int64)
    np.add.at(total, group, values)
    return total
