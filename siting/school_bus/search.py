"""Savings and local improvement over matrices: which stops share a bus, in which order.

A *visit* is a number of pupils at a stop who board one bus; a route is a list of visits, driven in
order, ending at the school. Nothing here knows of roads, ids or tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Route = list[int]

FAR = np.int64(2**48)
"""Stands for "no way" in sums of times: thousands of them stay within 64 bits."""
SHAPES = (100, 80, 120)
"""Savings are tried with these shapes, and the cheapest result kept."""
CHAIN = 3
"""Longest run of visits that is moved as one."""


@dataclass(frozen=True, eq=False)
class Trips:
    """What routes are made of.

    Attributes
    ----------
    ms
        int64 (n + 1, n + 1), driving from visit to visit; row and column n are the school. The row
        of the school is what a bus costs before its first visit; ``FAR`` where there is no way.
    load, dwell
        int64 (n): pupils, and milliseconds the bus stands.
    seats
        Pupils a bus takes.
    longest
        Milliseconds from the arrival at the first visit to the arrival at the school, at most.
    """

    ms: I64
    load: I64
    dwell: I64
    seats: int
    longest: int

    @property
    def school(self) -> int:
        """Position of the school."""
        return len(self.load)

    def cost(self, routes: list[Route]) -> int:
        """Return the driving of all routes, with what each bus costs."""
        return sum(
            int(self.ms[[self.school, *route], [*route, self.school]].sum()) for route in routes
        )

    def duration(self, route: Route) -> int:
        """Return the time from the first arrival to the school."""
        driving = int(self.ms[route, [*route[1:], self.school]].sum())
        return driving + int(self.dwell[route].sum())

    def allows(self, route: Route) -> bool:
        """Whether the seats suffice and the first to board is not too long aboard."""
        return int(self.load[route].sum()) <= self.seats and self.duration(route) <= self.longest


def planned(trips: Trips) -> list[Route]:
    """Return the cheapest of the improved savings routes (ties: the first of ``SHAPES``).

    A visit that fills its bus so far that no other fits shares one in no plan: it gets a route of
    its own, and the search is about the others.
    """
    if not trips.school:
        return []
    alone = trips.load + trips.load.min() > trips.seats
    others = np.flatnonzero(~alone)
    routes: list[Route] = [[i] for i in np.flatnonzero(alone).tolist()]
    if others.size:
        at = np.append(others, trips.school)
        part = replace(
            trips, ms=trips.ms[np.ix_(at, at)], load=trips.load[others], dwell=trips.dwell[others]
        )
        found = (improved(part, savings(part, shape)) for shape in SHAPES)
        routes += [others[route].tolist() for route in min(found, key=part.cost)]
    return _in_order(routes)


def savings(trips: Trips, shape: int = 100) -> list[Route]:
    """Return routes by the parallel savings method of Clarke and Wright (1964), for open routes.

    Every visit starts with a bus of its own. Joining a route that ends at ``i`` to one that begins
    at ``j`` saves ``t(i, school) + t(start, j) − shape/100 · t(i, j)``, with ``shape`` as in Yellow
    (1970): above 100 it shuns long ways between stops, below 100 it joins what lies farther apart.
    Pairs are taken by falling saving (ties: smallest ``i``, then ``j``) while they save anything
    and the joint route is allowed.
    """
    n = trips.school
    ms = trips.ms
    saved = 100 * (ms[:n, n][:, None] + ms[n, :n][None, :]) - shape * ms[:n, :n]
    np.fill_diagonal(saved, -1)
    first, then = np.nonzero(saved > 0)
    order = np.lexsort((then, first, -saved[first, then]))
    route_of = list(range(n))
    routes: list[Route] = [[i] for i in range(n)]
    load = trips.load.tolist()
    took = [trips.duration([i]) for i in range(n)]
    to_school = ms[:n, n].tolist()
    between = ms[:n, :n]
    for i, j in zip(first[order].tolist(), then[order].tolist(), strict=True):
        a, b = route_of[i], route_of[j]
        if a == b or routes[a][-1] != i or routes[b][0] != j:
            continue
        together = took[a] - to_school[i] + int(between[i, j]) + took[b]
        if load[a] + load[b] > trips.seats or together > trips.longest:
            continue
        for visit in routes[b]:
            route_of[visit] = a
        routes[a] += routes[b]
        routes[b] = []
        load[a] += load[b]
        took[a] = together
    return [route for route in routes if route]


def improved(trips: Trips, routes: list[Route]) -> list[Route]:
    """Return routes that no single move makes cheaper.

    Moves: a run of up to ``CHAIN`` visits to another place of its own or another route; the tails
    of two routes exchanged (2-opt*); two visits exchanged; a stretch of one route reversed (its
    times recomputed in the new direction). Of the first kind that gains, the best allowed move is
    made (ties: the first in the order of visits), until none gains. Costs are integers and fall
    with every move, so the search ends.
    """
    current = _in_order(routes)
    while True:
        state = _State(trips, current)
        for kind in (_chains, _tails, _swaps, _turns):
            gain, rewritten = kind(state)
            if gain < 0:
                break
        else:
            return current
        current = _in_order(rewritten.get(at, route) for at, route in enumerate(current))


def _in_order(routes: Iterable[Route]) -> list[Route]:
    """Return the routes that are not empty, by first visit."""
    return sorted((list(route) for route in routes if route), key=lambda route: route[0])


class _State:
    """Routes as arrays over visits: neighbours, loads and times before and after."""

    def __init__(self, trips: Trips, routes: list[Route]) -> None:
        n = trips.school
        self.trips, self.routes = trips, routes
        self.before = np.full(n, n)
        self.after = np.full(n, n)
        self.route = np.empty(n, dtype=np.int64)
        self.place = np.empty(n, dtype=np.int64)
        self.load_to = np.empty(n, dtype=np.int64)  # pupils aboard after the visit
        self.ms_to = np.empty(n, dtype=np.int64)  # from the first arrival to the end of the visit
        self.took = np.empty(len(routes), dtype=np.int64)
        self.carried = np.empty(len(routes), dtype=np.int64)
        for number, route in enumerate(routes):
            at = np.array(route)
            self.route[at], self.place[at] = number, np.arange(len(at))
            self.before[at[1:]], self.after[at[:-1]] = at[:-1], at[1:]
            self.load_to[at] = np.cumsum(trips.load[at])
            legs = np.concatenate([[0], trips.ms[at[:-1], at[1:]]])
            self.ms_to[at] = np.cumsum(legs + trips.dwell[at])
            self.took[number] = self.ms_to[at[-1]] + trips.ms[at[-1], n]
            self.carried[number] = self.load_to[at[-1]]


Move = tuple[int, dict[int, Route]]
"""What a move adds to the cost, and the routes it rewrites, by number."""
NO_MOVE: Move = (0, {})


def _best(gain: I64, allowed: Bool) -> tuple[int, tuple[int, ...]]:
    """Return the least gain (0 where none is negative) and where it first stands."""
    masked = np.where(allowed, gain, 0)
    at = int(np.argmin(masked))
    return int(masked.flat[at]), tuple(int(i) for i in np.unravel_index(at, gain.shape))


def _tails(s: _State) -> Move:
    """Exchange the tails of two routes: after ``i`` comes what came from ``j`` on, and conversely.

    ``i`` may also be the start of a route: then its whole route follows what came before ``j``.
    """
    t, n = s.trips, s.trips.school
    starts = np.array([route[0] for route in s.routes])
    # heads: every visit, then the (empty) start of every route
    head = np.concatenate([np.arange(n), np.full(len(starts), n)])
    head_route = np.concatenate([s.route, np.arange(len(starts))])
    tail = np.concatenate([s.after, starts])
    load = np.concatenate([s.load_to, np.zeros(len(starts), np.int64)])
    spent = np.concatenate([s.ms_to, np.zeros(len(starts), np.int64)])
    old = t.ms[head, tail]
    rest_load = s.carried[head_route] - load
    # time from the arrival at the tail to the school; 0 where the tail is the school itself
    leg = np.where(head < n, old, 0)
    rest_ms = s.took[head_route] - spent - leg
    new = t.ms[np.ix_(head, tail)]
    gain = new + new.T - old[:, None] - old[None, :]
    carried = load[:, None] + rest_load[None, :]
    driven = spent[:, None] + np.where(head[:, None] < n, new, 0) + rest_ms[None, :]
    fits = (carried <= t.seats) & (driven <= t.longest)
    fits |= (head[:, None] == n) & (tail[None, :] == n)
    allowed = fits & fits.T & (head_route[:, None] != head_route[None, :])
    allowed &= np.arange(len(head))[:, None] < np.arange(len(head))[None, :]
    value, (a, b) = _best(gain, allowed)
    if value >= 0:
        return NO_MOVE
    ra, rb = int(head_route[a]), int(head_route[b])
    cut_a = int(s.place[head[a]]) + 1 if head[a] < n else 0
    cut_b = int(s.place[head[b]]) + 1 if head[b] < n else 0
    one, two = s.routes[ra], s.routes[rb]
    return value, {ra: one[:cut_a] + two[cut_b:], rb: two[:cut_b] + one[cut_a:]}


def _chains(s: _State) -> Move:
    """Move a run of visits to between ``p`` and what follows it (or before a route's first)."""
    t, n = s.trips, s.trips.school
    starts = np.array([route[0] for route in s.routes])
    into = np.concatenate([np.arange(n), np.full(len(starts), n)])
    into_route = np.concatenate([s.route, np.arange(len(starts))])
    into_place = np.concatenate([s.place, np.full(len(starts), -1)])
    follows = np.concatenate([s.after, starts])
    gap = t.ms[into, follows]
    leg = np.where(into < n, gap, 0)
    best = NO_MOVE
    for size in range(1, CHAIN + 1):
        runs = [
            (route[k], route[k + size - 1])
            for route in s.routes
            for k in range(len(route) - size + 1)
        ]
        if not runs:
            break
        first, last = (np.array(part) for part in zip(*runs, strict=True))
        before, after = s.before[first], s.after[last]
        start = s.place[first]
        removal = t.ms[before, after] - t.ms[before, first] - t.ms[last, after]
        enters = t.ms[np.ix_(into, first)].T
        leaves = t.ms[np.ix_(last, follows)]
        gain = removal[:, None] + enters + leaves - gap[None, :]
        same = s.route[first][:, None] == into_route[None, :]
        inside = same & (into_place[None, :] >= start[:, None] - 1)
        inside &= into_place[None, :] <= start[:, None] + size - 1
        carries = s.load_to[last] - s.load_to[first] + t.load[first]
        # what the run itself takes: its visits and the legs between them
        takes = s.ms_to[last] - s.ms_to[first] + t.dwell[first]
        longer = np.where(into[None, :] < n, enters, 0) + takes[:, None] + leaves - leg[None, :]
        fits = s.carried[into_route][None, :] + carries[:, None] <= t.seats
        fits &= s.took[into_route][None, :] + longer <= t.longest
        # within one route: what is taken out, less what the closed gap costs
        closed = np.where((before < n), t.ms[before, after], 0) - np.where(
            before < n, t.ms[before, first], 0
        ) - t.ms[last, after]  # fmt: skip
        own = s.took[s.route[first]] + closed - takes
        fits = np.where(same, own[:, None] + longer <= t.longest, fits)
        # a route that loses visits only gets shorter where times keep the triangle law; look
        fits &= same | (own[:, None] <= t.longest)
        value, (a, b) = _best(gain, fits & ~inside)
        if value < best[0]:
            best = value, _moved(s, int(first[a]), size, int(into_route[b]), int(into_place[b]))
    return best


def _moved(s: _State, first: int, size: int, to: int, place: int) -> dict[int, Route]:
    """Return the move of a run to after ``place`` of route ``to``."""
    number, start = int(s.route[first]), int(s.place[first])
    route = s.routes[number]
    run, rest = route[start : start + size], route[:start] + route[start + size :]
    if to != number:
        other = s.routes[to]
        return {number: rest, to: other[: place + 1] + run + other[place + 1 :]}
    cut = place + 1 if place < start else place + 1 - size
    return {number: rest[:cut] + run + rest[cut:]}


def _swaps(s: _State) -> Move:
    """Exchange two visits of different routes."""
    t, n = s.trips, s.trips.school
    before, after = s.before, s.after
    every = np.arange(n)
    old = t.ms[before, every] + t.ms[every, after]
    # row i: what visit j costs in the place of visit i
    new = t.ms[np.ix_(before, every)] + t.ms[np.ix_(every, after)].T
    gain = new + new.T - old[:, None] - old[None, :]
    new_leg = np.where(before[:, None] < n, t.ms[np.ix_(before, every)], 0)
    new_leg = new_leg + t.ms[np.ix_(every, after)].T + t.dwell[None, :]
    old_leg = np.where(before < n, t.ms[before, every], 0) + t.ms[every, after] + t.dwell
    fits = s.took[s.route][:, None] - old_leg[:, None] + new_leg <= t.longest
    fits &= s.carried[s.route][:, None] - t.load[:, None] + t.load[None, :] <= t.seats
    allowed = fits & fits.T & (s.route[:, None] != s.route[None, :])
    allowed &= every[:, None] < every[None, :]
    value, (a, b) = _best(gain, allowed)
    if value >= 0:
        return NO_MOVE
    ra, rb = int(s.route[a]), int(s.route[b])
    one, two = list(s.routes[ra]), list(s.routes[rb])
    one[int(s.place[a])], two[int(s.place[b])] = b, a
    return value, {ra: one, rb: two}


def _turns(s: _State) -> Move:
    """Reverse a stretch of one route."""
    t, n = s.trips, s.trips.school
    best = NO_MOVE
    for number, route in enumerate(s.routes):
        if len(route) < 2:
            continue
        at = np.array(route)
        onward = np.concatenate([[0], np.cumsum(t.ms[at[:-1], at[1:]])])
        back = np.concatenate([[0], np.cumsum(t.ms[at[1:], at[:-1]])])
        prior, later = s.before[at], s.after[at]
        enter, leave = t.ms[prior, at], t.ms[at, later]
        within = (back - onward)[None, :] - (back - onward)[:, None]
        enters, leaves = t.ms[np.ix_(prior, at)], t.ms[np.ix_(at, later)]
        gain = enters - enter[:, None] + leaves - leave[None, :] + within
        free = prior == n
        change = np.where(free[:, None], 0, enters - enter[:, None])
        driven = s.took[number] + change + leaves - leave[None, :] + within
        place = np.arange(len(at))
        allowed = (place[:, None] < place[None, :]) & (driven <= t.longest)
        value, (a, b) = _best(gain, allowed)
        if value < best[0]:
            turned = route[:a] + route[a : b + 1][::-1] + route[b + 1 :]
            best = value, {number: turned}
    return best
