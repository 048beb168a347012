"""The transportation problem: persons to seats, at least cost, by successive shortest paths."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from siting.kernels.compile import I32, I64, NEVER, compiled
from siting.kernels.flow import begin, join_pair, leave_pair, near, pop, refresh, seat


class _Back(NamedTuple):
    """What a search back from free seats reads: whence persons may come to a site."""

    start: I64  # arcs that lead to a site, in rows by site
    arc: I64
    source: I32  # by arc, the site it leads from
    first: I64  # pairs of homes with persons left without a seat, in rows by site, the cheapest
    pair: I64
    at: I64  # by site, the first of them with persons left
    left: I64  # by home, persons without a seat


@compiled
def transport(
    indptr: I64,
    site: I32,
    cost: I32,
    persons: I64,
    penalty: I64,
    seats: I64,
    order: I64,
    price: I64,
) -> Any:
    """Send persons to sites with seats at least cost, with a penalty for each left without one.

    Successive shortest paths with potentials (Busacker & Gowen 1961; Edmonds & Karp 1972), from
    prices of seats that may be anything and, where they are nearly right, leave little to do:

    1. Every home takes its cheapest option at these prices, sites as far as they have seats. All
       that is wrong are persons whose site is full, and seats that are free and have a price.
    2. These persons are seated one home after the other: each takes the cheapest way to a free
       seat, moving persons seated before from site to site where that is cheaper, or leaves one
       without a seat for each it cannot place. A free seat is taken at its price, as if somebody
       with nowhere else to go held it for as much.
    3. Seats that are still free are given away by the cheapest ways back: to persons left without
       one or to those who move on from other sites, until their price, or that of the seat that
       becomes free instead, is 0.

    After every step the answer is optimal for whom it seats and leaves out, so at the end for all.

    Only sites are searched: an arc between two is the cheapest move of one person. A site has few
    neighbours within reach, and of these few are near enough to matter, so arcs are looked at in
    the order of their cost and no farther than the way found.

    Where penalties exceed every way (``sites + 1`` times the largest cost), most persons are
    served, and of such answers one of least cost is given. Who is left without a seat is unique:
    of equally cheap ways the one that leaves the *last* home out, or takes the first one in, is
    gone, which makes the persons left out by home, first to last, lexicographically least. (One end
    of a way at most is a person without a seat, so that penalties raised by 1 ≫ ε₁ ≫ ε₂ … order
    equal ways by this alone.) Which of several sites equally good takes them follows from the order
    of homes and sites, and from the prices.

    Parameters
    ----------
    indptr, site, cost
        Pairs in compressed rows by home, ``cost`` not negative; no site twice in a row.
    persons, penalty
        By home.
    seats
        By site.
    order
        The order in which homes come: changes how long it takes (the nearest first is quick), and
        of several sites equally good which is taken, but nobody's seat.
    price
        By site, 0 or more: where to begin. As ``order``, it changes nobody's seat.

    Returns
    -------
    flow, price
        int64 persons on each pair; int64 price of a seat at each site. An answer is optimal
        exactly where such prices exist: a home uses only options (sites at cost + price, or the
        penalty) than which it has none cheaper, and sites with free seats have price 0.
    """
    town, used, arcs, now = begin(indptr, site, cost, persons, penalty, seats, bool(price.any()))
    town.price[:] = price
    waiting = np.zeros(persons.size, dtype=np.int64)
    for home in order:
        best, least = -1, penalty[home]
        for pair in range(indptr[home], indptr[home + 1]):
            option = cost[pair] + town.price[site[pair]]
            if option < least or (option == least and best < 0):
                best, least = pair, option
        if best < 0:
            town.left[home] = persons[home]
            continue
        many = min(persons[home], town.spare[site[best]])
        if many > 0:
            join_pair(used, best, many)
            town.spare[site[best]] -= many
        waiting[home] = persons[home] - many
    counted = np.zeros(persons.size, dtype=np.bool_)
    for home in order:
        if waiting[home] > 0:
            seat(home, waiting[home], counted, town, used, arcs, now)
    back = _back(indptr, site, cost, penalty, town.left, arcs)
    for j in range(seats.size):
        while town.spare[j] > 0 and town.price[j] > 0:
            _give_away(j, town, used, arcs, now, back)
    return used.flow, town.price


@compiled
def _back(indptr: I64, site: I32, cost: I32, penalty: I64, left: I64, arcs: Any) -> Any:
    """Return arcs by the site they lead to, and whom a site could take in, the cheapest first."""
    sites = arcs.start.size - 1
    source = np.empty(arcs.site.size, dtype=np.int32)
    start = np.zeros(sites + 1, dtype=np.int64)
    for j in range(sites):
        for arc in range(arcs.start[j], arcs.start[j + 1]):
            source[arc] = j
            start[arcs.site[arc] + 1] += 1
    start = np.cumsum(start)
    fill = start[:-1].copy()
    arc_in = np.empty(arcs.site.size, dtype=np.int64)
    for arc in range(arcs.site.size):
        arc_in[fill[arcs.site[arc]]] = arc
        fill[arcs.site[arc]] += 1
    first = np.zeros(sites + 1, dtype=np.int64)
    for home in range(left.size):
        if left[home] > 0:
            for pair in range(indptr[home], indptr[home + 1]):
                first[site[pair] + 1] += 1
    first = np.cumsum(first)
    fill = first[:-1].copy()
    pairs = np.empty(first[-1], dtype=np.int64)
    gain = np.empty(first[-1], dtype=np.int64)
    for home in range(left.size):
        if left[home] > 0:
            for pair in range(indptr[home], indptr[home + 1]):
                at = fill[site[pair]]
                pairs[at], gain[at] = pair, cost[pair] - penalty[home]
                fill[site[pair]] += 1
    for j in range(sites):  # by gain, then by home
        part = slice(first[j], first[j + 1])
        by_gain = np.argsort(gain[part], kind="mergesort")
        pairs[part] = pairs[part][by_gain]
    return _Back(start, arc_in, source, first, pairs, first[:-1].copy(), left)


@compiled
def _give_away(goal: int, town: Any, used: Any, arcs: Any, now: Any, back: Any) -> None:
    """Give free seats of a site with a price to the one who comes cheapest, or to nobody at 0."""
    price, site, cost, owner = town.price, used.site, used.cost, used.owner
    size, found = near(now, goal, 0, 0, 0)
    now.given[goal] = -1
    least, end, new, who = price[goal], goal, -1, -1
    while size > 0 and now.dist[now.heap[0]] <= least:
        j = now.heap[0]
        size = pop(now, size)
        here = now.dist[j] + price[j]
        while back.at[j] < back.first[j + 1] and back.left[owner[back.pair[back.at[j]]]] == 0:
            back.at[j] += 1
        if back.at[j] < back.first[j + 1]:
            pair = back.pair[back.at[j]]
            k = owner[pair]
            there = here + cost[pair] - town.penalty[k]
            if there < least or (there == least and (new < 0 or k < who)):
                least, end, new, who = there, j, pair, k
        if here < least:
            least, end, new, who = here, j, -1, -1
        for at in range(back.start[j], back.start[j + 1]):
            arc = back.arc[at]
            m = back.source[arc]
            if now.place[m] == -2 or used.head[m] < 0:
                continue
            if used.stale[m]:
                town.leave[m] = refresh(town.indptr, used, arcs, town.penalty, town.arc_of, m)
            if arcs.cost[arc] == NEVER:
                continue
            there = here + arcs.cost[arc] - price[m]
            if there < now.dist[m] and there <= least:
                now.given[m], now.taken[m] = arcs.given[arc], arcs.taken[arc]
                size, found = near(now, m, there, size, found)
    many = town.spare[goal]
    if new >= 0:
        many = min(many, back.left[owner[new]])
    at = end
    while at != goal:
        many = min(many, used.flow[now.given[at]])
        at = site[now.taken[at]]
    for n in range(found):
        j = now.seen[n]
        if now.dist[j] < least:
            price[j] -= least - now.dist[j]
    if new >= 0:
        join_pair(used, new, many)
        back.left[owner[new]] -= many
    else:
        town.spare[end] += many
    at = end
    while at != goal:
        leave_pair(used, now.given[at], many)
        join_pair(used, now.taken[at], many)
        at = site[now.taken[at]]
    town.spare[goal] -= many
    for n in range(found):
        now.dist[now.seen[n]] = NEVER
        now.place[now.seen[n]] = -1
