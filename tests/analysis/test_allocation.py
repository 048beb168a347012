"""Allocation: max_served against networkx, brute force and linear programming, and its laws."""

from __future__ import annotations

import itertools
import random as chance
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from builders import times_from
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from siting import allocation, kernels
from siting.allocation import Allocation
from siting.allocation.transport import Problem, prove
from siting.errors import DataError, StudyError
from siting.travel_time import TravelTimes

World = tuple[pd.DataFrame, pd.Series, pd.Series]  # matrix, persons, seats


@st.composite
def worlds(
    draw: st.DrawFn, *, homes: int = 7, sites: int = 4, persons: int = 6, seats: int = 9
) -> World:
    """Few different impedances, so that nearly everything ties."""
    n, s = draw(st.integers(1, homes)), draw(st.integers(1, sites))
    cell = st.integers(-1, 5)
    ids = draw(st.permutations([f"D{i}" for i in range(n)]))
    matrix = pd.DataFrame(
        [[draw(cell) for _ in range(s)] for _ in range(n)],
        index=ids, columns=[f"S{j}" for j in range(s)],
    )  # fmt: skip
    people = pd.Series([draw(st.integers(0, persons)) for _ in range(n)], index=ids)
    room = pd.Series([draw(st.integers(0, seats)) for _ in range(s)], index=list(matrix.columns))
    return matrix, people, room


def seated(world: World, threshold: int, **changes: Any) -> Allocation:
    matrix, people, room = world
    return allocation.max_served(
        times_from(matrix), people,
        **{"open_sites": list(room.index), "capacity": room, "threshold": threshold} | changes,
    )  # fmt: skip


def person_time(found: Allocation) -> int:
    return int((found.table["persons"] * found.table["impedance"]).sum())


def left_out(found: Allocation, why: str = "no_seat") -> dict[str, int]:
    rows = found.unserved[found.unserved["why"] == why]
    return dict(zip(rows["demand_id"], rows["persons"], strict=True))


@settings(max_examples=30)
@given(worlds(), st.integers(0, 5))
def test_as_many_as_the_largest_flow_at_its_least_person_time(world: World, limit: int) -> None:
    matrix, people, room = world
    graph = nx.DiGraph()
    graph.add_nodes_from(["from", "to"])
    for home, n in people.items():
        graph.add_edge("from", home, capacity=int(n), weight=0)
        for site, value in matrix.loc[home].items():
            if 0 <= value <= limit:
                graph.add_edge(home, site, weight=int(value))
    for site, n in room.items():
        graph.add_edge(site, "to", capacity=int(n), weight=0)
    flow = nx.max_flow_min_cost(graph, "from", "to")
    found = seated(world, limit)
    assert found.served == sum(flow["from"].values()) == found.bound
    assert person_time(found) == nx.cost_of_flow(graph, flow)
    assert (found.status, found.gap) == ("optimal", 0.0)


def answers(world: World, limit: int) -> list[tuple[int, int, tuple[int, ...]]]:
    """Every way to seat people: persons left out, person-time, and who is left out, by id."""
    matrix, people, room = world
    homes, sites = sorted(matrix.index), list(matrix.columns)
    each = []
    for home in homes:
        most = [
            min(people[home], room[s]) if 0 <= matrix.loc[home, s] <= limit else 0 for s in sites
        ]
        ways = itertools.product(*(range(m + 1) for m in most))
        each.append([w for w in ways if sum(w) <= people[home]])
    found = []
    for ways in itertools.product(*each):
        if all(sum(w[j] for w in ways) <= room[s] for j, s in enumerate(sites)):
            left = tuple(
                int(people[h]) - sum(w) if (matrix.loc[h].between(0, limit)).any() else 0
                for h, w in zip(homes, ways, strict=True)
            )
            spent = sum(
                w[j] * int(matrix.loc[h, s])
                for h, w in zip(homes, ways, strict=True)
                for j, s in enumerate(sites)
            )
            found.append((sum(left), spent, left))
    return found


@settings(max_examples=40)
@given(worlds(homes=4, sites=3, persons=2, seats=3), st.integers(1, 5))
def test_of_equal_answers_the_smaller_id_keeps_the_seat(world: World, limit: int) -> None:
    _, spent, left = min(answers(world, limit))
    found = seated(world, limit)
    lost = left_out(found)
    assert tuple(lost.get(home, 0) for home in sorted(world[0].index)) == left
    assert person_time(found) == spent


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.2])
def test_a_crowded_town_equals_linear_programming(seed: int, ratio: float) -> None:
    """Long ways through many full sites: prices, orders and heaps all at work."""
    g = np.random.default_rng(seed)
    n, s = 400, 15
    home, site = g.integers(0, 60, (n, 2)), g.integers(0, 60, (s, 2))
    value = np.abs(home[:, None] - site[None]).sum(axis=2)
    people = g.integers(1, 30, n)
    room = g.multinomial(int(people.sum() * ratio), g.dirichlet(np.ones(s)))
    ids, names = [f"D{i:03d}" for i in range(n)], [f"S{j:02d}" for j in range(s)]
    world = (
        pd.DataFrame(value, index=ids, columns=names),
        pd.Series(people, index=ids), pd.Series(room, index=names),
    )  # fmt: skip
    row, column = np.nonzero(value <= 40)
    one = np.ones(len(row))
    at = np.arange(len(row))
    within = sparse.vstack(
        [sparse.csr_array((one, (row, at)), (n, len(row))),
         sparse.csr_array((one, (column, at)), (s, len(row)))]
    )  # fmt: skip
    limits = np.concatenate([people, room])
    exact = linprog(value[row, column] - 100_000.0, A_ub=within, b_ub=limits)
    found = seated(world, 40)
    assert person_time(found) - 100_000 * found.served == round(exact.fun)


@settings(max_examples=40)
@given(worlds(), st.integers(0, 4), st.data())
def test_more_seats_or_a_larger_threshold_never_serve_fewer(
    world: World, limit: int, data: st.DataObject
) -> None:
    matrix, people, room = world
    found = seated(world, limit)
    more = room + [data.draw(st.integers(0, 3)) for _ in room]
    assert seated((matrix, people, more), limit).served >= found.served
    assert seated(world, limit + 1).served >= found.served
    closed = data.draw(st.sampled_from(sorted(room.index)))
    assert seated(world, limit, open_sites=set(room.index) - {closed}).served <= found.served


@settings(max_examples=40)
@given(worlds(), st.integers(0, 4))
def test_everybody_is_somewhere_and_no_site_is_over_full(world: World, limit: int) -> None:
    matrix, people, room = world
    found = seated(world, limit)
    every = pd.concat([found.table, found.unserved])
    assert every.groupby("demand_id")["persons"].sum().to_dict() == {
        home: n for home, n in people.items() if n
    }
    load = found.table.groupby("site_id")["persons"].sum()
    assert (load.to_numpy() <= room.reindex(load.index).to_numpy()).all()
    assert (found.table["impedance"] <= limit).all()
    assert set(found.table["rule"]) <= {"max_served"}
    for column in (found.table["persons"], found.unserved["persons"], found.table["impedance"]):
        assert column.dtype == np.int64
    for row in found.table.itertuples():
        assert matrix.loc[row.demand_id, row.site_id] == row.impedance
    # nobody is served whom unlimited seats would not cover, and with them everybody in reach is
    alone = allocation.nearest(
        times_from(matrix), people, open_sites=list(room.index), threshold=limit
    )
    assert found.served <= alone.served
    plenty = seated((matrix, people, room + 100), limit)
    assert (plenty.served, person_time(plenty)) == (alone.served, person_time(alone))
    assert found.served + sum(left_out(found).values()) == alone.served


@settings(max_examples=40)
@given(worlds(), st.integers(0, 4), st.randoms(use_true_random=False))
def test_invariant_11_no_order_of_rows_matters_and_nothing_is_changed(
    world: World, limit: int, random: chance.Random
) -> None:
    matrix, people, room = world
    copies = [part.copy(deep=True) for part in world]
    found = seated(world, limit)
    rows, columns = list(matrix.index), list(matrix.columns)
    random.shuffle(rows)
    random.shuffle(columns)
    again = seated(
        (matrix.loc[rows, columns], people.sample(frac=1, random_state=1), room[columns]),
        limit, open_sites=columns,
    )  # fmt: skip
    pd.testing.assert_frame_equal(found.table, again.table)
    pd.testing.assert_frame_equal(found.unserved, again.unserved)
    for before, after in zip(copies, world, strict=True):
        assert before.equals(after)


@settings(max_examples=40)
@given(worlds(), st.integers(0, 4), st.integers(0, 2))
def test_who_keeps_a_seat_keeps_it_and_as_many_are_served(
    world: World, limit: int, more: int
) -> None:
    strict = seated(world, limit)
    has = strict.table.groupby("demand_id")["persons"].sum()
    wide = seated(world, limit + more, seated=has)
    had = wide.table.groupby("demand_id")["persons"].sum()
    assert (had.reindex(has.index).fillna(0) >= has).all()
    assert wide.served == seated(world, limit + more).served


def world_of(value: list[list[int]], people: list[int], room: list[int | None]) -> World:
    ids, names = [f"D{i}" for i in range(len(value))], [f"S{j}" for j in range(len(room))]
    return (
        pd.DataFrame(value, index=ids, columns=names),
        pd.Series(people, index=ids),
        pd.Series(pd.array(room, dtype="Int64"), index=names),
    )


def test_one_is_moved_on_so_that_both_are_served() -> None:
    """D1 reaches S0 alone; D0 is nearer to S0 but can go to S1: both have a seat so."""
    found = seated(world_of([[1, 4], [2, -1]], [5, 5], [5, 5]), 4)
    assert found.table[["demand_id", "site_id", "persons", "impedance"]].values.tolist() == [
        ["D0", "S1", 5, 4],
        ["D1", "S0", 5, 2],
    ]
    assert found.unserved.empty


def test_who_is_not_served_is_told_why() -> None:
    matrix, people, room = world_of([[1], [1], [9], [-1], [3]], [3, 2, 4, 5, 6], [4])
    times = times_from(matrix, unattached=["D4"])
    told = allocation.max_served(
        times, people, open_sites=["S0"], threshold=5, capacity=room
    ).unserved  # fmt: skip
    assert told.values.tolist() == [
        ["D1", 1, "no_seat"],
        ["D2", 4, "out_of_reach"],
        ["D3", 5, "not_assessed"],
        ["D4", 6, "not_assessed"],
    ]
    roads_were_there = np.zeros(5, dtype=bool)  # D3's own site has just been closed
    again = allocation.max_served(
        times, people, open_sites=["S0"], threshold=5, capacity=room, islands=roads_were_there
    ).unserved
    assert again.values.tolist()[2:] == [["D3", 5, "out_of_reach"], ["D4", 6, "not_assessed"]]


def test_invariant_13_unknown_capacity_is_refused_by_name() -> None:
    world = world_of([[1, 1, 1]], [3], [2, None, None])
    with pytest.raises(DataError, match=r"2 of 3 open sites have no capacity \(S1, S2\).*fill"):
        seated(world, 5)
    assert seated(world, 5, open_sites=["S0"]).served == 2  # only open sites need one
    with pytest.raises(DataError, match=r"1 of 2 open sites have no capacity \(S9\)"):
        allocation.seats_at(world[2], ["S0", "S9"])
    broken = pd.Series([-1.0, 2.5, 3.0, float("inf")], index=["S0", "S1", "S2", "S3"])
    with pytest.raises(DataError, match=r"3 of 4 open sites.*no whole number.*\(S0, S1, S3\)"):
        allocation.seats_at(broken, list(broken.index))
    with pytest.raises(DataError, match=r"1 sites stand there twice \(S0\)"):
        allocation.seats_at(pd.Series([1, 2], index=["S0", "S0"]), ["S0"])
    none = allocation.seats_of(pd.DataFrame({"site_id": ["S0", "S1"], "service": "x"}), "x")
    with pytest.raises(DataError, match="2 of 2 open sites have no capacity"):
        allocation.seats_at(none, ["S0", "S1"])


def test_a_threshold_beyond_the_travel_times_is_refused() -> None:
    matrix, people, room = world_of([[1]], [1], [1])
    times = times_from(matrix, cutoff=10)
    with pytest.raises(StudyError, match=r"threshold 11.*cutoff=11"):
        allocation.max_served(times, people, open_sites=["S0"], threshold=11, capacity=room)


def by_hand(
    world: World, choice: dict[str, str], limit: int, *, seats: bool
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Send homes to their site one after the other, the nearest first."""
    matrix, people, room = world
    free = {s: int(n) if seats else 10**9 for s, n in room.items()}
    goes: dict[tuple[str, str], int] = {}
    stays: dict[tuple[str, str], int] = {}
    for home in sorted(matrix.index, key=lambda h: (matrix.loc[h].get(choice[h], 0), h)):
        site, left = choice[home], int(people[home])
        if not (matrix.loc[home] >= 0).any():
            stays[home, "not_assessed"] = left
            continue
        if site and 0 <= matrix.loc[home, site] <= limit:
            goes[home, site] = min(left, free[site])
            free[site] -= goes[home, site]
            stays[home, "no_seat"] = left - goes[home, site]
        else:
            stays[home, "out_of_reach"] = left
    return {k: n for k, n in goes.items() if n}, {k: n for k, n in stays.items() if n}


def tables_of(found: Allocation) -> tuple[dict[Any, int], dict[Any, int]]:
    return (
        found.table.set_index(["demand_id", "site_id"])["persons"].to_dict(),
        found.unserved.set_index(["demand_id", "why"])["persons"].to_dict(),
    )


def first_of(matrix: pd.DataFrame) -> dict[str, str]:
    return {
        home: min((v, s) for s, v in line.items() if v >= 0)[1] if (line >= 0).any() else ""
        for home, line in matrix.iterrows()
    }


@settings(max_examples=40)
@given(worlds(), st.integers(0, 5), st.booleans(), st.data())
def test_nearest_catchment_and_directed_equal_counting_by_hand(
    world: World, limit: int, seats: bool, data: st.DataObject
) -> None:
    matrix, people, room = world
    times = times_from(matrix)
    sites = list(room.index)
    common: dict[str, Any] = {"threshold": limit, "capacity": room if seats else None}
    first = first_of(matrix)
    found = allocation.nearest(times, people, open_sites=sites, **common)
    assert tables_of(found) == by_hand(world, first, limit, seats=seats)
    assigned = {home: data.draw(st.sampled_from(sites)) for home in matrix.index}
    found = allocation.catchment(
        times, people, assignment=pd.Series(assigned), open_sites=sites, **common
    )
    assert tables_of(found) == by_hand(world, assigned, limit, seats=seats)
    closed = data.draw(st.lists(st.sampled_from(sites), unique=True, max_size=len(sites) - 1))
    left = [s for s in sites if s not in closed]
    receivers = {s: data.draw(st.sampled_from(left)) for s in closed}
    found = allocation.directed(times, people, receivers=receivers, open_sites=left, **common)
    goes = {home: receivers.get(site, site) for home, site in first.items()}
    assert tables_of(found) == by_hand(world, goes, limit, seats=seats)


def test_catchments_and_receivers_that_cannot_be() -> None:
    matrix, people, _ = world_of([[1, 2], [3, 9]], [1, 1], [5, 5])
    times = times_from(matrix, cutoff=5)
    ask: dict[str, Any] = {"open_sites": ["S0", "S1"]}
    with pytest.raises(DataError, match=r"1 points with persons have no site \(D1\)"):
        allocation.catchment(times, people, assignment=pd.Series({"D0": "S0"}), **ask)
    with pytest.raises(DataError, match=r"1 points are assigned to sites that are not open"):
        allocation.catchment(times, people, assignment=pd.Series({"D0": "S0", "D1": "S7"}), **ask)
    far = pd.Series({"D0": "S0", "D1": "S1"})
    with pytest.raises(DataError, match=r"1 points lie beyond the cutoff 5.*\(D1\)"):
        allocation.catchment(times, people, assignment=far, **ask)
    found = allocation.catchment(times, people, assignment=far, threshold=5, **ask)
    assert found.unserved.values.tolist() == [["D1", 1, "out_of_reach"]]
    twice = pd.Series(["S0", "S1"], index=["D0", "D0"])
    with pytest.raises(DataError, match=r"assigned twice \(D0\)"):
        allocation.catchment(times, people, assignment=twice, **ask)
    with pytest.raises(StudyError, match=r"closed and open \(S0\)"):
        allocation.directed(times, people, receivers={"S0": "S1"}, **ask)
    with pytest.raises(StudyError, match=r"receivers are not open \(S2\)"):
        allocation.directed(times, people, receivers={"S0": "S2"}, open_sites=["S1"])


def test_people_may_live_nearer_or_farther_than_their_point() -> None:
    matrix, people, room = world_of([[7], [7]], [2, 2], [9])
    times: TravelTimes = times_from(matrix, cutoff=7)
    ask: dict[str, Any] = {"open_sites": ["S0"], "threshold": 5, "capacity": room}
    assert allocation.max_served(times, people, **ask).served == 0
    loose = allocation.max_served(times, people, shift=pd.Series({"D0": -2, "D1": -1}), **ask)
    assert loose.table[["demand_id", "impedance"]].values.tolist() == [["D0", 7]]
    strict = allocation.max_served(
        times, people, shift=pd.Series({"D1": 1}), **ask | {"threshold": 7}
    )
    assert strict.table["demand_id"].tolist() == ["D0"]
    with pytest.raises(StudyError, match=r"looks 8 far.*cutoff=8"):
        allocation.max_served(times, people, shift=pd.Series({"D0": -3}), **ask)


@pytest.mark.parametrize(("seed", "ratio"), [(0, 0.8), (1, 1.0), (2, 1.1), (3, 1.5)])
def test_losses_of_a_crowded_town_equal_solving_from_scratch(seed: int, ratio: float) -> None:
    """Who loses a seat, person by person, and everybody's count by networkx's largest flow."""
    g = np.random.default_rng(seed)
    n, s = 120, 9
    home, site = g.integers(0, 40, (n, 2)), g.integers(0, 40, (s, 2))
    value = np.abs(home[:, None] - site[None]).sum(axis=2)
    people = pd.Series(g.integers(1, 30, n), index=[f"D{i:03d}" for i in range(n)])
    names = [f"S{j}" for j in range(s)]
    room = pd.Series(
        g.multinomial(int(people.sum() * ratio), g.dirichlet(np.ones(s) * 3)), index=names
    )
    world = (pd.DataFrame(value, index=people.index, columns=names), people, room)
    counted = pd.Series(g.random(n) < 0.6, index=people.index)
    times = times_from(world[0])
    ask: dict[str, Any] = {"open_sites": names, "threshold": 30, "capacity": room}
    some = allocation.without_each(times, people, counted=counted, **ask)
    everybody = allocation.without_each(times, people, threads=1, **ask)

    def served(sites: list[str]) -> pd.Series:
        table = seated(world, 30, open_sites=sites).table
        return table.groupby("demand_id")["persons"].sum().reindex(people.index).fillna(0)

    def flow(sites: list[str]) -> int:
        graph = nx.DiGraph()
        for d, row in world[0].iterrows():
            graph.add_edge("from", d, capacity=int(people[d]))
            graph.add_edges_from((d, x) for x in sites if row[x] <= 30)
        graph.add_edges_from((x, "to", {"capacity": int(room[x])}) for x in sites)
        return int(nx.maximum_flow_value(graph, "from", "to"))

    now = served(names)
    for shut in names:
        left = [x for x in names if x != shut]
        lost = now - served(left)
        assert (lost >= 0).all()  # a closure gives nobody a seat
        assert some.loc[shut, "lost"] == lost[counted].sum()
        assert everybody.loc[shut, "lost"] == flow(names) - flow(left)
    assert everybody["seated"].sum() == now.sum()
    assert some["seated"].sum() == now[counted].sum()


@settings(max_examples=60)
@given(worlds(), st.integers(0, 5), st.data())
def test_what_each_closure_takes_is_the_difference_of_two_answers(
    world: World, limit: int, data: st.DataObject
) -> None:
    matrix, people, room = world
    counted = pd.Series({home: data.draw(st.booleans()) for home in matrix.index})
    found = allocation.without_each(
        times_from(matrix), people, open_sites=list(room.index), threshold=limit, capacity=room,
        counted=counted,
    )  # fmt: skip
    now = seated(world, limit).table.groupby("demand_id")["persons"].sum()
    for shut in room.index:
        then = seated(world, limit, open_sites=set(room.index) - {shut}).table
        lost = now.sub(then.groupby("demand_id")["persons"].sum(), fill_value=0)
        assert (lost >= 0).all()
        assert found.loc[shut, "lost"] == lost[counted.reindex(lost.index).astype(bool)].sum()


@settings(max_examples=60)
@given(worlds(), st.integers(0, 5), st.data())
def test_admission_areas_are_pairs_that_are_not_there(
    world: World, limit: int, data: st.DataObject
) -> None:
    """As if no way led to the sites a zone may not use; but who has a road is out of reach."""
    matrix, people, room = world
    zone_of = pd.Series({home: data.draw(st.sampled_from("abc")) for home in matrix.index})
    pair = st.tuples(st.sampled_from("abz"), st.sampled_from(sorted(room.index)))
    area = data.draw(st.lists(pair, max_size=8))
    eligible = pd.DataFrame(area, columns=["zone_id", "site_id"], dtype="str")
    closed = matrix.copy()
    for home in matrix.index:
        for site in room.index:
            if (zone_of[home], site) not in area:
                closed.loc[home, site] = -1
    found = seated(world, limit, zone_of=zone_of[::-1], eligible=eligible)
    plain = seated((closed, people, room), limit)
    pd.testing.assert_frame_equal(found.table, plain.table)
    assert left_out(found) == left_out(plain)
    assert left_out(found, "not_assessed") == left_out(seated(world, limit), "not_assessed")
    graph = nx.DiGraph()
    graph.add_nodes_from(["from", "to"])
    graph.add_edges_from(("from", h, {"capacity": int(n)}) for h, n in people.items())
    graph.add_edges_from((s, "to", {"capacity": int(n)}) for s, n in room.items())
    graph.add_edges_from(
        (h, s) for h, row in closed.iterrows() for s, v in row.items() if 0 <= v <= limit
    )
    assert found.served == nx.maximum_flow_value(graph, "from", "to")
    ask: dict[str, Any] = {"open_sites": list(room.index), "threshold": limit, "capacity": room}
    pd.testing.assert_frame_equal(
        allocation.without_each(
            times_from(matrix), people, zone_of=zone_of, eligible=eligible, **ask
        ),
        allocation.without_each(times_from(closed), people, **ask),
    )


def test_admission_areas_that_cannot_be() -> None:
    world = world_of([[1, 1], [2, 2]], [3, 0], [2, 2])
    area = pd.DataFrame({"zone_id": ["a"], "site_id": ["S0"]})
    zone = pd.Series({"D0": "a"})  # nobody lives at D1
    assert seated(world, 5, zone_of=zone, eligible=area).served == 2
    with pytest.raises(DataError, match="Give both or neither"):
        seated(world, 5, eligible=area)
    with pytest.raises(DataError, match=r"1 points with persons have no zone \(D0\)"):
        seated(world, 5, zone_of=pd.Series({"D1": "a"}), eligible=area)
    with pytest.raises(DataError, match=r"two zones \(D0\)"):
        seated(world, 5, zone_of=pd.Series(["a", "b"], index=["D0", "D0"]), eligible=area)
    with pytest.raises(DataError, match=r"1 sites are not in the travel times \(S9\)"):
        seated(world, 5, zone_of=zone, eligible=area.assign(site_id="S9"))
    shut = pd.DataFrame({"zone_id": ["a", "a"], "site_id": ["S0", "S1"]})
    assert seated(world, 5, zone_of=zone, eligible=shut, open_sites=["S1"]).served == 2


@st.composite
def problems(draw: st.DrawFn) -> tuple[Problem, np.ndarray]:
    """Pairs of few different costs, two penalties (who keeps a seat has twice), and prices."""
    n, s = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    rows = [sorted(draw(st.sets(st.integers(0, s - 1)))) for _ in range(n)]
    site = np.array([j for row in rows for j in row], np.int32)
    cost = np.array([draw(st.integers(0, 5)) for _ in site], np.int32)
    penalty = np.full(n, (s + 2) * 6, np.int64)
    penalty[: draw(st.integers(0, n))] *= 2
    asked = Problem(
        np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64), site, cost,
        np.array([draw(st.integers(0, 6)) for _ in range(n)], np.int64), penalty,
        np.array([draw(st.integers(0, 9)) for _ in range(s)], np.int64),
    )  # fmt: skip
    largest = draw(st.sampled_from([6, 40, 100]))
    return asked, np.array([draw(st.integers(0, largest)) for _ in range(s)], np.int64)


@settings(max_examples=300)
@given(problems(), st.randoms(use_true_random=False))
def test_any_prices_to_begin_with_change_nobodys_seat(
    drawn: tuple[Problem, np.ndarray], random: chance.Random
) -> None:
    asked, price = drawn
    order = np.arange(len(asked.persons))
    results = []
    for begin in (np.zeros_like(price), price):
        flow, end = kernels.transport(*asked, order, begin.copy())
        prove(asked, flow, end)
        left = asked.persons.copy()
        np.subtract.at(left, asked.row, flow)
        results.append((left.tolist(), int((flow * asked.cost).sum())))
        random.shuffle(order)
    assert results[0] == results[1]


def test_a_large_town_is_solved_from_a_coarse_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes merged level by level, or none: as many seated, as near, and the same left without."""
    g = np.random.default_rng(5)
    n, s = 500, 6
    value = np.abs(g.integers(0, 50, (n, 1, 2)) - g.integers(0, 50, (1, s, 2))).sum(axis=2)
    ids, names = [f"D{i:03d}" for i in range(n)], [f"S{j}" for j in range(s)]
    people = pd.Series(g.integers(0, 9, n), index=ids)
    room = pd.Series(g.multinomial(int(people.sum() * 0.9), np.full(s, 1 / s)), index=names)
    world = (pd.DataFrame(value, index=ids, columns=names), people, room)
    levels = []

    def counted(*asked: Any) -> Any:
        levels.append(len(asked[3]))
        return transport(*asked)

    transport = kernels.transport
    monkeypatch.setattr(kernels, "transport", counted)
    fine = seated(world, 30)
    assert len(levels) >= 3
    assert levels == sorted(levels)
    monkeypatch.setattr("siting.allocation.transport.MERGED", 10_000)
    levels.clear()
    plain = seated(world, 30)
    assert len(levels) == 1
    assert (fine.served, person_time(fine)) == (plain.served, person_time(plain))
    assert left_out(fine) == left_out(plain)
