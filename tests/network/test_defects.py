"""One tiny layer for each defect of roads, and the row it must be listed with."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from road_worlds import World, attachments, network_of, worlds
from shapely import LineString, MultiLineString

from siting import network, tables
from siting.network import Topology

CRS = 4547
NAN = float("nan")


def roads(*rows: Any, **columns: list[Any]) -> gpd.GeoDataFrame:
    shapes = [LineString(xy) if isinstance(xy, list) else xy for xy in rows]
    table = {"highway": ["residential"] * len(shapes), **columns}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=CRS)


def rows_of(found: Topology) -> list[tuple[Any, ...]]:
    """(kind, x, y, rows, size, done, why) of every defect."""
    return [
        (r.kind, r.geometry.x, r.geometry.y, r.rows, r.size_m, r.done, r.why)
        for r in found.defects.itertuples()
    ]


# name: (layer, options, the rows under repair = "safe", the pieces of each row left)
WIDE = "wider than snap_m"
CASES: dict[str, tuple[gpd.GeoDataFrame, dict[str, Any], list[tuple[Any, ...]], list[int]]] = {
    "a gap between two ends": (
        roads([(0, 0), (100, 0)], [(100.4, 0), (200, 0)]),
        {"snap_m": 0.5},
        [("gap", 100.4, 0, "row 1, row 2", 0.4, "snapped", "")],
        [1, 1],
    ),
    "a gap between an end and the middle of a line": (
        roads([(0, 0), (99.5, 0)], [(100, -50), (100, 50)]),
        {"snap_m": 0.5},
        [("gap", 99.5, 0, "row 1, row 2", 0.5, "snapped", "")],
        [1, 2],
    ),
    "a gap too wide": (
        roads([(0, 0), (98, 0)], [(100, -50), (100, 50)]),
        {"snap_m": 0.5},
        [("gap", 98, 0, "row 1, row 2", 2.0, "listed", WIDE)],
        [1, 1],
    ),
    "a gap between levels": (
        roads([(0, 0), (100, 0)], [(100.4, 0), (200, 0)], bridge=[False, True]),
        {"snap_m": 0.5},
        [("gap", 100, 0, "row 1, row 2", 0.4, "listed", "on another level")],
        [1, 1],
    ),
    "a gap beside a motorway": (
        roads([(0, 0), (99.5, 0)], [(100, -50), (100, 50)], highway=["residential", "motorway"]),
        {"snap_m": 0.5},
        [("gap", 99.5, 0, "row 1, row 2", 0.5, "listed",
          "the line nearby is of a class that is joined by its ramps only")],
        [1, 1],
    ),
    "ends that hang together in a chain": (
        roads([(0, 0), (100, 0)], [(100.4, 0), (100.4, 90)], [(100.8, 0), (200, 0)]),
        {"snap_m": 0.5},
        [("gap", 100, 0, "row 1, row 2", 0.4, "listed", "chain"),
         ("gap", 100.8, 0, "row 2, row 3", 0.4, "listed", "chain")],
        [1, 1, 1],
    ),
    "an overshoot": (
        roads([(0, 0), (100.3, 0)], [(100, -50), (100, 50)]),
        {"snap_m": 0.5},
        [("overshoot", 100.3, 0, "row 1", 0.3, "removed", "")],
        [1, 2],
    ),
    "an overshoot too long": (
        roads([(0, 0), (102, 0)], [(100, -50), (100, 50)]),
        {"snap_m": 0.5},
        [("overshoot", 102, 0, "row 1", 2.0, "listed", "longer than snap_m")],
        [2, 2],
    ),
    "a line drawn twice, once backwards": (
        roads([(0, 0), (50, 9), (100, 0)], [(100, 0), (50, 9), (0, 0)]),
        {},
        [("duplicate", 50, 9, "row 1, row 2", 101.607, "removed", "")],
        [1],
    ),
    "a line drawn twice, of two classes": (
        roads([(0, 0), (50, 9), (100, 0)], [(0, 0), (50, 9), (100, 0)],
              highway=["primary", "residential"]),
        {},
        [("duplicate", 50, 9, "row 1, row 2", 101.607, "listed", "with other attributes")],
        [1, 1],
    ),
    "one-way there, one-way back": (
        roads([(0, 0), (50, 9), (100, 0)], [(100, 0), (50, 9), (0, 0)], oneway=["yes", "yes"]),
        {},
        [("duplicate", 50, 9, "row 1, row 2", 101.607, "listed", "with other attributes")],
        [1, 1],
    ),
    "lines that lie on each other in part": (
        roads([(0, 0), (100, 0)], [(60, 0), (160, 0)]),
        {},
        [("overlap", 60, 0, "row 1, row 2", 40.0, "removed", "")],
        [2, 1],
    ),
    "a line of zero length": (
        roads([(0, 0), (100, 0)], [(7, 7), (7.0001, 7)]),
        {},
        [("zero_length", 7, 7, "row 2", 0.0, "removed", "")],
        [1],
    ),
    "lines drawn through a crossing": (
        roads([(0, 0), (100, 0)], [(50, -50), (50, 50)]),
        {},
        [("unnoded_crossing", 50, 0, "row 1, row 2", NAN, "noded", "")],
        [2, 2],
    ),
    "an end on the middle of a line": (
        roads([(0, 0), (100, 0)], [(50, 0), (50, 50)]),
        {},
        [("unnoded_end", 50, 0, "row 1, row 2", NAN, "noded", "")],
        [2, 1],
    ),
    "a street over a motorway": (
        roads([(0, 0), (100, 0)], [(50, -50), (50, 50)], highway=["高速公路", "residential"]),
        {},
        [("bridge_like_junction", 50, 0, "row 1, row 2", NAN, "listed", "no level is given")],
        [1, 1],
    ),
    "a bridge over a street": (
        roads([(0, 0), (100, 0)], [(50, -50), (50, 50)], bridge=["no", "yes"]),
        {},
        [],
        [1, 1],
    ),
    "a tunnel by its layer": (
        roads([(0, 0), (100, 0)], [(50, -50), (50, 50)], layer=[0, -1]),
        {},
        [],
        [1, 1],
    ),
    "an end below a bridge": (
        roads([(0, 0), (100, 0)], [(50, 0), (50, 50)], layer=[1, 0]),
        {},
        [("bridge_like_junction", 50, 0, "row 1, row 2", NAN, "listed",
          "an end on a line of another level")],
        [1, 1],
    ),
    "a line that crosses itself": (
        roads([(0, 0), (100, 0), (100, 50), (50, 50), (50, -50)]),
        {},
        [("self_crossing", 50, 0, "row 1", NAN, "noded", "")],
        [3],
    ),
    "a ramp that crosses itself": (
        roads([(0, 0), (100, 0), (100, 50), (50, 50), (50, -50)], highway=["motorway_link"]),
        {},
        [("self_crossing", 50, 0, "row 1", NAN, "listed", "may be a bridge over itself")],
        [1],
    ),
    "ends that meet": (roads([(0, 0), (100, 0)], [(100, 0), (100, 50)]), {"snap_m": 1}, [], [1, 1]),
    "parts that meet": (
        roads(MultiLineString([[(0, 0), (50, 0)], [(50, 0), (100, 0)]])), {"snap_m": 1}, [], [2],
    ),
    "a short stub beside the street it leaves": (
        roads([(0, 0), (50, 0)], [(50, 0), (100, 0)], [(50, 0), (51, 1)]), {"snap_m": 2}, [],
        [1, 1, 1],
    ),
    "a link shorter than the tolerance": (
        roads([(0, 0), (50, 0)], [(50, 0), (51, 0)], [(51, 0), (51, 60)]), {"snap_m": 2}, [],
        [1, 1, 1],
    ),
}  # fmt: skip
CHAIN = "loose ends farther apart than snap_m hang together"


def same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return all(
        (isinstance(x, float) and isinstance(y, float) and np.isnan(x) and np.isnan(y))
        or x == y
        or (not isinstance(x, str) and abs(x - y) < 1e-9)
        for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("name", CASES)
def test_each_defect_has_its_row(name: str) -> None:
    layer, options, rows, pieces = CASES[name]
    expected = [tuple(CHAIN if cell == "chain" else cell for cell in row) for row in rows]
    found = network.topology(layer, repair="safe", **options)
    got = rows_of(found)
    assert len(got) == len(expected), got
    assert all(map(same, got, expected)), got
    assert [len(shapely.get_parts(g)) for g in found.lines.geometry] == pieces
    tables.check("road_defects", found.defects)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_mended_unasked(name: str) -> None:
    layer, options, rows, _ = CASES[name]
    found = network.topology(layer, repair="none", **options)
    assert found.lines.drop(columns="way_id").equals(layer)
    assert [(r.kind, r.rows, r.done) for r in found.defects.itertuples()] == [
        (row[0], row[3], "none") for row in rows
    ]
    assert not len(found.drops)


@pytest.mark.parametrize("name", CASES)
def test_mending_the_mended_changes_nothing(name: str) -> None:
    layer, options, _, _ = CASES[name]
    once = network.topology(layer, repair="safe", **options)
    twice = network.topology(once.lines, repair="safe", **options)
    assert twice.lines.equals(once.lines)
    assert set(twice.defects["done"]) <= {"listed"}


@pytest.mark.parametrize("name", CASES)
def test_order_and_direction_do_not_matter(name: str) -> None:
    layer, options, _, _ = CASES[name]
    layer = layer.assign(road_id=[f"R{i}" for i in range(len(layer))])
    turned = layer.iloc[::-1].copy()
    if "oneway" not in turned:
        turned.geometry = shapely.reverse(turned.geometry.to_numpy())
    a = network.topology(layer, repair="safe", **options)
    b = network.topology(turned, repair="safe", **options)
    pd.testing.assert_frame_equal(pd.DataFrame(a.defects), pd.DataFrame(b.defects))
    assert drawn(a.lines) == drawn(b.lines)


def drawn(lines: gpd.GeoDataFrame) -> list[bytes]:
    parts = shapely.get_parts(lines.geometry.to_numpy())
    return sorted(shapely.to_wkb(shapely.normalize(parts)).tolist())


def test_no_step_across_a_barrier() -> None:
    layer = roads([(0, 0), (99.5, 0)], [(100, -50), (100, 50)], [(0, 9), (99.6, 9)])
    wall = gpd.GeoSeries([LineString([(99.7, -5), (99.7, 5)])], crs=CRS)
    found = network.topology(layer, snap_m=0.5, repair="safe", barriers=wall)
    assert [(r.geometry.y, r.done, r.why) for r in found.defects.itertuples()] == [
        (0, "listed", "a barrier lies between"),
        (9, "snapped", ""),
    ]


def test_attributes_and_numbers_stay_with_the_pieces() -> None:
    layer = roads(
        [(0, 0), (100, 0)], [(7, 7), (7, 7)], [(50, -50), (50, 50)],
        highway=["primary", "primary", "tertiary"], length_m=[200.0, 1.0, None],
        oneway=["-1", "", "yes"],
    )  # fmt: skip
    found = network.topology(layer, repair="safe")
    assert found.lines["way_id"].tolist() == [0, 2]
    assert found.drops.to_dict("records") == [
        {"table": "roads", "row": "row 2", "what": "a line of zero length", "action": "dropped"}
    ]
    built = network.from_lines(found.lines, mode="drive")
    by_way = {
        way: sorted(built.length_mm[built.way_id == way].tolist()) for way in set(built.way_id)
    }
    assert by_way == {0: [100_000, 100_000], 2: [50_000, 50_000]}
    assert sorted(built.highway.tolist()) == ["primary", "primary", "tertiary", "tertiary"]
    primary = built.highway == "primary"
    assert (built.forward_ms[primary] < 0).all()  # -1: against the line
    assert (built.backward_ms[~primary] < 0).all()
    assert sorted(line.coords[0][0] for line in built.geometry[primary]) == [0.0, 50.0]


def test_a_stated_length_is_shared_by_what_is_left() -> None:
    layer = roads([(0, 0), (100, 0)], [(60, 0), (160, 0)], length_m=[300.0, 300.0])
    found = network.topology(layer, repair="safe")
    assert found.lines["length_m"].tolist() == pytest.approx([300.0, 180.0])


# --- networks as built --------------------------------------------------------------------------

TRAPPED = network_of(
    6,
    [
        (0, 1, 5000, 5, 5),  # the main part
        (1, 2, 300, 5, -1),  # leads in and never out …
        (2, 3, 200, 5, 5),  # … to these
        (4, 0, 400, 5, -1),  # leads out and never in
        (5, 5, 70, 5, 5),  # apart
    ],
)
HOMES = [("a", 0, 9, 0), ("b", 1, 100, 0), ("c", 1, 0, 0), ("d", 2, 200, 0), ("e", 3, 0, 0),
         ("f", 4, 35, 0), ("g", -1, -1, 0), ("h", 1, 300, 0)]  # fmt: skip
PERSONS = pd.Series({"a": 1, "b": 2, "c": 4, "d": 8, "e": 16, "f": 32, "g": 64, "h": 128})


def test_islands_and_traps_with_the_people_on_them() -> None:
    found = network.network_defects(TRAPPED, homes_at=attachments(TRAPPED, HOMES), persons=PERSONS)
    assert [
        (r.kind, r.rows, r.size_m, r.persons, r.done, r.why, r.mode) for r in found.itertuples()
    ] == [
        ("island", "w4", 0.07, 32, "listed", "apart from the longest part", "walk"),
        # b is within the street, d and h at its ends inside; c stands at the junction outside
        ("one_way_trap", "w3", 0.4, 16, "listed", "no street leads in", "walk"),
        ("one_way_trap", "w1, w2", 0.5, 138, "listed", "no street leads out", "walk"),
    ]
    without = network.network_defects(TRAPPED, name_of=lambda way: f"R{way}")
    assert without["persons"].isna().all()
    assert without["rows"].tolist() == ["R4", "R3", "R1, R2"]


@given(worlds())
@settings(max_examples=60)
def test_traps_and_islands_by_walking_the_graph(world: World) -> None:
    """The people who cannot come to the main part, counted by search from every home."""
    import networkx as nx

    roads_ = world.network
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(roads_.node_id.size))
    for e in range(roads_.tail.size):
        u, v = int(roads_.tail[e]), int(roads_.head[e])
        if roads_.forward_ms[e] >= 0:
            graph.add_edge(u, v, edge=e, mm=int(roads_.length_mm[e]))
        if roads_.backward_ms[e] >= 0:
            graph.add_edge(v, u, edge=e, mm=int(roads_.length_mm[e]))
    main: set[int] = set()
    weak = list(nx.weakly_connected_components(graph))
    for nodes in weak:
        strong = nx.strongly_connected_components(graph.subgraph(nodes))

        def size(part: set[int]) -> tuple[int, int]:
            edges = {d["edge"]: d["mm"] for _, _, d in graph.subgraph(part).edges(data=True)}
            return (-sum(edges.values()), min(part))

        main |= min(strong, key=size)
    out = {n for n in graph if main & (nx.descendants(graph, n) | {n})}

    def leaves(row: Any) -> set[int]:
        e = row.edge_id
        u, v = int(roads_.tail[e]), int(roads_.head[e])
        if row.offset_mm == 0:
            return {u}
        if row.offset_mm == roads_.length_mm[e]:
            return {v}
        return ({v} if roads_.forward_ms[e] >= 0 else set()) | (
            {u} if roads_.backward_ms[e] >= 0 else set()
        )

    persons = pd.Series({f"D{i}": 2**i for i in range(len(world.demand_at))}, dtype="int64")
    on = world.demand_at[world.demand_at["edge_id"] >= 0]
    stuck = sum(int(persons[r.point_id]) for r in on.itertuples() if not leaves(r) & out)
    found = network.network_defects(roads_, homes_at=world.demand_at, persons=persons)
    shown = found[found["why"] == "no street leads out"]["persons"].sum()
    assert shown == stuck
    islands = found[found["kind"] == "island"]
    km = {min(nodes): 0 for nodes in weak}
    first = {n: min(nodes) for nodes in weak for n in nodes}
    for e in range(roads_.tail.size):
        km[first[int(roads_.tail[e])]] += int(roads_.length_mm[e])
    longest = min(km, key=lambda n: (-km[n], n))
    apart = sum(
        int(persons[r.point_id])
        for r in on.itertuples()
        if first[int(roads_.tail[r.edge_id])] != longest
    )
    assert islands["persons"].sum() == apart
    assert len(islands) == sum(1 for nodes in weak if min(nodes) != longest and any(
        graph.degree(n) for n in nodes))  # fmt: skip
