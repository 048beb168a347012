"""Of those in reach, who has a seat: most served, and the range of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting import allocation
from siting.coverage.limits import thresholds
from siting.rules import Rule

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes


@dataclass(frozen=True, eq=False)
class Seats:
    """What is needed to count seats by the rule ``max_served``.

    Attributes
    ----------
    times
        Travel times that the rule is read on.
    open_sites
        The sites that are open.
    capacity
        Seats by site id, known for every open site.
    """

    times: TravelTimes
    open_sites: tuple[str, ...]
    capacity: pd.Series[int]


def seated_today(judged: pd.DataFrame, seats: Seats, *, rule: Rule) -> NDArray[np.int64]:
    """Return how many of each demand point have a seat at the headline: ``covered`` of `seated`.

    Parameters
    ----------
    judged, seats, rule
        As in :func:`seated`.
    """
    persons = judged["persons"].to_numpy() * judged["covered"].to_numpy()
    return _most(judged["demand_id"], seats, persons, thresholds(rule).judged)


def lost_alone(
    judged: pd.DataFrame, seats: Seats, *, rule: Rule, counted: NDArray[np.bool_]
) -> pd.DataFrame:
    """Return who loses his seat if each open site alone shuts: :func:`allocation.without_each`.

    Parameters
    ----------
    judged, seats, rule
        As in :func:`seated`.
    counted
        In the order of ``judged``, whose persons are counted; all who are in reach compete.
    """
    ids = pd.Index(judged["demand_id"])
    persons = judged["persons"].to_numpy() * judged["covered"].to_numpy()
    return allocation.without_each(
        seats.times,
        pd.Series(persons, index=ids),
        open_sites=seats.open_sites,
        threshold=thresholds(rule).judged,
        capacity=seats.capacity,
        counted=pd.Series(counted, index=ids),
    )


def seated(
    judged: pd.DataFrame, seats: Seats, *, rule: Rule, speed: Rule | None = None
) -> dict[str, NDArray[np.int64]]:
    """Return how many of each demand point have a seat within the rule, and both ends of that.

    All who are in reach compete, whatever their settlement class, those outside every zone too:
    seats know no zones. Homes that keep a seat at the strict end are among those that have one,
    and these among those at the loose end, point by point: ``covered_low`` is how many of the
    seated would still find a seat, ``covered_high`` how many could be seated when those who are
    keep theirs, which is as many as the loose end can seat at all.

    Parameters
    ----------
    judged
        From :func:`siting.coverage.assess`.
    seats
        Sites, their seats, and the travel times.
    rule, speed
        As in :func:`siting.coverage.assess`.

    Returns
    -------
    dict
        ``covered``, ``covered_low``, ``covered_high``: int64 persons in the order of ``judged``,
        ``covered_low ≤ covered ≤ covered_high`` and none above the persons in reach.

    Raises
    ------
    DataError, StudyError
        As :func:`siting.allocation.max_served`.
    """
    limits = thresholds(rule, speed=speed)
    ids = judged["demand_id"]
    covered = seated_today(judged, seats, rule=rule)
    low = covered
    farther, nearer = judged["farther"].to_numpy(), judged["nearer"].to_numpy()
    if limits.low < limits.judged or farther.any():
        persons = covered * judged["covered_low"].to_numpy()
        low = _most(ids, seats, persons, limits.low, shift=farther)
    persons = judged["persons"].to_numpy() * judged["covered_high"].to_numpy()
    high = _most(ids, seats, persons, limits.high, seated=covered, shift=-nearer)
    return {"covered": covered, "covered_low": low, "covered_high": high}


def _most(
    ids: pd.Series[str],
    seats: Seats,
    persons: NDArray[np.int64],
    threshold: int,
    *,
    seated: NDArray[np.int64] | None = None,
    shift: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Return how many of these persons, by demand point, have a seat."""
    index = pd.Index(ids)
    found = allocation.max_served(
        seats.times,
        pd.Series(persons, index=index),
        open_sites=seats.open_sites,
        threshold=threshold,
        capacity=seats.capacity,
        seated=None if seated is None else pd.Series(seated, index=index),
        shift=None if shift is None else pd.Series(shift, index=index),
    )
    there = found.table.groupby("demand_id")["persons"].sum()
    return np.asarray(there.reindex(index).fillna(0).to_numpy(), dtype=np.int64)
