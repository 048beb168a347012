"""Points on streets, against a loop over all edges."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon, box

from siting import network
from siting.errors import DataError, NetworkError

CRS = 4547


def streets(*rows: dict) -> network.RoadNetwork:
    filled = [{"highway": "residential", **row} for row in rows]
    return network.from_lines(gpd.GeoDataFrame(filled, geometry="geometry", crs=CRS), mode="walk")


def points(*xy: tuple[float, float], ids: list[str] | None = None) -> gpd.GeoSeries:
    names = ids or [f"P{i}" for i in range(len(xy))]
    return gpd.GeoSeries([Point(p) for p in xy], index=names, crs=CRS)


def by_hand(built, point, *, max_access_m, min_component_km, barriers):
    """The rule, word by word, over every edge."""
    every, fit = [], []
    for i in range(built.tail.size):
        line = built.geometry[i]
        mm = math.floor(line.distance(point) * 1000 + 0.5)
        every.append(mm)
        big = built.component_km[built.component[built.tail[i]]] >= min_component_km
        if built.stoppable[i] and big and built.length_mm[i] > 0:
            foot = line.interpolate(line.project(point))
            leg = LineString([point, foot])
            barred = mm > 0 and any(leg.crosses(wall) for wall in barriers)
            fit.append((mm, i, barred))
    if not fit:
        return -1, -1, "no_edge"
    inside = [row for row in sorted(fit) if row[0] <= max_access_m * 1000]
    if not inside:
        return -1, min(fit)[0], "beyond_max_access"
    free = [row for row in inside if not row[2]]
    if not free:
        return -1, min(fit)[0], "behind_barrier"
    mm, i, _ = free[0]
    return i, mm, "second_choice" if mm > min(every) else ""


COORDINATE = st.integers(0, 60)
PAIR = st.tuples(COORDINATE, COORDINATE)


@given(
    lines=st.lists(
        st.tuples(PAIR, PAIR, st.sampled_from(["residential", "trunk_link"])).filter(
            lambda row: row[0] != row[1]
        ),
        min_size=1,
        max_size=12,
    ),
    # off the lattice, so that a leg never meets the very end of a wall
    places=st.lists(st.tuples(st.floats(0, 60), st.floats(0, 60)), min_size=1, max_size=6),
    walls=st.lists(st.tuples(PAIR, PAIR).filter(lambda w: w[0] != w[1]), max_size=3),
    max_access_m=st.sampled_from([0, 5, 20, 100]),
    min_component_km=st.sampled_from([0, 0.03, 0.08]),
)
def test_as_a_loop_over_all_edges(lines, places, walls, max_access_m, min_component_km):
    built = streets(*({"geometry": LineString([a, b]), "highway": h} for a, b, h in lines))
    barriers = [
        LineString([(a[0] + 0.37, a[1] + 0.21), (b[0] + 0.37, b[1] + 0.21)]) for a, b in walls
    ]
    where = points(*places)
    got = network.attach(
        built,
        where,
        max_access_m=max_access_m,
        min_component_km=min_component_km,
        barriers=gpd.GeoSeries(barriers, crs=CRS) if barriers else None,
    )
    for row, point in zip(got.itertuples(), where, strict=True):
        edge, mm, why = by_hand(
            built, point,
            max_access_m=max_access_m, min_component_km=min_component_km, barriers=barriers,
        )  # fmt: skip
        assert (row.edge_id, row.access_mm, row.why) == (edge, mm, why)
        if edge >= 0:
            line = built.geometry[edge]
            share = line.project(point, normalized=True)
            assert row.offset_mm == math.floor(share * built.length_mm[edge] + 0.5)
            assert row.component == built.component[built.tail[edge]]
        else:
            assert (row.offset_mm, row.component) == (-1, -1)


def test_point_order_and_repeated_ids():
    built = streets(
        {"geometry": LineString([(0, 0), (100, 0)])}, {"geometry": LineString([(0, 0), (0, 100)])}
    )
    rng = np.random.default_rng(2)
    xy = [tuple(p) for p in rng.uniform(0, 100, (50, 2))]
    ids = [f"S{i // 2}" for i in range(50)]
    one = network.attach(built, points(*xy, ids=ids), max_access_m=50, min_component_km=0)
    assert one["point_id"].tolist() == ids
    order = rng.permutation(50)
    other = network.attach(
        built,
        points(*(xy[i] for i in order), ids=[ids[i] for i in order]),
        max_access_m=50,
        min_component_km=0,
    )
    pd.testing.assert_frame_equal(one.iloc[order].reset_index(drop=True), other)


def test_a_river_keeps_the_far_bank_away():
    built = streets(
        {"geometry": LineString([(0, 0), (500, 0)])},
        {"geometry": LineString([(0, 200), (500, 200)])},
    )
    river = gpd.GeoSeries([box(-100, 20, 600, 60)], crs=CRS)
    home = points((250, 80), (250, 40))
    free = network.attach(built, home, max_access_m=150, min_component_km=0)
    assert free["access_mm"].tolist() == [80_000, 40_000]
    barred = network.attach(built, home, max_access_m=150, min_component_km=0, barriers=river)
    assert barred["access_mm"].tolist() == [120_000, 40_000]
    assert barred["why"].tolist() == ["second_choice", "behind_barrier"]
    near = network.attach(built, home, max_access_m=100, min_component_km=0, barriers=river)
    assert near["why"].tolist() == ["behind_barrier", "behind_barrier"]


def test_a_street_along_the_bank_is_no_crossing():
    built = streets({"geometry": LineString([(0, 0), (500, 0)])})
    bank = gpd.GeoSeries([Polygon([(0, 0), (500, 0), (500, -50), (0, -50)])], crs=CRS)
    at = network.attach(
        built, points((250, 30)), max_access_m=100, min_component_km=0, barriers=bank
    )
    assert at["why"].tolist() == [""]


def test_homes_on_both_sides_of_a_motorway():
    built = network.from_lines(
        gpd.GeoDataFrame(
            {"highway": ["motorway", "residential", "residential"]},
            geometry=[
                LineString([(0, 0), (1000, 0)]),
                LineString([(0, 90), (1000, 90)]),
                LineString([(0, -70), (1000, -70)]),
            ],
            crs=CRS,
        ),
        mode="drive",
    )
    at = network.attach(built, points((500, 20), (500, -20)), max_access_m=100, min_component_km=0)
    assert at["access_mm"].tolist() == [70_000, 50_000]
    assert at["why"].tolist() == ["second_choice", "second_choice"]


def test_no_edge_of_that_size():
    built = streets({"geometry": LineString([(0, 0), (100, 0)])})
    at = network.attach(built, points((5, 5)), max_access_m=100, min_component_km=1)
    assert at[["edge_id", "access_mm", "why"]].values.tolist() == [[-1, -1, "no_edge"]]


def test_no_points():
    built = streets({"geometry": LineString([(0, 0), (100, 0)])})
    at = network.attach(built, gpd.GeoSeries([], crs=CRS), max_access_m=100, min_component_km=0)
    assert at.empty
    assert at.columns.tolist() == [
        "point_id", "edge_id", "offset_mm", "access_mm", "component", "why",
    ]  # fmt: skip


def test_what_is_refused():
    built = streets({"geometry": LineString([(0, 0), (100, 0)])})
    one = points((1, 1))
    with pytest.raises(DataError, match="CRS"):
        network.attach(built, one.to_crs(4326), max_access_m=1, min_component_km=0)
    with pytest.raises(DataError, match="CRS"):
        network.attach(
            built, one.set_crs(None, allow_override=True), max_access_m=1, min_component_km=0
        )
    with pytest.raises(DataError, match="barriers"):
        network.attach(
            built, one, max_access_m=1, min_component_km=0,
            barriers=gpd.GeoSeries([box(0, 0, 1, 1)], crs=4326),
        )  # fmt: skip
    for stray in (None, Point(1, 1), LineString()):
        with pytest.raises(DataError, match=r"barriers: 1 of 2 .* \(1\)"):
            network.attach(
                built, one, max_access_m=1, min_component_km=0,
                barriers=gpd.GeoSeries([box(0, 0, 1, 1), stray], crs=CRS),
            )  # fmt: skip
    bad = gpd.GeoSeries(
        [Point(1, 1), None, Point(), box(0, 0, 1, 1), Point(float("nan"), 0), Point(1e300, 0)],
        index=list("abcdef"),
        crs=CRS,
    )
    with pytest.raises(DataError, match=r"5 of 6 .* \(b, c, d, e, f\)"):
        network.attach(built, bad, max_access_m=1, min_component_km=0)
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(NetworkError, match="max_access_m"):
            network.attach(built, one, max_access_m=wrong, min_component_km=0)


def test_twelve_schools_of_malta_stand_nearest_to_islands_of_the_graph(test_data):
    built = network.read_osm(test_data / "malta" / "malta.osm.pbf", mode="walk", crs=32633)
    layer = gpd.read_file(test_data / "malta" / "facilities.geojson").to_crs(32633)
    schools = layer[layer["amenity"] == "school"].geometry.centroid
    at = network.attach(built, schools, max_access_m=500, min_component_km=5)
    assert at["why"].value_counts().to_dict() == {"": 155, "second_choice": 12}


def test_a_street_along_a_slanting_bank_is_on_the_side_of_its_homes():
    """Where a leg ends on the bank the last bits of a coordinate do not decide."""
    street = LineString([(18, 51), (116, 67)])
    lake = Polygon([(18, 51), (74, 104), (116, 67)])
    built = streets({"geometry": street})
    along = [street.interpolate(share, normalized=True) for share in np.linspace(0.05, 0.95, 40)]
    for metres, expected in ((-7.3, {""}), (7.3, {"behind_barrier"})):
        # off the street at a right angle: outside the lake, or in it
        homes = gpd.GeoSeries(
            [Point(p.x - metres * 16 / 99.3, p.y + metres * 98 / 99.3) for p in along], crs=CRS
        )
        found = network.attach(
            built, homes, max_access_m=100, min_component_km=0,
            barriers=gpd.GeoSeries([lake], crs=CRS),
        )  # fmt: skip
        assert set(found["why"]) == expected
