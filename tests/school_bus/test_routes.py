"""Routes keep every law, come near the best there is, and do not depend on the order of rows."""

from __future__ import annotations

import time

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from bus_worlds import SCHOOL, World, check, least_driving, random_world, times_of, worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import school_bus
from siting.errors import DataError, StudyError
from siting.school_bus import search
from siting.school_bus.search import SHAPES, Trips, improved, planned, savings


def build(world: World, **words: object) -> school_bus.BusRoutes:
    given_words: dict[str, object] = {"seats": 12, "dwell_s": 30, "board_s": 2, "school": SCHOOL}
    return school_bus.routes(
        world.between,
        world.to_school,
        world.boarding,
        **(given_words | words),  # type: ignore[arg-type]
    )


@settings(max_examples=150)
@given(
    worlds(),
    st.integers(1, 15),
    st.one_of(st.none(), st.integers(1, 15)),
    st.one_of(st.none(), st.integers(0, 4)),
    st.integers(0, 60),
    st.integers(0, 9),
)
def test_every_law_holds(
    world: World, seats: int, longest: int | None, buses: int | None, dwell: int, board: int
) -> None:
    found = build(
        world, seats=seats, max_ride_min=longest, buses=buses, dwell_s=dwell, board_s=board
    )
    check(
        world, found, seats=seats, dwell=dwell * 1_000, board=board * 1_000,
        longest=None if longest is None else longest * 60_000, buses=buses,
    )  # fmt: skip


@settings(max_examples=60)
@given(worlds(5), st.integers(9, 30), st.integers(2, 30))
def test_never_better_than_the_best_and_never_worse_than_a_bus_a_stop(
    world: World, seats: int, longest: int
) -> None:
    found = build(world, seats=seats, max_ride_min=longest)
    served = sorted(set(found.routes["stop_id"]))
    best = least_driving(
        world, served, seats=seats, dwell=30_000, board=2_000, longest=longest * 60_000
    )
    assert best is not None or not served
    assert found.drive_ms >= (best or 0)
    assert found.drive_ms <= sum(world.ms[s, SCHOOL] for s in served)
    lost = set(found.unserved["stop_id"])
    assert lost == {
        s
        for s in world.stops
        if world.boarding[s]
        and not 0 <= world.ms[s, SCHOOL] <= longest * 60_000 - 30_000 - 2_000 * world.boarding[s]
        and not 0 <= world.ms[s, SCHOOL] <= longest * 60_000 - 30_000 - 2_000
    }


@settings(max_examples=40)
@given(worlds(6), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(world: World, random: object) -> None:
    shuffled = list(world.stops)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = World(world.graph, shuffled, [int(world.boarding[s]) for s in shuffled])
    one, two = build(world), build(other)
    pd.testing.assert_frame_equal(one.routes, two.routes)
    pd.testing.assert_frame_equal(one.unserved, two.unserved)


def test_trivial_ones_are_best() -> None:
    for seed in range(20):
        for n in (1, 2):
            world = random_world(seed, n)
            found = build(world, seats=99)
            ways = [s for s in world.stops if world.ms[s, SCHOOL] >= 0]
            best = least_driving(world, ways, seats=99, dwell=30_000, board=2_000, longest=10**12)
            assert found.drive_ms == (best or 0)


def test_a_line_of_stops_is_one_bus_from_the_far_end() -> None:
    graph: nx.DiGraph = nx.DiGraph()
    names = ["B3", "B0", "B2", "B1"]  # from the far end to the school
    for a, b in zip(names, [*names[1:], SCHOOL], strict=True):
        graph.add_edge(a, b, weight=60_000)
        graph.add_edge(b, a, weight=60_000)
    found = build(World(graph, sorted(names), [3, 2, 1, 4]), seats=10)
    assert found.routes["stop_id"].tolist() == names
    assert found.routes["load"].tolist() == [4, 7, 8, 10]
    # worked by hand: 4 legs of 60 s; stands of 38, 36, 32, 34 s
    assert found.routes["ride_ms"].tolist() == [380_000, 282_000, 186_000, 94_000]
    assert found.drive_ms == 240_000


def test_one_way_streets_count_as_they_are() -> None:
    """The ring runs one way only: B0 → B1 → B2 → school; against it there is no way."""
    graph: nx.DiGraph = nx.DiGraph()
    nx.add_cycle(graph, ["B0", "B1", "B2", SCHOOL], weight=100_000)
    found = build(World(graph, ["B0", "B1", "B2"], [1, 1, 1]))
    assert found.routes["stop_id"].tolist() == ["B0", "B1", "B2"]
    assert found.drive_ms == 300_000


def test_more_pupils_than_seats_take_several_buses() -> None:
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_edge("B0", SCHOOL, weight=60_000)
    world = World(graph, ["B0"], [25])
    found = build(world, seats=10)
    assert sorted(found.routes["boarding"]) == [5, 10, 10]
    limited = build(world, seats=10, buses=2)
    assert limited.routes["boarding"].tolist() == [10, 10]
    assert limited.unserved.values.tolist() == [["B0", 5, "no_seat"]]
    # 60 s of driving, 30 s of standing and 2 s a pupil: five can board within 100 s
    slow = build(world, seats=10, max_ride_min=100 / 60)
    assert slow.routes["boarding"].tolist() == [5] * 5


@pytest.mark.parametrize("pupils", [{"A": 10**10}, {"A": 4_000, "B": 1_001}])
def test_more_visits_than_memory_holds_are_refused(pupils: dict[str, int]) -> None:
    """A million people at a stop of one-seat buses: an error in time, no table of all pairs."""
    stops = sorted(pupils)
    size = len(stops)
    between = times_of([[1] * size] * size, stops, stops)
    to_school = times_of([[1]] * size, stops, ["school"])
    told = {"school": "school", "seats": 1, "dwell_s": 0, "board_s": 0}
    with pytest.raises(StudyError, match=f"{sum(pupils.values())} pupils of school with 1 seats"):
        school_bus.routes(between, to_school, pd.Series(pupils), **told)  # type: ignore[arg-type]


def test_fewer_buses_are_sought_before_anybody_is_left_behind() -> None:
    """Two stops at either side of the school: a bus each is least driving, one bus is possible."""
    graph: nx.DiGraph = nx.DiGraph()
    for stop in ("B0", "B1"):
        graph.add_edge(stop, SCHOOL, weight=60_000)
        graph.add_edge(SCHOOL, stop, weight=60_000)
    world = World(graph, ["B0", "B1"], [4, 4])
    assert build(world).buses == 2
    found = build(world, buses=1)
    assert (found.buses, found.drive_ms, len(found.unserved)) == (1, 180_000, 0)


def test_no_move_makes_a_result_cheaper() -> None:
    """Local optimum: removing any visit and putting it anywhere else gains nothing."""

    def cost(world: World, routes: list[list[str]]) -> float:
        legs = [world.ms[leg] for r in routes if r for leg in zip(r, [*r[1:], SCHOOL], strict=True)]
        return sum(legs) if min(legs) >= 0 else float("inf")

    for seed in range(5):
        world = random_world(seed, 14)
        found = build(world, seats=25)
        lines = [g["stop_id"].tolist() for _, g in found.routes.groupby("route_id")]
        whole = cost(world, lines)
        for a, line in enumerate(lines):
            for k, stop in enumerate(line):
                for b in range(len(lines)):
                    trial = [list(r) for r in lines]
                    trial[a].pop(k)
                    if b != a and world.boarding[[*trial[b], stop]].sum() > 25:
                        continue
                    for place in range(len(trial[b]) + 1):
                        moved = [list(r) for r in trial]
                        moved[b].insert(place, stop)
                        assert cost(world, moved) >= whole


def test_what_cannot_be_is_refused() -> None:
    world = random_world(1, 3)
    for words in (
        {"seats": 0}, {"dwell_s": -1}, {"board_s": float("nan")}, {"max_ride_min": 0},
        {"buses": -1},
    ):  # fmt: skip
        with pytest.raises(StudyError):
            build(world, **words)
    with pytest.raises(DataError, match="not in the travel times"):
        build(world, school="elsewhere")
    strange = pd.Series({"nowhere": 2})
    with pytest.raises(DataError, match="nowhere"):
        school_bus.routes(
            world.between, world.to_school, strange, school=SCHOOL, seats=5, dwell_s=1, board_s=1
        )
    for odd in (0.5, 2.7, -1, float("nan"), float("inf")):
        with pytest.raises(DataError, match="whole number"):
            build(world.but(world.stops[0], odd))
    with pytest.raises(DataError, match="several rows"):
        build(world.but(world.stops[0], 1, again=True))
    by_length = times_of([[1]], ["a"], ["b"], impedance="length")
    with pytest.raises(StudyError, match="by time"):
        school_bus.routes(
            by_length, by_length, strange, school=SCHOOL, seats=5, dwell_s=1, board_s=1
        )


def test_arguments_stay_as_they_are() -> None:
    world = random_world(4, 20)
    before = world.boarding.copy(), world.between.value.copy()
    build(world, seats=9, buses=3)
    pd.testing.assert_series_equal(world.boarding, before[0])
    assert (world.between.value == before[1]).all()


@pytest.mark.slow
def test_gap_to_the_best_over_many_small_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Exhaustive search over 300 instances of 7 stops: how far from the best, at most and mean."""
    gaps = []
    for seed in range(300):
        world = random_world(seed, 7)
        seats = int(np.random.default_rng(seed).integers(12, 30))
        found = build(world, seats=seats, max_ride_min=25)
        served = sorted(set(found.routes["stop_id"]))
        best = least_driving(
            world, served, seats=seats, dwell=30_000, board=2_000, longest=25 * 60_000
        )
        assert best is not None
        gaps.append(found.drive_ms / best - 1 if best else 0.0)
    with capsys.disabled():
        print(  # noqa: T201
            f"\n300 instances of 7 stops: best found in {np.mean(np.array(gaps) == 0):.1%}, "
            f"mean gap {np.mean(gaps):.2%}, largest {np.max(gaps):.1%}"
        )
    assert np.mean(gaps) < 0.01
    assert np.max(gaps) < 0.25


@pytest.mark.slow
def test_two_hundred_stops_take_about_a_second() -> None:
    world = random_world(7, 200)
    began = time.perf_counter()
    found = build(world, seats=50)
    assert time.perf_counter() - began < 3.0  # 1 s on a free machine
    check(world, found, seats=50, dwell=30_000, board=2_000, longest=None, buses=None)


def test_savings_alone_join_what_saves_most() -> None:
    """By hand: t(0,S)=10, t(1,S)=9, t(2,S)=8; 0→1 costs 2 (saves 8), 1→2 costs 3 (saves 6)."""
    ms = np.array([[0, 2, 7, 10], [2, 0, 3, 9], [7, 3, 0, 8], [0, 0, 0, 0]])
    trips = Trips(ms, np.array([1, 1, 1]), np.zeros(3, np.int64), seats=3, longest=100)
    # savings by hand, row i then j: 0→1: 10−2 = 8; 1→0: 9−2 = 7; 1→2: 9−3 = 6; 2→1: 8−3 = 5
    assert savings(trips) == [[0, 1, 2]]
    assert trips.cost([[0, 1, 2]]) == 13
    assert improved(trips, [[0], [1], [2]]) == [[0, 1, 2]]


@pytest.mark.parametrize("seed", range(6))
def test_visits_that_fill_a_bus_change_nothing_for_the_others(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left out of the search they give what the whole search gives, and are no work there."""
    draw = np.random.default_rng(seed)
    n, seats = 14, 20
    xy = draw.integers(0, 60_000, (n + 1, 2))
    ms = np.abs(xy[:, None] - xy[None]).sum(axis=2).astype(np.int64)
    load = draw.choice([3, 7, 12, seats], n).astype(np.int64)
    trips = Trips(ms=ms, load=load, dwell=load * 1_000, seats=seats, longest=400_000)
    whole = min((improved(trips, savings(trips, shape)) for shape in SHAPES), key=trips.cost)
    assert planned(trips) == whole
    many = np.append(np.repeat(np.arange(n), 60), n)
    full = np.full(60 * n, seats, dtype=np.int64)
    searched: list[int] = []

    def counted(part: Trips, shape: int = 100) -> list[list[int]]:
        searched.append(part.school)
        return savings(part, shape)

    monkeypatch.setattr(search, "savings", counted)
    crowd = Trips(ms=ms[np.ix_(many, many)], load=full, dwell=full, seats=seats, longest=400_000)
    assert planned(crowd) == [[i] for i in range(60 * n)]
    assert not searched
    # among others too they are not looked at: those that leave room are
    room = int((load + load.min() <= seats).sum())
    assert planned(trips) == whole
    assert searched == [room] * len(SHAPES) * (room > 0)
