"""Lines broken in known ways come together again: the same streets, the same ways between them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import LineString

from siting import network
from siting.errors import DataError, NetworkError

CRS = 4547
SIDE = 100.0


def roads(lines: list[Any], **columns: list[Any]) -> gpd.GeoDataFrame:
    table = {"highway": ["residential"] * len(lines), **columns}
    return gpd.GeoDataFrame(table, geometry=[LineString(xy) for xy in lines], crs=CRS)


def drawn(lines: gpd.GeoDataFrame) -> list[bytes]:
    """All pieces, whichever row and way round they are drawn."""
    parts = shapely.get_parts(lines.geometry.to_numpy())
    return sorted(shapely.to_wkb(shapely.normalize(parts)).tolist())


# --- against shapely's own noding ---------------------------------------------------------------

LATTICE = st.tuples(st.integers(0, 5), st.integers(0, 5))


@given(st.lists(st.lists(LATTICE, min_size=2, max_size=4, unique=True), min_size=1, max_size=7))
@settings(max_examples=150)
def test_noding_is_that_of_geos(shapes: list[list[tuple[int, int]]]) -> None:
    """Crossings, touches, overlaps and self-crossings, cut as GEOS cuts them."""
    lines = [[(SIDE * x, SIDE * y) for x, y in shape] for shape in shapes]
    # a line that goes back over itself has no order along it that GEOS would agree on
    for xy in lines:
        assume(sum(LineString(p).length for p in pairwise(xy)) <= LineString(xy).length + 1e-9)
        assume(shapely.union_all(LineString(xy)).length > LineString(xy).length - 1e-6)
    found = network.topology(roads(lines), repair="safe", look_m=0)
    ours = shapely.get_parts(found.lines.geometry.to_numpy())
    noded = shapely.node(shapely.multilinestrings([LineString(xy) for xy in lines]))
    ours_at = {tuple(np.round(xy, 1) + 0.0) for line in ours for xy in line.coords}
    theirs = shapely.get_parts(noded)
    theirs_at = {tuple(np.round(xy, 1) + 0.0) for line in theirs for xy in line.coords}
    assert ours_at == theirs_at
    assert shapely.length(ours).sum() == pytest.approx(shapely.length(theirs).sum(), abs=0.1)
    # GEOS gives pieces between all meetings; ours between all meetings of one line with another
    graph = nx.Graph()
    for line in theirs:
        for a, b in pairwise(np.round(shapely.get_coordinates(line), 1).tolist()):
            graph.add_edge(tuple(a), tuple(b))
    own = nx.Graph()
    for line in ours:
        for a, b in pairwise(np.round(shapely.get_coordinates(line), 1).tolist()):
            own.add_edge(tuple(a), tuple(b))
    assert {frozenset(e) for e in own.edges} == {frozenset(e) for e in graph.edges}
    ends = {tuple(np.round(line.coords[k], 1)) for line in ours for k in (0, -1)}
    junctions = {n for n in graph if graph.degree(n) > 2}
    assert {tuple(np.array(n)) for n in junctions} <= ends


# --- a town broken in known ways ----------------------------------------------------------------


@st.composite
def towns(draw: st.DrawFn) -> dict[str, Any]:
    """Streets on a turned grid, some missing, drawn through crossings or cut there."""
    wide, high = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    angle = draw(st.sampled_from([0.0, 0.3, 1.1]))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def at(i: int, j: int) -> tuple[float, float]:
        return tuple((turn @ np.array([i * SIDE, j * SIDE])).tolist())  # type: ignore[return-value]

    streets: list[list[tuple[int, int]]] = []
    tracks = [[(i, j) for i in range(wide)] for j in range(high)]
    tracks += [[(i, j) for j in range(high)] for i in range(wide)]
    for track in tracks:
        run = [track[0]]
        for here in track[1:]:
            if draw(st.sampled_from([True, True, True, False])):
                run.append(here)
                if draw(st.booleans()):  # the line ends here and another begins
                    streets.append(run)
                    run = [here]
            else:
                streets.append(run)
                run = [here]
        streets.append(run)
    streets = [run for run in streets if len(run) > 1]
    assume(streets)
    clean = nx.Graph()
    for run in streets:
        for a, b in pairwise(run):
            clean.add_edge(a, b, weight=SIDE)
    jitter = draw(st.sampled_from([0.0, 0.05, 0.4]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    lines = []
    for run in streets:
        ends = [at(*run[0]), at(*run[-1])]
        straight = draw(st.booleans())  # or with a corner at every crossing
        xy = np.array(ends if straight else [at(*place) for place in run])
        for k in (0, -1):
            way, far = rng.uniform(0, 2 * np.pi), rng.uniform(0, jitter)
            xy[k] += far * np.array([np.cos(way), np.sin(way)])
        lines.append(xy[::-1].copy() if draw(st.booleans()) else xy)
    again = draw(st.lists(st.integers(0, len(lines) - 1), max_size=3))
    lines += [lines[k][::-1].copy() for k in again]
    order = rng.permutation(len(lines))
    return {
        "clean": clean,
        # where a line runs straight through and nothing meets it there is no junction to speak of
        "at": {
            place: at(*place)
            for place in clean
            if sum(place in run for run in streets) > 1
            or any(place in (run[0], run[-1]) for run in streets)
        },
        "layer": roads([lines[k] for k in order]),
        "jitter": jitter,
        # two ends moved each by the jitter are at most twice that apart; lines turn with their ends
        "snap_m": 2.2 * jitter,
    }


def lengths(built: network.RoadNetwork, town: dict[str, Any]) -> dict[Any, dict[Any, float]]:
    """Metres between all places of the town over the streets as built."""
    graph = nx.Graph()
    for u, v, mm in zip(
        built.tail.tolist(), built.head.tolist(), built.length_mm.tolist(), strict=True
    ):
        if not graph.has_edge(u, v) or graph[u][v]["weight"] > mm / 1000:
            graph.add_edge(u, v, weight=mm / 1000)
    node = {
        place: int(np.argmin(np.hypot(*(built.node_xy - xy).T))) for place, xy in town["at"].items()
    }
    away = {p: nx.single_source_dijkstra_path_length(graph, n) for p, n in node.items()}
    return {p: {q: away[p][m] for q, m in node.items() if m in away[p]} for p in node}


@given(towns())
@settings(max_examples=80)
def test_a_broken_town_has_the_ways_of_the_clean_one(town: dict[str, Any]) -> None:
    found = network.topology(town["layer"], snap_m=town["snap_m"], repair="safe")
    built = network.from_lines(found.lines, mode="walk")
    ours = lengths(built, town)
    for place in town["at"]:
        clean = nx.single_source_dijkstra_path_length(town["clean"], place)
        clean = {other: metres for other, metres in clean.items() if other in town["at"]}
        assert set(ours[place]) == set(clean)
        for other, metres in clean.items():
            # each street of the way may be longer or shorter by what its ends and crossings moved
            slack = (metres / SIDE + 1) * 4 * town["jitter"] + 0.01
            assert abs(ours[place][other] - metres) <= slack, (place, other)
    assert (found.defects.loc[found.defects["done"] == "snapped", "size_m"] <= town["snap_m"]).all()


@given(towns(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_neither_order_nor_direction_nor_a_second_mending_matters(
    town: dict[str, Any], chance: Any
) -> None:
    layer = town["layer"].assign(road_id=[f"R{i:03d}" for i in range(len(town["layer"]))])
    once = network.topology(layer, snap_m=town["snap_m"], repair="safe")
    twice = network.topology(once.lines, snap_m=town["snap_m"], repair="safe")
    assert twice.lines.equals(once.lines)
    assert set(twice.defects["done"]) <= {"listed"}
    order = list(range(len(layer)))
    chance.shuffle(order)
    other = layer.iloc[order].copy()
    turned = np.array([chance.random() < 0.5 for _ in order])
    shapes = other.geometry.to_numpy()
    other.geometry = np.where(turned, shapely.reverse(shapes), shapes)
    again = network.topology(other, snap_m=town["snap_m"], repair="safe")
    assert drawn(again.lines) == drawn(once.lines)
    columns = ["kind", "rows", "size_m", "done", "why"]
    assert again.defects[columns].equals(once.defects[columns])


@given(towns())
@settings(max_examples=30)
def test_the_argument_is_left_alone(town: dict[str, Any]) -> None:
    before = town["layer"].copy(deep=True)
    network.topology(town["layer"], snap_m=town["snap_m"], repair="safe")
    assert town["layer"].equals(before)


def test_a_clean_layer_stays_to_the_last_bit() -> None:
    layer = roads([[(0.1234567, 0), (100, 0)], [(100, 0), (100, 50.7654321)]])
    found = network.topology(layer, snap_m=1, repair="safe")
    assert found.lines.drop(columns="way_id").equals(layer)
    assert not len(found.defects)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"snap_m": -1}, "snap_m is -1"),
        ({"snap_m": float("nan")}, "snap_m is nan"),
        ({"look_m": float("inf")}, "look_m is inf"),
        ({"repair": "all"}, "'all'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], told: str) -> None:
    with pytest.raises(NetworkError, match=told):
        network.topology(roads([[(0, 0), (1, 0)]]), **options)


def test_barriers_in_another_crs() -> None:
    wall = gpd.GeoSeries([LineString([(0, 0), (1, 1)])], crs=4326)
    with pytest.raises(DataError, match="barriers"):
        network.topology(roads([[(0, 0), (1, 0)]]), barriers=wall)
