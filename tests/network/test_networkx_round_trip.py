"""Networks go to networkx and come back equal to the bit; OSMnx graphs come in."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from road_worlds import worlds
from shapely import LineString

from siting import network
from siting.errors import DataError, NetworkError, SitingError
from siting.network import store

ARRAYS = (
    "node_id", "node_xy", "tail", "head", "length_mm", "forward_ms", "backward_ms", "stoppable",
    "highway", "way_id", "bridge", "tunnel", "component", "component_km",
)  # fmt: skip


def same(one: network.RoadNetwork, other: network.RoadNetwork) -> None:
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert all(a.equals_exact(b, 0) for a, b in zip(one.geometry, other.geometry, strict=True))
    assert one.version == other.version


@given(worlds())
def test_round_trip_by_networkx(world):
    graph = network.to_networkx(world.network)
    same(world.network, network.from_networkx(graph, mode="walk", crs=world.network.crs))


@given(worlds())
def test_round_trip_by_file(tmp_path_factory, world):
    path = tmp_path_factory.mktemp("n") / "n.npz"
    network.save(world.network, path)
    same(world.network, network.open_saved(path))


def test_a_file_of_another_version_is_refused(tmp_path, monkeypatch):
    network.save(network.from_networkx(street(), mode="drive", crs=4547), tmp_path / "n.npz")
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    with pytest.raises(NetworkError, match=r"another version of siting\). Read the roads again"):
        network.open_saved(tmp_path / "n.npz")


def test_a_damaged_file_is_refused(tmp_path):
    graph = street()
    built = network.from_networkx(graph, mode="drive", crs=4547)
    path = tmp_path / "n.npz"
    network.save(built, path)
    whole = path.read_bytes()
    for broken in (b"", whole[: len(whole) // 2], b"PK\x03\x04", b"hello", whole[:-1]):
        path.write_bytes(broken)
        with pytest.raises(NetworkError, match="Read the roads again"):
            network.open_saved(path)
    with pytest.raises(NetworkError):
        network.open_saved(tmp_path / "none.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["n.npz"]


def street() -> nx.MultiDiGraph:
    """A two-way street with a bend, as OSMnx has it, and a one-way street beside it."""
    graph = nx.MultiDiGraph(crs="EPSG:4547")
    graph.add_node(2, x=100.0, y=0.0)
    graph.add_node(1, x=0.0, y=0.0)
    bend = LineString([(0, 0), (50, 30), (100, 0)])
    shared = {"osmid": 7, "length": bend.length, "highway": "residential", "oneway": False}
    graph.add_edge(1, 2, geometry=bend, reversed=False, **shared)
    graph.add_edge(2, 1, geometry=bend.reverse(), reversed=True, **shared)
    graph.add_edge(
        2, 1, osmid=[8, 9], length=100.0, highway=["primary", "secondary"], oneway=True,
        reversed=False, maxspeed="30 mph",
    )  # fmt: skip
    return graph


def test_the_two_arcs_of_a_street_are_one_edge():
    built = network.from_networkx(street(), mode="drive", crs=4547)
    assert built.node_id.tolist() == [1, 2]
    assert built.way_id.tolist() == [7, 8]
    assert (built.forward_ms >= 0).tolist() == [True, False]
    assert (built.backward_ms >= 0).tolist() == [True, True]
    assert built.geometry[0].coords[1] == (50, 30)
    # 45 km/h, the speed of primary, is below the limit of 48.28 km/h
    assert built.backward_ms[1] == 8_000


def test_coordinates_are_projected():
    graph = nx.MultiDiGraph(crs="EPSG:4326")
    graph.add_node(1, x=114.0, y=29.0)
    graph.add_node(2, x=114.001, y=29.0)
    graph.add_edge(1, 2, length=97.5, highway="residential", osmid=1)
    built = network.from_networkx(graph, mode="walk", crs=4547)
    assert built.node_xy[0] == pytest.approx([500_000, 3_209_000], abs=1_000)
    assert built.length_mm.tolist() == [97_500]
    assert built.geometry[0].length == pytest.approx(97.4, abs=0.2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: g.graph.pop("crs"), "crs"),
        (lambda g: g.nodes[1].pop("x"), "coordinates"),
        (lambda g: g.add_node("a", x=0, y=0), "whole numbers"),
        (lambda g: g.add_edge(1, 2, highway="primary"), "no length"),
        (lambda g: g.add_edge(1, 2, length=float("nan"), highway="primary"), "no length"),
        (lambda g: g.add_edge(1, 2, length=-1, highway="primary"), "no length"),
        (lambda g: g.add_edge(1, 2, length=9, highway="boulevard"), "boulevard"),
        (
            lambda g: g.add_edge(1, 2, length=9, highway="primary", speed_kph="30 mph"),
            r"1 arcs have a speed_kph .* \(1-2\)",
        ),
        (lambda g: g.add_edge(1, 2, length=9, highway="primary", speed_kph=-5.0), "speed_kph"),
    ],
)
def test_what_is_refused(change, said):
    graph = street()
    change(graph)
    with pytest.raises(SitingError, match=said):
        network.from_networkx(graph, mode="drive", crs=4547)


def test_a_surface_nobody_knows_is_listed_as_of_a_line_layer():
    graph = street()
    graph.add_edge(1, 2, length=9.0, highway="primary", surface="lava", cycle_kph=float("nan"))
    graph.add_edge(2, 1, length=9.0, highway="primary", surface="lava")
    graph.add_edge(2, 1, length=9.0, highway="primary", surface="lava", cycle_kph="15")
    built = network.from_networkx(graph, mode="cycle", crs=4547)
    assert built.drops.values.tolist() == [
        ["roads", "", "2 arcs of surface=lava, not known", "at the speed of the class"]
    ]


def test_an_undirected_graph_is_refused():
    with pytest.raises(NetworkError, match="directed"):
        network.from_networkx(nx.Graph(street()), mode="drive", crs=4547)


def test_an_arc_of_zero_km_h_is_refused():
    graph = street()
    graph.add_edge(1, 2, length=9.0, highway="footway")
    with pytest.raises(DataError, match="footway"):
        network.from_networkx(graph, mode="drive", crs=4547)


def test_the_graph_is_left_alone():
    graph = street()
    before = nx.MultiDiGraph(graph)
    network.from_networkx(graph, mode="drive", crs=4547)
    assert nx.utils.graphs_equal(graph, before)
