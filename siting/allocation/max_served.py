"""Most persons served within a threshold, then least person-time, then smallest id."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting import kernels
from siting.allocation.result import Allocation, Homes, allocation, homes_of
from siting.allocation.seats import seats_at
from siting.demand import whole_persons
from siting.errors import SolverError, StudyError
from siting.travel_time import is_covered

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes


def max_served(
    times: TravelTimes,
    persons: pd.Series[int],
    *,
    open_sites: Collection[str],
    threshold: int,
    capacity: pd.Series[int],
    islands: NDArray[np.bool_] | None = None,
    seated: pd.Series[int] | None = None,
    shift: pd.Series[int] | None = None,
) -> Allocation:
    r"""Seat as many persons as can be within the threshold.

    With persons :math:`w_i`, seats :math:`c_j` and impedance :math:`t_{ij}`, over the pairs
    :math:`t_{ij} \le T`:

    .. math:: \max \sum x_{ij}, \quad \text{then} \; \min \sum t_{ij} x_{ij}, \quad
              \sum_j x_{ij} \le w_i, \; \sum_i x_{ij} \le c_j, \; x_{ij} \ge 0

    A transportation problem, so that whole persons and seats have a whole answer (Hoffman &
    Kruskal 1956); solved exactly by successive shortest paths. Of equal answers that one is given
    in which the persons without a seat, by demand id from first to last, are lexicographically
    least: the smaller id keeps the seat. The answer is held against its prices before it is
    returned: they prove it.

    Parameters
    ----------
    times
        Travel times from demand to all sites.
    persons
        Whole persons by demand id; points that are not named have none.
    open_sites
        Sites that are open.
    threshold
        Integer milliseconds or millimetres; at the threshold is within it.
    capacity
        Seats by site id, nullable: every open site needs a number.
    islands
        By demand as in ``times``, who is not assessed where no road leads to an open site; those
        whom none leads to any of ``open_sites`` by default.
    seated
        Persons by demand id who keep a seat before anybody else has one. Where all of them can, as
        those of a smaller threshold can within a larger one, as many are served as without this.
    shift
        By demand id, in the unit of the threshold: how much farther (below 0: nearer) than their
        impedance people are held to live where the threshold is applied; points not named: 0.

    Returns
    -------
    Allocation
        ``status`` is ``optimal``, ``bound`` the persons served, ``gap`` 0.

    Raises
    ------
    DataError
        An open site without capacity, by name; unknown sites or points; persons not whole.
    StudyError
        The threshold lies beyond the cutoff of the travel times.
    SolverError
        The answer does not keep its own proof: a fault of siting.

    Examples
    --------
    Four people and six, as near to a school with five seats; the first home alone is also in reach
    of one with three. Both lose as much by moving, so the smaller id keeps its seats.

    >>> import geopandas as gpd
    >>> from shapely import LineString, Point
    >>> from siting.network import attach, from_lines
    >>> from siting.travel_time import table
    >>> roads = gpd.GeoDataFrame({"highway": ["residential"]},
    ...                          geometry=[LineString([(0, 0), (1000, 0)])], crs=4547)
    >>> walk = from_lines(roads, mode="walk")
    >>> places = gpd.GeoSeries([Point(300, 0), Point(500, 0), Point(400, 0), Point(0, 0)],
    ...                        index=["d1", "d2", "near", "off"], crs=4547)
    >>> at = attach(walk, places, max_access_m=100, min_component_km=0)
    >>> times = table(walk, at.iloc[:2], at.iloc[2:], impedance="length", cutoff=500_000)
    >>> found = max_served(times, pd.Series({"d1": 4, "d2": 6}), open_sites=["near", "off"],
    ...                    threshold=300_000, capacity=pd.Series({"near": 5, "off": 3}))
    >>> found.table[["demand_id", "site_id", "persons"]].values.tolist()
    [['d1', 'near', 1], ['d1', 'off', 3], ['d2', 'near', 4]]
    >>> found.unserved.values.tolist()
    [['d2', 2, 'no_seat']]
    """
    seats = seats_at(capacity, open_sites)
    homes = homes_of(
        times,
        persons,
        open_sites=open_sites,
        threshold=threshold if shift is None else None,
        islands=islands,
    )
    if shift is not None:
        homes = _shifted(homes, shift, threshold, times.cutoff)
    keeps = np.zeros(len(homes.persons), np.int64)
    if seated is not None:
        order = np.argsort(np.asarray(times.demand_id, dtype=str), kind="stable")
        keeps = np.minimum(whole_persons(seated, times.demand_id)[order], homes.persons)
    flow = _seat(homes, keeps, seats)
    in_reach = np.zeros(len(homes.persons), dtype=bool)
    in_reach[homes.row] = True
    served = np.zeros(len(homes.persons), np.int64)
    np.add.at(served, homes.row, flow)
    return allocation(
        "max_served", homes, flow, np.where(in_reach, homes.persons - served, 0), proved=True
    )


def _shifted(homes: Homes, shift: pd.Series[int], threshold: int, cutoff: int) -> Homes:
    """Return homes with the pairs that are within the threshold from where people may live."""
    by = np.asarray(shift.reindex(homes.demand_id).fillna(0), dtype=np.int64)
    needed = threshold - int(by[homes.persons > 0].min(initial=0))
    if needed > cutoff:
        raise StudyError(
            f"max_served: the loose end of the threshold {threshold} looks {needed} far, beyond "
            f"the cutoff {cutoff} of the travel times. Compute them with cutoff={needed} or more."
        )
    within = is_covered(np.maximum(homes.value + by[homes.row], 0), threshold)
    return homes._replace(row=homes.row[within], site=homes.site[within], value=homes.value[within])


def _seat(homes: Homes, keeps: NDArray[np.int64], seats: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return persons by pair: those who keep a seat first, as homes of their own."""
    some = np.flatnonzero(keeps)
    indptr = np.searchsorted(homes.row, np.arange(len(homes.persons) + 1)).astype(np.int64)
    # the pairs of homes that keep seats stand twice: those who keep them come first
    others = np.flatnonzero(homes.persons > keeps)
    homes_in_order = np.concatenate([some, others])
    size = np.diff(indptr)[homes_in_order]
    start = indptr[homes_in_order]
    rows = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    pair = np.repeat(start - rows[:-1], size) + np.arange(rows[-1])
    site, cost = homes.site[pair].astype(np.int32), homes.value[pair].astype(np.int32)
    persons = np.concatenate([keeps[some], (homes.persons - keeps)[others]])
    # more than any way costs: at most every site is passed once
    penalty = (len(seats) + 2) * (int(cost.max(initial=0)) + 1)
    penalties = np.full(len(persons), penalty, np.int64)
    penalties[: len(some)] *= 2
    nearest = np.full(len(persons), penalty, np.int64)
    np.minimum.at(nearest, np.repeat(np.arange(len(persons)), size), cost)
    order = np.lexsort((np.arange(len(persons)), nearest)).astype(np.int64)
    flow, price = kernels.transport(rows, site, cost, persons, penalties, seats, order)
    _prove(np.repeat(np.arange(len(persons)), size), site, cost, persons, penalties, seats, flow,
           price)  # fmt: skip
    total = np.zeros(len(homes.row), np.int64)
    np.add.at(total, pair, flow)
    return total


def _prove(
    row: NDArray[np.int64],
    site: NDArray[np.int32],
    cost: NDArray[np.int32],
    persons: NDArray[np.int64],
    penalty: NDArray[np.int64],
    seats: NDArray[np.int64],
    flow: NDArray[np.int64],
    price: NDArray[np.int64],
) -> None:
    """Hold an answer against its prices (complementary slackness): they prove it optimal."""
    left, load = persons.copy(), np.zeros(len(seats), np.int64)
    np.subtract.at(left, row, flow)
    np.add.at(load, site, flow)
    option = cost + price[site]
    best = penalty.copy()
    np.minimum.at(best, row, option)
    kept = (
        (flow >= 0).all()
        and (left >= 0).all()
        and (load <= seats).all()
        and (price >= 0).all()
        and (price[load < seats] == 0).all()
        and (option == best[row])[flow > 0].all()
        and (best == penalty)[left > 0].all()
    )
    if not kept:
        raise SolverError(
            "max_served: the allocation does not keep its own proof. This is a fault of siting; "
            "please report it with the inputs."
        )
