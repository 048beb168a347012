"""Streets from OSM: what tags open and close, what joins, what is listed."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pyproj
import pytest
from shapely import LinearRing, box

from siting import network
from siting.errors import DataError, NetworkError
from siting.network.tags import limit_kph, way_use

CRS = 32633
GEOD = pyproj.Geod(ellps="WGS84")


def element(kind: str, number: int, inner: str, tags: dict[str, str], more: str = "") -> str:
    rows = "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())
    return f'<{kind} id="{number}" version="1" {more}>{inner}{rows}</{kind}>'


def osm(
    nodes: dict[int, tuple[float, float]],
    ways: dict[int, tuple[list[int], dict[str, str]]],
    *,
    node_tags: dict[int, dict[str, str]] | None = None,
    order: random.Random | None = None,
) -> str:
    """OSM XML; nodes in steps of 0.001° from 15° E, 36° N."""
    rows = [
        element("node", i, "", (node_tags or {}).get(i, {}),
                f'lat="{36 + y / 1000:.7f}" lon="{15 + x / 1000:.7f}"')
        for i, (x, y) in nodes.items()
    ]  # fmt: skip
    rows += [
        element("way", i, "".join(f'<nd ref="{n}"/>' for n in refs), tags)
        for i, (refs, tags) in ways.items()
    ]
    if order:
        order.shuffle(rows)
    return f'<osm version="0.6" generator="test">{"".join(rows)}</osm>'


def read(tmp_path: Path, text: str, mode: str = "walk", **more: object) -> network.RoadNetwork:
    file = tmp_path / "roads.osm"
    file.write_text(text, "utf-8")
    return network.read_osm(file, mode=mode, crs=CRS, **more)


def ends(built: network.RoadNetwork) -> list[tuple[int, int]]:
    ids = built.node_id.tolist()
    pairs = zip(built.tail, built.head, strict=True)
    return sorted((min(ids[a], ids[b]), max(ids[a], ids[b])) for a, b in pairs)


ROW = {1: (0, 0), 2: (1, 0), 3: (2, 0), 4: (3, 0), 5: (1, 1), 6: (1, -1)}
STREET = {"highway": "residential"}


def test_an_edge_runs_from_junction_to_junction(tmp_path):
    built = read(tmp_path, osm(ROW, {10: ([1, 2, 3, 4], STREET), 11: ([5, 2, 6], STREET)}))
    assert ends(built) == [(1, 2), (2, 4), (2, 5), (2, 6)]
    east = built.way_id.tolist().index(10)
    assert built.crs.to_epsg() == CRS
    metres = GEOD.line_length([15.001, 15.002, 15.003], [36, 36, 36])
    long = built.length_mm.max()
    assert long == round(metres * 1000)
    assert built.forward_ms[east] == built.length_mm[east]  # 3.6 km/h


def test_two_ways_in_line_are_one_edge_unless_something_changes(tmp_path):
    alike = {10: ([1, 2], STREET), 11: ([2, 3], {**STREET, "name": "other"})}
    assert ends(read(tmp_path, osm(ROW, alike))) == [(1, 3)]
    for tag in ({"highway": "service"}, {**STREET, "bridge": "yes"}, {**STREET, "tunnel": "yes"}):
        changed = {10: ([1, 2], STREET), 11: ([2, 3], tag)}
        assert ends(read(tmp_path, osm(ROW, changed))) == [(1, 2), (2, 3)]


def test_a_bridge_does_not_join_what_it_crosses(tmp_path):
    nodes = {1: (0, 0), 2: (2, 0), 3: (1, -1), 4: (1, 1)}
    ways = {10: ([1, 2], STREET), 11: ([3, 4], {**STREET, "bridge": "yes", "layer": "1"})}
    built = read(tmp_path, osm(nodes, ways))
    assert built.component_km.size == 2
    assert sorted(built.stoppable.tolist()) == [False, True]


def test_oneways_run_in_their_direction_however_drawn(tmp_path):
    along = {10: ([1, 2], {**STREET, "oneway": "yes"}), 11: ([2, 3], {**STREET, "oneway": "yes"})}
    against = {
        10: ([2, 1], {**STREET, "oneway": "-1"}),
        11: ([2, 3], {**STREET, "oneway": "true"}),
    }
    for ways in (along, against):
        built = read(tmp_path, osm(ROW, ways), "drive")
        assert built.node_id[[built.tail[0], built.head[0]]].tolist() == [1, 3]
        assert built.forward_ms[0] > 0
        assert built.backward_ms.tolist() == [-1]
    head_on = {10: ([1, 2], {**STREET, "oneway": "yes"}), 11: ([3, 2], {**STREET, "oneway": "yes"})}
    assert ends(read(tmp_path, osm(ROW, head_on), "drive")) == [(1, 2), (2, 3)]
    assert ends(read(tmp_path, osm(ROW, head_on), "walk")) == [(1, 3)]


def test_rings_loops_and_dead_ends_stay(tmp_path):
    ring = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (-1, 0)}
    alone = read(tmp_path, osm(ring, {10: ([3, 4, 1, 2, 3], STREET)}))
    assert ends(alone) == [(1, 1)]
    lollipop = read(tmp_path, osm(ring, {10: ([1, 2, 3, 4, 1, 5], STREET)}))
    assert ends(lollipop) == [(1, 1), (1, 5)]
    roundabout = {**STREET, "junction": "roundabout"}
    driven = read(tmp_path, osm(ring, {10: ([1, 2, 3, 4, 1], roundabout)}), "drive")
    assert driven.backward_ms.tolist() == [-1]
    assert LinearRing(driven.geometry[0]).is_ccw


@pytest.mark.parametrize(
    ("tags", "walk", "drive"),
    [
        ({}, True, True),
        ({"access": "private"}, False, False),
        ({"access": "no", "foot": "yes"}, True, False),
        ({"access": "private; yes"}, True, True),
        ({"access": "destination"}, True, True),
        ({"access": "customers"}, True, True),
        ({"foot": "no"}, False, True),
        ({"foot": "use_sidepath"}, False, True),
        ({"motor_vehicle": "no"}, True, False),
        ({"vehicle": "no", "motorcar": "yes"}, True, True),
        ({"motor_vehicle": "yes", "motorcar": "no"}, True, False),
        ({"motorroad": "yes"}, False, True),
        ({"motorroad": "yes", "foot": "designated"}, True, True),
        ({"highway": "motorway"}, False, True),
        ({"highway": "motorway", "foot": "yes"}, True, True),
        ({"highway": "motorway", "access": "yes"}, False, True),
        ({"highway": "footway"}, True, False),
        ({"highway": "footway", "motorcar": "yes"}, True, False),
        ({"highway": "construction"}, False, False),
        ({"highway": "service", "service": "emergency_access"}, True, False),
        ({"route": "ferry"}, False, False),
        ({"oneway": "reversible"}, True, False),
    ],
)
def test_access(tags, walk, drive):
    speeds = network.read_speeds()
    full = {**STREET, **tags}
    assert (not way_use(full, "walk", speeds).closed) == walk
    assert (not way_use(full, "drive", speeds).closed) == drive


@pytest.mark.parametrize(
    ("tags", "forward", "backward"),
    [
        ({}, 20, 20),
        ({"maxspeed": "10"}, 10, 10),
        ({"maxspeed": "100"}, 20, 20),  # a limit caps, it does not raise
        ({"maxspeed": "10 mph"}, 16.09344, 16.09344),
        ({"maxspeed": "none"}, 20, 20),
        ({"maxspeed": "15;10"}, 10, 10),
        ({"maxspeed:forward": "5"}, 5, 20),
        ({"maxspeed": "15", "maxspeed:backward": "5"}, 15, 5),
        ({"oneway": "1"}, 20, 0),
        ({"oneway": "reverse"}, 0, 20),
        ({"oneway": "no", "junction": "roundabout"}, 20, 20),
        ({"junction": "circular"}, 20, 0),
        ({"highway": "motorway"}, 90, 0),
        ({"highway": "motorway", "oneway": "no"}, 90, 90),
        ({"oneway": "yes", "oneway:motor_vehicle": "no"}, 20, 20),
        ({"oneway:bicycle": "yes"}, 20, 20),
    ],
)
def test_driving_directions_and_speeds(tags, forward, backward):
    use = way_use({**STREET, **tags}, "drive", network.read_speeds())
    assert (use.forward_kph, use.backward_kph) == pytest.approx((forward, backward))


@pytest.mark.parametrize(
    ("tags", "forward", "backward"),
    [
        ({"oneway": "yes"}, True, True),
        ({"oneway:foot": "yes"}, True, False),
        ({"oneway:foot": "-1"}, False, True),
        ({"foot:backward": "no"}, True, False),
    ],
)
def test_walking_directions(tags, forward, backward):
    use = way_use({**STREET, **tags}, "walk", network.read_speeds())
    assert (use.forward_kph > 0, use.backward_kph > 0) == (forward, backward)


def test_limits_as_words():
    speeds = network.read_speeds()
    assert limit_kph("CN:urban", speeds) == 50
    assert [limit_kph(t, speeds) for t in ("", "fast", "0", "signals", "-5")] == [None] * 5


def test_drops_name_the_element_and_the_tag(tmp_path):
    ways = {
        10: ([1, 2, 3], STREET),
        11: ([2, 5], {**STREET, "access": "private"}),
        12: ([2, 6], {"route": "ferry"}),
        13: ([1, 2, 99, 3, 4], STREET),
        14: ([3], STREET),
        15: ([1, 5, 2, 1], {"highway": "pedestrian", "area": "yes"}),
        16: ([1, 6], {"highway": "proposed"}),
        17: ([5, 6], {"highway": "proposed"}),
    }
    built = read(tmp_path, osm(ROW, ways))
    rows = {(r.row, r.what, r.action) for r in built.drops.itertuples()}
    assert rows == {
        ("w11", "highway=residential, access=private", "not walked"),
        ("w12", "route=ferry", "not walked"),
        ("w13", "1 of its 5 nodes are not in the file", "cut there"),
        ("w14", "fewer than two nodes", "left out"),
        ("w15", "highway=pedestrian, area=yes", "an area: only its outline is used"),
        ("", "2 ways highway=proposed", "not walked"),
    }
    assert (2, 4) in ends(built)


@pytest.mark.parametrize(
    ("tags", "mode", "cut"),
    [
        ({"barrier": "bollard"}, "drive", True),
        ({"barrier": "bollard"}, "walk", False),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, "drive", False),
        ({"barrier": "gate"}, "drive", False),
        ({"barrier": "gate", "access": "private"}, "walk", True),
        ({"barrier": "gate", "access": "private", "foot": "yes"}, "walk", False),
        ({"highway": "crossing"}, "walk", False),
    ],
)
def test_gates_end_the_street(tmp_path, tags, mode, cut):
    text = osm(ROW, {10: ([1, 2, 3, 4], STREET)}, node_tags={2: tags})
    built = read(tmp_path, text, mode)
    assert built.component_km.size == (2 if cut else 1)
    assert built.tail.size == (2 if cut else 1)
    assert ("n2" in set(built.drops["row"])) == cut
    assert np.unique(built.node_id).size == built.node_id.size


def test_element_order_changes_nothing(tmp_path):
    rng = random.Random(4)
    nodes = {i: (rng.randrange(9), rng.randrange(9)) for i in range(1, 40)}
    ways = {
        100 + i: (
            rng.sample(sorted(nodes), rng.randint(2, 6)),
            {**STREET, "oneway": rng.choice(["yes", "no", "-1"])},
        )
        for i in range(25)
    }
    for mode in ("walk", "drive"):
        versions = {
            read(tmp_path, osm(nodes, ways, order=order), mode).version
            for order in (None, random.Random(1), random.Random(2))
        }
        assert len(versions) == 1


def test_clip_keeps_segments_with_an_end_inside(tmp_path):
    text = osm(ROW, {10: ([1, 2, 3, 4], STREET), 11: ([3, 4], {**STREET, "highway": "path"})})
    whole = read(tmp_path, text)
    x = whole.node_xy[:, 0]
    area = box(x.min() - 5, 0, x.min() + 100, 1e7)  # holds node 2 but not 3
    clipped = read(tmp_path, text, clip=area)
    assert ends(clipped) == [(1, 3)]
    assert "1 ways outside the study area" in clipped.drops["what"].tolist()
    with pytest.raises(NetworkError, match="in the study area"):
        read(tmp_path, text, clip=box(0, 0, 1, 1))


def test_gz_pbf_and_xml_read_alike(tmp_path, test_data):
    text = osm(ROW, {10: ([1, 2, 3, 4], STREET), 11: ([5, 2, 6], STREET)})
    plain = read(tmp_path, text)
    packed = tmp_path / "roads.osm.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert network.read_osm(packed, mode="walk", crs=CRS).version == plain.version


def test_negative_ids_of_editors(tmp_path):
    nodes = {-1: (0, 0), -2: (1, 0), -3: (2, 0)}
    built = read(tmp_path, osm(nodes, {-5: ([-1, -2, -3], STREET)}))
    assert ends(built) == [(-3, -1)]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.osm.pbf", b"", "empty"),
        ("a.osm.pbf", b"\x00\x00\x00\x0bnothing", "a.osm.pbf cannot be read"),
        ("a.osm", b"<osm version='0.6'><node id='1'", "a.osm cannot be read"),
        ("a.osm", b"hello", "a.osm cannot be read"),
        ("a.osm", b"<html></html>", "a.osm cannot be read"),
        ("a.osm.gz", b"not gzip", "a.osm.gz cannot be read"),
        ("a.txt", b"x", "does not end in"),
    ],
)
def test_broken_files_are_named(tmp_path, name, content, said):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DataError, match=said):
        network.read_osm(file, mode="walk", crs=CRS)


def test_no_file_and_no_streets(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        network.read_osm(tmp_path / "none.osm", mode="walk", crs=CRS)
    with pytest.raises(NetworkError, match="no street"):
        read(tmp_path, osm(ROW, {10: ([1, 2], {"waterway": "river"})}))
    with pytest.raises(NetworkError, match="no street"):
        read(tmp_path, osm(ROW, {10: ([8, 9], STREET)}))


def test_a_truncated_extract_is_named(tmp_path, test_data):
    whole = (test_data / "malta" / "malta.osm.pbf").read_bytes()
    file = tmp_path / "cut.osm.pbf"
    for size in (10, 1_000, len(whole) // 3, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cut\.osm\.pbf cannot be read"):
            network.read_osm(file, mode="walk", crs=CRS)


def test_streets_far_outside_the_crs(tmp_path):
    file = tmp_path / "roads.osm"
    file.write_text(osm(ROW, {10: ([1, 2], STREET)}), "utf-8")
    with pytest.raises(NetworkError, match="working CRS made for"):
        network.read_osm(file, mode="walk", crs=4547)
