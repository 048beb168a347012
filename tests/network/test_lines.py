"""A clean line layer: what joins, what does not, what is refused."""

from __future__ import annotations

from itertools import permutations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from shapely import LineString, MultiLineString, Point, Polygon

from siting import load, network
from siting.errors import DataError, NetworkError

CRS = 4547


def roads(*rows: dict, crs: object = CRS) -> gpd.GeoDataFrame:
    filled = [{"highway": "residential", **row} for row in rows]
    return gpd.GeoDataFrame(filled, geometry="geometry", crs=crs)


def line(*xy: tuple[float, float]) -> LineString:
    return LineString(xy)


def test_lines_join_at_ends_only():
    crossing = roads(
        {"geometry": line((0, 0), (100, 0))},
        {"geometry": line((50, -50), (50, 50)), "bridge": "yes"},
        {"geometry": line((100, 0), (100, 80))},
    )
    built = network.from_lines(crossing, mode="walk")
    assert built.node_id.size == 5
    assert built.component_km.tolist() == [0.18, 0.1]
    assert built.bridge.tolist().count(True) == 1
    assert built.stoppable[built.bridge].tolist() == [False]


def test_ends_meet_to_the_millimetre():
    near = roads({"geometry": line((0, 0), (100, 0))}, {"geometry": line((100.0004, 0), (200, 0))})
    apart = roads({"geometry": line((0, 0), (100, 0))}, {"geometry": line((100.01, 0), (200, 0))})
    assert network.from_lines(near, mode="walk").component_km.size == 1
    assert network.from_lines(apart, mode="walk").component_km.size == 2


@pytest.mark.parametrize(
    ("word", "forward", "backward"),
    [
        ("yes", True, False), ("F", True, False), ("1", True, False), (1, True, False),
        ("-1", False, True), ("T", False, True), (-1.0, False, True),
        ("no", True, True), ("B", True, True), ("", True, True), (None, True, True),
        (np.nan, True, True),
    ],
)  # fmt: skip
def test_oneway_words(word, forward, backward):
    table = roads({"geometry": line((0, 0), (60, 0)), "oneway": word})
    built = network.from_lines(table, mode="drive")
    assert [built.forward_ms[0] >= 0, built.backward_ms[0] >= 0] == [forward, backward]
    walked = network.from_lines(table, mode="walk")
    assert walked.forward_ms[0] == walked.backward_ms[0] == 60_000


@pytest.mark.parametrize("column", [{}, {"oneway": ""}, {"oneway": None}])
def test_a_motorway_that_does_not_say_is_one_way_read_from_a_file_or_not(column):
    """As the speeds file has it, and told; ``no`` says otherwise."""
    table = roads(
        {"geometry": line((430_000, 3_250_000), (430_090, 3_250_000)), "highway": "motorway"}
        | column,
        {"geometry": line((430_000, 3_250_000), (430_000, 3_250_090))} | column,
    )
    loaded = load.roads(table, crs=pyproj.CRS(CRS)).table
    for given in (table, loaded):
        built = network.from_lines(given, mode="drive")
        both = built.backward_ms >= 0
        assert sorted(zip(built.highway.tolist(), both.tolist(), strict=True)) == [
            ("motorway", False), ("residential", True),
        ]  # fmt: skip
        assert built.drops[["what", "action"]].to_numpy().tolist() == [
            ["1 lines of highway=motorway do not say oneway", "one-way as drawn"]
        ]
    said = network.from_lines(loaded.assign(oneway="no"), mode="drive")
    assert (said.backward_ms >= 0).all()
    assert said.drops.empty


def test_speeds_by_class_by_column_and_by_file(tmp_path):
    table = roads(
        {"geometry": line((0, 0), (100, 0)), "highway": "主干路"},
        {"geometry": line((0, 0), (0, 100)), "highway": "primary", "speed_kph": 36},
        {"geometry": line((0, 0), (-100, 0)), "highway": "footway", "speed_kph": 36},
    )
    built = network.from_lines(table, mode="drive")
    by_row = dict(zip(built.way_id.tolist(), built.forward_ms.tolist(), strict=True))
    assert by_row == {0: 8_000, 1: 10_000}  # 45 km/h, 36 km/h; a footway is not driven
    assert built.drops["what"].tolist() == ["1 lines of highway=footway"]
    file = tmp_path / "speeds.toml"
    file.write_text("[class]\nprimary = { drive_kph = 90 }\n", "utf-8")
    faster = network.from_lines(table, mode="drive", speeds=str(file))
    assert dict(zip(faster.way_id.tolist(), faster.forward_ms.tolist(), strict=True)) == {
        0: 4_000,
        1: 10_000,
    }


def test_a_stated_length_counts_and_parts_share_it():
    table = roads(
        {
            "geometry": MultiLineString([[(0, 0), (100, 0)], [(100, 0), (400, 0)]]),
            "length_m": 800.0,
        }
    )
    built = network.from_lines(table, mode="walk")
    assert sorted(built.length_mm.tolist()) == [200_000, 600_000]


def test_zero_length_is_listed():
    table = roads({"geometry": line((0, 0), (100, 0))}, {"geometry": line((5, 5), (5, 5.0001))})
    built = network.from_lines(table, mode="walk")
    assert built.tail.size == 1
    assert built.drops.to_dict("records") == [
        {"table": "roads", "row": "row 2", "what": "a line of zero length", "action": "left out"}
    ]


def test_all_breaches_at_once():
    table = roads(
        {"geometry": line((0, 0), (1, 0)), "highway": "avenue", "oneway": "maybe"},
        {"geometry": Point(0, 0), "speed_kph": -3},
        {"geometry": line((0, 0), (1, 0)), "bridge": "perhaps"},
        {"geometry": Polygon([(0, 0), (1, 0), (1, 1)])},
    )
    with pytest.raises(DataError) as caught:
        network.from_lines(table, mode="drive")
    text = str(caught.value)
    assert len(caught.value.problems) == 5
    for word in ("'avenue'", "'maybe'", "speed_kph", "bridge", "row 2, row 4", "speeds file"):
        assert word in text


def test_a_corner_that_is_no_number():
    with np.errstate(invalid="ignore"):
        table = roads({"geometry": line((0, 0), (float("nan"), 5), (9, 9))})
    with pytest.raises(DataError, match="row 1"):
        network.from_lines(table, mode="walk")


@pytest.mark.parametrize("crs", [4326, 2277])  # degrees; feet
def test_crs_must_be_metric(crs):
    with pytest.raises(NetworkError, match="metres"):
        network.from_lines(roads({"geometry": line((0, 0), (1, 0))}, crs=crs), mode="walk")


def test_no_edges_left_is_said():
    with pytest.raises(
        NetworkError,
        match=r"no edge is left .*\(1 lines of highway=footway: closed to mode drive\)",
    ):
        network.from_lines(
            roads({"geometry": line((0, 0), (1, 0)), "highway": "footway"}), mode="drive"
        )
    empty = roads({"geometry": line((0, 0), (1, 0))}).iloc[:0]
    with pytest.raises(NetworkError, match="no edge is left"):
        network.from_lines(empty, mode="drive")


def test_row_order_changes_nothing_but_way_id():
    rng = np.random.default_rng(3)
    table = roads(
        *(
            {
                "geometry": line(*rng.integers(0, 4, (3, 2)).tolist()),
                "oneway": str(rng.choice(["yes", "no", "-1"])),
            }
            for _ in range(60)
        )
    )
    table = table[table.length > 0].reset_index(drop=True)
    one = network.from_lines(table, mode="drive")
    order = rng.permutation(len(table))
    other = network.from_lines(table.iloc[order].reset_index(drop=True), mode="drive")
    for name in ("node_xy", "tail", "head", "length_mm", "forward_ms", "backward_ms", "component"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_the_argument_is_left_alone():
    table = roads({"geometry": line((0, 0), (100, 0)), "oneway": None})
    before = table.copy(deep=True)
    network.from_lines(table, mode="walk")
    assert table.equals(before)


def test_a_mode_that_there_is_not_is_refused_by_name():
    with pytest.raises(NetworkError, match=r"no mode 'fly'\. Use one of walk, cycle, ebike, drive"):
        network.from_lines(roads({"geometry": line((0, 0), (1, 0))}), mode="fly")


@pytest.mark.parametrize("ids", [[1.5, 2], [float("nan"), 2], ["a", "2"], [2.0**60, 2]])
def test_ways_are_called_by_whole_numbers(ids):
    """A half way, or none, would be called by another number without a word."""
    table = roads({"geometry": line((0, 0), (1, 0))}, {"geometry": line((0, 0), (0, 1))})
    with pytest.raises(DataError, match=r"1 of 2 rows have a way_id .* \(row 1\)"):
        network.from_lines(table.assign(way_id=ids), mode="walk")
    named = network.from_lines(table.assign(way_id=["7", "5"]), mode="walk")
    assert sorted(named.way_id.tolist()) == [5, 7]


def test_lines_that_agree_in_ends_and_length_have_an_order_of_their_own() -> None:
    """Two ways round a block, as long as each other: told apart by their corners only."""
    ways = [
        LineString([(0, 0), (50, 0), (50, 50)]),
        LineString([(0, 0), (0, 50), (50, 50)]),
        LineString([(0, 0), (50, 50)]),
    ]
    made = [
        network.from_lines(
            gpd.GeoDataFrame(
                {"highway": "residential", "way_id": list(order)},
                geometry=[ways[i] for i in order], crs=4547,
            ),
            mode="walk",
        )
        for order in permutations(range(3))
    ]  # fmt: skip
    assert len({one.version for one in made}) == 1
    assert made[0].way_id.tolist()[0] == 2  # the shortest first


def test_ways_on_the_same_streets_are_known_by_their_streets() -> None:
    roads = gpd.GeoDataFrame(
        {"highway": ["residential", "footway"]},
        geometry=[LineString([(0, 0), (60, 0)]), LineString([(60, 0), (60, 90)])], crs=4547,
    )  # fmt: skip
    walk = network.from_lines(roads, mode="walk")
    slow = network.from_lines(roads, mode="walk", speeds=network.read_speeds().walking_at(2.0))
    moved = network.from_lines(roads.assign(geometry=roads.translate(1, 0)), mode="walk")
    assert network.same_streets(walk, slow)
    assert walk.version != slow.version
    assert not network.same_streets(walk, moved)
    assert not network.same_streets(walk, network.from_lines(roads, mode="drive"))
