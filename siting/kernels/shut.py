"""From the best seating of persons to that without each site: who loses a seat."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from siting.kernels.compile import I32, I64, NEVER, compiled
from siting.kernels.flow import STALE_KEYS, begin, fill, join_pair, leave_pair, refresh, seat

NOBODY, SOME, EVERYBODY = 0, 1, 2
"""Who is counted among the homes that are joined to a site by sites they can choose among."""

SHUT = NEVER // 4  # price of a seat at a site that is shut: more than any penalty


@compiled
def without_each(
    indptr: I64,
    site: I32,
    cost: I32,
    persons: I64,
    penalty: I64,
    seats: I64,
    flow: I64,
    price: I64,
    counted: npt.NDArray[np.bool_],
    whose: npt.NDArray[np.int8],
    first: int,
    last: int,
) -> Any:
    """Return how many persons lose their seat if a site alone shuts, for sites first … last − 1.

    The persons of the site leave, and what is left is the best seating of the others without it, by
    the same prices. Then they come back.

    First only as many as can be are seated, nearer or farther (a largest flow, Ford & Fulkerson
    1956, by the ways with fewest sites). Where all find a seat, or everybody joined to the site is
    counted, that is the answer. Else it matters *who* is left out: they come back one home after
    the other as in :func:`siting.kernels.transport`. Nobody who had no seat gets one by that, so
    that the persons left without one on the way, and no others, have lost theirs:
    served(all) − served(without it), person by person. Afterwards the sites that somebody came to
    or went from are filled again as they were.

    Parameters
    ----------
    indptr, site, cost, persons, penalty, seats
        As in :func:`siting.kernels.transport`.
    flow, price
        Its answer.
    counted
        By home, whose persons are counted.
    whose
        By site, :data:`NOBODY`, :data:`SOME` or :data:`EVERYBODY`.
    first, last
        Which sites.

    Returns
    -------
    lost
        int64 by site, of ``counted`` homes.
    """
    sites = seats.size
    town, used, arcs, now = begin(indptr, site, cost, persons, penalty, seats, False)
    town.price[:] = price
    start = np.zeros(sites + 1, dtype=np.int64)
    for pair in range(site.size):
        if flow[pair] > 0:
            start[site[pair] + 1] += 1
    start = np.cumsum(start)
    free = start[:-1].copy()
    pairs = np.empty(start[-1], dtype=np.int64)
    for pair in range(site.size):
        if flow[pair] > 0:
            pairs[free[site[pair]]] = pair
            free[site[pair]] += 1
    for j in range(sites):
        fill(town, used, j, pairs[start[j] : start[j + 1]], flow, seats)
    lost = np.zeros(last - first, dtype=np.int64)
    seen = np.zeros(sites, dtype=np.int64)
    turn: Any = np.int64(0)
    for j in range(first, last):
        if whose[j] == NOBODY:
            continue
        mine = pairs[start[j] : start[j + 1]]
        for step in range(2):
            fill(town, used, j, mine[:0], flow, seats)
            used.moved[j] = True
            town.spare[j] = 0
            left = np.int64(0)
            if step == 0:
                seen[:] = 0
                seen[j] = NEVER  # whence no way leads to a free seat
                turn = np.int64(0)
                for pair in mine:
                    stay, turn = _find_room(
                        used.owner[pair], flow[pair], seen, turn, town, used, arcs, now
                    )
                    left += stay
            else:
                town.price[j] = SHUT
                for pair in mine:
                    left += seat(used.owner[pair], flow[pair], counted, town, used, arcs, now)
                town.price[:] = price
                arcs.vain[:] = STALE_KEYS + 1  # their keys are of higher prices
            for k in range(sites):
                if used.moved[k]:
                    fill(town, used, k, pairs[start[k] : start[k + 1]], flow, seats)
            lost[j - first] = left
            if left == 0 or whose[j] == EVERYBODY:
                break
    return lost


@compiled
def _find_room(
    home: int, left: int, seen: I64, turn: int, town: Any, used: Any, arcs: Any, now: Any
) -> Any:
    """Seat persons of a home by ways with fewest sites; return how many stay, and the last turn.

    Sites searched in vain are marked: no way leads from there to a free seat, nor will one.
    """
    site, queue = used.site, now.seen
    while left > 0:
        turn += 1
        tail = 0
        for pair in range(town.indptr[home], town.indptr[home + 1]):
            j = site[pair]
            if seen[j] < turn:
                seen[j] = turn
                now.given[j], now.taken[j] = -1, pair
                queue[tail] = j
                tail += 1
        at, head = -1, 0
        while head < tail:
            j = queue[head]
            head += 1
            if town.spare[j] > 0:
                at = j
                break
            if used.stale[j]:
                town.leave[j] = refresh(town.indptr, used, arcs, town.penalty, town.arc_of, j)
            for arc in range(arcs.start[j], arcs.start[j + 1]):
                m = arcs.site[arc]
                if arcs.cost[arc] < NEVER and seen[m] < turn:
                    seen[m] = turn
                    now.given[m], now.taken[m] = arcs.given[arc], arcs.taken[arc]
                    queue[tail] = m
                    tail += 1
        if at < 0:
            for n in range(tail):
                seen[queue[n]] = NEVER
            break
        many, end = min(left, town.spare[at]), at
        while now.given[at] >= 0:
            many = min(many, used.flow[now.given[at]])
            at = site[now.given[at]]
        town.spare[end] -= many
        at = end
        while True:
            join_pair(used, now.taken[at], many)
            if now.given[at] < 0:
                break
            leave_pair(used, now.given[at], many)
            at = site[now.given[at]]
        left -= many
    return left, turn
