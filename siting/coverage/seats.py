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
    ids = pd.Index(judged["demand_id"])
    persons = judged["persons"].to_numpy()

    def most(
        of: NDArray[np.int64],
        threshold: int,
        seated: pd.Series[int] | None = None,
        shift: pd.Series[int] | None = None,
    ) -> NDArray[np.int64]:
        found = allocation.max_served(
            seats.times,
            pd.Series(of, index=ids),
            open_sites=seats.open_sites,
            threshold=threshold,
            capacity=seats.capacity,
            seated=seated,
            shift=shift,
        )
        there = found.table.groupby("demand_id")["persons"].sum()
        return np.asarray(there.reindex(ids).fillna(0), dtype=np.int64)

    reach = {name: judged[name].to_numpy() for name in ("covered", "covered_low", "covered_high")}
    covered = most(persons * reach["covered"], limits.judged)
    low = covered
    farther, nearer = judged["farther"].to_numpy(), judged["nearer"].to_numpy()
    if limits.low < limits.judged or farther.any():
        low = most(covered * reach["covered_low"], limits.low, shift=pd.Series(farther, index=ids))
    high = most(
        persons * reach["covered_high"],
        limits.high,
        seated=pd.Series(covered, index=ids),
        shift=pd.Series(-nearer, index=ids),
    )
    return {"covered": covered, "covered_low": low, "covered_high": high}
