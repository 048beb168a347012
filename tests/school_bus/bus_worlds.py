"""Made-up driving times, and a checker and an exhaustive search that share no code with siting."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from hypothesis import strategies as st

from siting.travel_time import TravelTimes

SCHOOL = "school"


def times_of(
    matrix: Any,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    impedance: Any = "time",
    cutoff: int = 10**9,
) -> TravelTimes:
    """Return a table of these times; −1 where there is no way."""
    values = np.array(matrix, dtype=np.int64).reshape(len(rows), len(columns))
    order = np.argsort(np.array(columns, dtype=object))
    values, names = values[:, order], [columns[i] for i in order]
    pairs = [
        sorted((int(v), at) for at, v in enumerate(line) if 0 <= v <= cutoff) for line in values
    ]
    n = len(rows)
    return TravelTimes(
        mode="drive",
        impedance=impedance,
        cutoff=cutoff,
        k=0,
        demand_id=np.array(rows, dtype=object),
        site_id=np.array(names, dtype=object),
        indptr=np.concatenate([[0], np.cumsum([len(p) for p in pairs])]).astype(np.int64),
        site=np.array([at for p in pairs for _, at in p], dtype=np.int32),
        value=np.array([v for p in pairs for v, _ in p], dtype=np.int32),
        access=np.zeros(n, dtype=np.int64),
        attached=np.ones(n, dtype=np.bool_),
        component=np.zeros(n, dtype=np.int32),
        site_components=tuple((0,) for _ in names),
        reach_class=np.arange(n, dtype=np.int32),
        reachable=values >= 0,
    )


class World:
    """Stops in a directed network of driving times that keep the triangle law."""

    def __init__(self, graph: nx.DiGraph, stops: list[str], pupils: list[int]) -> None:
        self.graph, self.stops = graph, stops
        self.boarding = pd.Series(pupils, index=stops, dtype="int64")
        far = dict(nx.all_pairs_dijkstra_path_length(graph))
        self.ms = {(a, b): far[a].get(b, -1) for a in stops for b in [*stops, SCHOOL]}
        self.between = times_of([[self.ms[a, b] for b in stops] for a in stops], stops, stops)
        self.to_school = times_of([[self.ms[a, SCHOOL]] for a in stops], stops, [SCHOOL])

    def but(self, stop: str, pupils: float, *, again: bool = False) -> World:
        """Return this world with other pupils at a stop, or with a second row for it."""
        other = copy.copy(self)
        row = pd.Series({stop: pupils})
        rest = self.boarding if again else self.boarding.drop(stop)
        other.boarding = pd.concat([rest, row])
        return other


@st.composite
def worlds(draw: st.DrawFn, most: int = 6) -> World:
    """A small one-way network, possibly with stops from which no road leads to the school."""
    n = draw(st.integers(1, most))
    stops = [f"B{i}" for i in range(n)]
    places = [*stops, SCHOOL, "x", "y"]
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(places)
    for a, b in itertools.permutations(places, 2):
        if draw(st.integers(0, 2)):
            graph.add_edge(a, b, weight=draw(st.integers(0, 300_000)))
    return World(graph, stops, draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)))


def random_world(seed: int, n: int, *, sparse: bool = True) -> World:
    """Stops on a plane of streets, some one-way, around a school in the middle."""
    rng = np.random.default_rng(seed)
    side = max(4, int(np.ceil(np.sqrt(3 * n))))
    graph: nx.DiGraph = nx.DiGraph()
    for x, y in itertools.product(range(side), repeat=2):
        for u, v in ((x + 1, y), (x, y + 1)):
            if u < side and v < side:
                ms = int(rng.integers(20_000, 90_000))
                way = rng.integers(0, 6) if sparse else 5
                if way != 0:
                    graph.add_edge((x, y), (u, v), weight=ms)
                if way != 1:
                    graph.add_edge((u, v), (x, y), weight=int(ms * rng.uniform(1, 1.3)))
    spots = [p for p in sorted(graph.nodes) if p != (side // 2, side // 2)]
    chosen = rng.choice(len(spots), size=n, replace=False)
    names = {spots[int(at)]: f"B{i:03d}" for i, at in enumerate(chosen)}
    names[side // 2, side // 2] = SCHOOL
    graph = nx.relabel_nodes(graph, names)
    return World(graph, [f"B{i:03d}" for i in range(n)], rng.integers(1, 9, size=n).tolist())


def partitions(items: Sequence[Any]) -> Iterator[list[list[Any]]]:
    """Yield every way to part the items into groups."""
    if not items:
        yield []
        return
    for part in partitions(items[1:]):
        for at in range(len(part)):
            yield [*part[:at], [items[0], *part[at]], *part[at + 1 :]]
        yield [[items[0]], *part]


def least_driving(
    world: World, stops: Sequence[str], *, seats: int, dwell: int, board: int, longest: int
) -> int | None:
    """Try every partition and every order of whole stops; None where nothing is allowed."""
    best: dict[frozenset[str], int | None] = {}

    def ride(group: Sequence[str]) -> int | None:
        key = frozenset(group)
        if key not in best:
            found = None
            if int(world.boarding[list(group)].sum()) <= seats:
                stands = sum(dwell + board * int(world.boarding[s]) for s in group)
                for order in itertools.permutations(sorted(group)):
                    legs = [world.ms[a, b] for a, b in itertools.pairwise([*order, SCHOOL])]
                    if min(legs) >= 0 and sum(legs) + stands <= longest:
                        found = sum(legs) if found is None else min(found, sum(legs))
            best[key] = found
        return best[key]

    answer = None
    for parts in partitions(list(stops)):
        rides = [ride(group) for group in parts]
        if None not in rides:
            total = sum(r for r in rides if r is not None)
            answer = total if answer is None else min(answer, total)
    return answer


def check(
    world: World,
    found: Any,
    *,
    seats: int,
    dwell: int,
    board: int,
    longest: int | None,
    buses: int | None,
) -> None:
    """Recompute every time of the result from the network itself, and hold it to every law."""
    table = found.routes
    for _, route in table.groupby("route_id"):
        rows = route.to_dict("records")
        assert [r["order"] for r in rows] == list(range(1, len(rows) + 1))
        clock = load = 0
        follows = [r["stop_id"] for r in rows[1:]] + [SCHOOL]
        arrivals = []
        for row, after in zip(rows, follows, strict=True):
            assert row["boarding"] > 0
            assert row["arrival_ms"] == clock
            arrivals.append(clock)
            load += row["boarding"]
            assert row["load"] == load <= seats
            assert row["dwell_ms"] == dwell + board * row["boarding"]
            leg = nx.dijkstra_path_length(world.graph, row["stop_id"], after)
            assert row["leg_ms"] == leg
            clock += row["dwell_ms"] + leg
        assert [r["ride_ms"] for r in rows] == [clock - a for a in arrivals]
        assert longest is None or clock <= longest
    if buses is not None:
        assert found.buses <= buses
    carried = table.groupby("stop_id")["boarding"].sum()
    left = found.unserved.groupby("stop_id")["persons"].sum()
    for stop, persons in world.boarding.items():
        assert carried.get(stop, 0) + left.get(stop, 0) == persons
    for row in found.unserved.to_dict("records"):
        direct = world.ms[row["stop_id"], SCHOOL]
        if row["why"] == "unreachable":
            assert not nx.has_path(world.graph, row["stop_id"], SCHOOL)
        elif row["why"] == "too_far":
            assert longest is not None
            assert direct + dwell + board > longest
        else:
            assert row["why"] == "no_seat"
            assert buses is not None
    assert found.drive_ms == table["leg_ms"].sum()
