"""One person more, at least cost: shortest ways from site to site, moving on who has a seat."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from siting.kernels.compile import I32, I64, NEVER, compiled

STALE_KEYS = 8  # arcs looked at in vain before a site's arcs are put in order again


class _Pairs(NamedTuple):
    """Pairs in rows by home, how many go each, and those in use linked up by site."""

    site: I32
    cost: I32
    owner: I32
    flow: I64
    head: I64  # by site, the first pair in use
    before: I64
    after: I64
    stale: npt.NDArray[np.bool_]  # by site, whether its pairs in use have changed
    moved: npt.NDArray[np.bool_]  # by site, whether anybody came or went since it was filled


class _Arcs(NamedTuple):
    """What it costs to move one person from a site to another, and who that is.

    ``cost`` is the least of (pair taken − pair given up) over the homes with persons at the site.
    ``key`` is cost + price of the other site as it was; prices rise, so it is never too high.
    """

    start: I64
    site: I32
    cost: I64
    given: I64
    taken: I64
    key: I64
    order: I64  # arcs of a site by key
    vain: I64  # by site, arcs looked at in vain since they were put in order


class _Town(NamedTuple):
    """What a search reads and changes beside pairs and arcs."""

    indptr: I64
    penalty: I64
    price: I64
    spare: I64  # free seats by site
    left: I64  # persons without a seat by home
    leave: I64  # by site, the pair cheapest to leave without a seat
    arc_of: I64
    next_arc: I64


class _Search(NamedTuple):
    """One search: a heap of sites and, ``sites`` higher, of the next arcs out of settled sites."""

    dist: I64
    heap: I64
    place: I64  # in the heap; −1 outside, −2 settled
    given: I64  # the pair given up to come to a site, −1 where the new person goes there itself
    taken: I64
    seen: I64


@compiled
def begin(
    indptr: I64, site: I32, cost: I32, persons: I64, penalty: I64, seats: I64, whole: bool
) -> Any:
    """Return what a search needs, with nobody seated; arcs of full sites only, or the ``whole``."""
    sites, pairs = seats.size, site.size
    owner = np.empty(pairs, dtype=np.int32)
    for home in range(persons.size):
        owner[indptr[home] : indptr[home + 1]] = home
    used = _Pairs(
        site, cost, owner, np.zeros(pairs, dtype=np.int64),
        np.full(sites, -1, dtype=np.int64), np.full(pairs, -1, dtype=np.int64),
        np.full(pairs, -1, dtype=np.int64), np.ones(sites, dtype=np.bool_),
        np.zeros(sites, dtype=np.bool_),
    )  # fmt: skip
    may_fill = np.zeros_like(seats) if whole else seats
    start, to = _neighbours(indptr, site, persons, may_fill)
    arcs = _Arcs(
        start, to, np.full(to.size, NEVER, dtype=np.int64), np.full(to.size, -1, dtype=np.int64),
        np.full(to.size, -1, dtype=np.int64), np.full(to.size, NEVER, dtype=np.int64),
        np.arange(to.size), np.zeros(sites, dtype=np.int64),
    )  # fmt: skip
    town = _Town(
        indptr, penalty, np.zeros(sites, dtype=np.int64), seats.copy(),
        np.zeros(persons.size, dtype=np.int64),
        np.full(sites, -1, dtype=np.int64), np.full(sites, -1, dtype=np.int64),
        np.zeros(sites, dtype=np.int64),
    )  # fmt: skip
    now = _Search(
        np.full(2 * sites, NEVER, dtype=np.int64), np.empty(2 * sites, dtype=np.int64),
        np.full(2 * sites, -1, dtype=np.int64), np.full(sites, -1, dtype=np.int64),
        np.full(sites, -1, dtype=np.int64), np.empty(2 * sites, dtype=np.int64),
    )  # fmt: skip
    return town, used, arcs, now


@compiled
def fill(town: Any, used: Any, j: int, pairs: I64, flow: I64, seats: I64) -> None:
    """Empty a site, and seat there whom these pairs seat."""
    pair = used.head[j]
    while pair >= 0:
        used.flow[pair] = 0
        pair = used.after[pair]
    used.head[j] = -1
    town.spare[j] = seats[j]
    for pair in pairs:
        join_pair(used, pair, flow[pair])
        town.spare[j] -= flow[pair]
    used.stale[j] = True
    used.moved[j] = False


@compiled
def seat(home: int, left: int, counted: Any, town: Any, used: Any, arcs: Any, now: Any) -> Any:
    """Seat persons of a home, one way after another; return how many counted ones lose out."""
    indptr, penalty, price, spare = town.indptr, town.penalty, town.price, town.spare
    leave, next_arc = town.leave, town.next_arc
    site, cost, owner, start, to = used.site, used.cost, used.owner, arcs.start, arcs.site
    sites = price.size
    lost = np.int64(0)
    while left > 0:
        size = found = 0
        least, last, out = penalty[home], home, -1
        target = -1
        for pair in range(indptr[home], indptr[home + 1]):
            j = site[pair]
            if cost[pair] + price[j] <= least:
                now.given[j], now.taken[j] = -1, pair
                size, found = near(now, j, cost[pair] + price[j], size, found)
                if spare[j] > 0 and (now.dist[j] < least or target < 0 or j < target):
                    target, least = j, now.dist[j]
        while size > 0:
            node = now.heap[0]
            if now.dist[node] > least or (target >= 0 and now.dist[node] == least):
                break
            size = pop(now, size)
            if node < sites:  # settle a site
                j = node
                if used.stale[j]:
                    leave[j] = refresh(indptr, used, arcs, penalty, town.arc_of, j)
                if arcs.vain[j] > STALE_KEYS:
                    _put_in_order(arcs, price, j)
                here = now.dist[j] - price[j]
                pair = leave[j]
                if pair >= 0:
                    k = owner[pair]
                    there = here + penalty[k] - cost[pair]
                    if there < least or (there == least and target < 0 and k > last):
                        least, last, out, target = there, k, pair, -1
                next_arc[j] = start[j]
            else:  # go along the next arc out of a settled site
                j = node - sites
                here = now.dist[j] - price[j]
                arc = arcs.order[next_arc[j]]
                next_arc[j] += 1
                m = to[arc]
                there = here + arcs.cost[arc] + price[m]
                if there > now.dist[node]:
                    arcs.vain[j] += 1
                if now.place[m] != -2 and there < now.dist[m] and there <= least:
                    now.given[m], now.taken[m] = arcs.given[arc], arcs.taken[arc]
                    size, found = near(now, m, there, size, found)
                    if spare[m] > 0 and (there < least or target < 0):
                        target, least = m, there
            if next_arc[j] < start[j + 1]:
                key = arcs.key[arcs.order[next_arc[j]]]
                if key < NEVER and here + key <= least:
                    at_least = max(here + key, now.dist[node])
                    size, found = near(now, sites + j, at_least, size, found)
        # prices of the sites nearer than the end of the way
        for n in range(found):
            j = now.seen[n]
            if j < sites and now.place[j] == -2 and now.dist[j] < least:
                price[j] += least - now.dist[j]
        # how many can go that way, and move them, from its end to its beginning
        many = left
        if target >= 0:
            at, many = target, min(many, spare[target])
        elif out >= 0:
            at, many = site[out], min(many, used.flow[out])
        else:
            at = -1
        end = at
        while at >= 0 and now.given[at] >= 0:
            many = min(many, used.flow[now.given[at]])
            at = site[now.given[at]]
        if target >= 0:
            spare[target] -= many
        elif out >= 0:
            leave_pair(used, out, many)
        if target < 0:
            loser = owner[out] if out >= 0 else home
            town.left[loser] += many
            lost += many * counted[loser]
        at = end
        while at >= 0:
            join_pair(used, now.taken[at], many)
            if now.given[at] < 0:
                break
            leave_pair(used, now.given[at], many)
            at = site[now.given[at]]
        left -= many
        for n in range(found):
            now.dist[now.seen[n]] = NEVER
            now.place[now.seen[n]] = -1
    return lost


@compiled
def _neighbours(indptr: I64, site: I32, persons: I64, seats: I64) -> Any:
    """Return, by site that may be full, the sites that some home reaches beside it, in rows."""
    sites = seats.size
    wanted = np.zeros(sites, dtype=np.int64)
    first = np.zeros(sites + 1, dtype=np.int64)
    for home in range(persons.size):
        for pair in range(indptr[home], indptr[home + 1]):
            wanted[site[pair]] += persons[home]
            first[site[pair] + 1] += 1
    first = np.cumsum(first)
    fill = first[:-1].copy()
    homes = np.empty(site.size, dtype=np.int32)
    for home in range(persons.size):
        for pair in range(indptr[home], indptr[home + 1]):
            homes[fill[site[pair]]] = home
            fill[site[pair]] += 1
    start = np.zeros(sites + 1, dtype=np.int64)
    to = np.empty(16, dtype=np.int32)
    mark = np.full(sites, -1, dtype=np.int32)
    size = 0
    for j in range(sites):
        if wanted[j] >= seats[j]:
            mark[j] = j
            for at in range(first[j], first[j + 1]):
                for pair in range(indptr[homes[at]], indptr[homes[at] + 1]):
                    m = site[pair]
                    if mark[m] != j:
                        mark[m] = j
                        if size == to.size:
                            longer = np.empty(2 * size, dtype=np.int32)
                            longer[:size] = to
                            to = longer
                        to[size] = m
                        size += 1
        start[j + 1] = size
    return start, to[:size].copy()


@compiled
def refresh(indptr: I64, used: Any, arcs: Any, penalty: I64, arc_of: I64, j: int) -> Any:
    """Work out the arcs of a site anew; return the pair cheapest to leave without a seat."""
    for arc in range(arcs.start[j], arcs.start[j + 1]):
        arc_of[arcs.site[arc]] = arc
        arcs.cost[arc] = NEVER
    leave = np.int64(-1)
    least = NEVER
    pair = used.head[j]
    while pair >= 0:
        k = used.owner[pair]
        for other in range(indptr[k], indptr[k + 1]):
            if other != pair:
                arc = arc_of[used.site[other]]
                more = np.int64(used.cost[other]) - used.cost[pair]
                if more < arcs.cost[arc]:
                    arcs.cost[arc] = more
                    arcs.given[arc], arcs.taken[arc] = pair, other
        more = penalty[k] - used.cost[pair]
        if more < least or (more == least and k > used.owner[leave]):
            least, leave = more, pair
        pair = used.after[pair]
    used.stale[j] = False
    arcs.vain[j] = STALE_KEYS + 1
    return leave


@compiled
def _put_in_order(arcs: Any, price: I64, j: int) -> None:
    """Sort the arcs of a site by cost and present price; they are nearly in order already."""
    first = arcs.start[j]
    for arc in range(first, arcs.start[j + 1]):
        known = arcs.cost[arc] < NEVER
        arcs.key[arc] = arcs.cost[arc] + price[arcs.site[arc]] if known else NEVER
    for at in range(first + 1, arcs.start[j + 1]):
        arc = arcs.order[at]
        while at > first and arcs.key[arcs.order[at - 1]] > arcs.key[arc]:
            arcs.order[at] = arcs.order[at - 1]
            at -= 1
        arcs.order[at] = arc
    arcs.vain[j] = 0


@compiled
def join_pair(used: Any, pair: int, many: int) -> None:
    """Put persons on a pair, and the pair in use where none was on it."""
    if used.flow[pair] == 0:
        j = used.site[pair]
        first = used.head[j]
        used.before[pair], used.after[pair] = -1, first
        if first >= 0:
            used.before[first] = pair
        used.head[j] = pair
        used.stale[j] = True
    used.moved[used.site[pair]] = True
    used.flow[pair] += many


@compiled
def leave_pair(used: Any, pair: int, many: int) -> None:
    """Take persons off a pair, and the pair out of use where none is left."""
    used.moved[used.site[pair]] = True
    used.flow[pair] -= many
    if used.flow[pair] == 0:
        before, after = used.before[pair], used.after[pair]
        if before >= 0:
            used.after[before] = after
        else:
            used.head[used.site[pair]] = after
        if after >= 0:
            used.before[after] = before
        used.stale[used.site[pair]] = True


@compiled
def near(now: Any, node: int, dist: int, size: int, found: int) -> Any:
    """Put a node into the heap, or move it up, at its new distance; return both sizes."""
    if now.dist[node] == NEVER:
        now.seen[found] = node
        found += 1
    now.dist[node] = dist
    at = now.place[node]
    if at < 0:
        at = size
        size += 1
    while at > 0:
        up = (at - 1) // 2
        other = now.heap[up]
        if now.dist[other] < dist or (now.dist[other] == dist and other < node):
            break
        now.heap[at] = other
        now.place[other] = at
        at = up
    now.heap[at] = node
    now.place[node] = at
    return size, found


@compiled
def pop(now: Any, size: int) -> int:
    """Take the first node off the heap; return its new size."""
    now.place[now.heap[0]] = -2
    size -= 1
    if size == 0:
        return size
    node = now.heap[size]
    dist = now.dist[node]
    at = 0
    while 2 * at + 1 < size:
        down = 2 * at + 1
        other = now.heap[down]
        if down + 1 < size:
            right = now.heap[down + 1]
            if now.dist[right] < now.dist[other] or (
                now.dist[right] == now.dist[other] and right < other
            ):
                down, other = down + 1, right
        if dist < now.dist[other] or (dist == now.dist[other] and node < other):
            break
        now.heap[at] = other
        now.place[other] = at
        at = down
    now.heap[at] = node
    now.place[node] = at
    return size
