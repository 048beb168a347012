"""Service areas claim nothing that is not covered, and little less than all that is."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from truth import Truth

from siting import isochrone, network, travel_time
from siting.network.graph import assemble, drops_table

CRS = pyproj.CRS(4547)
SIZE = 160
# a smaller world with the same fault takes minutes to find and is hardly easier to read
NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]


@st.composite
def worlds(draw):
    """Streets with bends, one-ways, delays and dead edges; barriers; sites."""
    spot = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))
    nodes = draw(st.lists(spot, min_size=2, max_size=7, unique=True))
    pair = st.tuples(st.integers(0, len(nodes) - 1), st.integers(0, len(nodes) - 1))
    edges = draw(st.lists(pair, min_size=1, max_size=9))
    lines, length, forward, backward, stop = [], [], [], [], []
    for a, b in edges:
        bends = draw(st.lists(spot, min_size=1 if a == b else 0, max_size=2, unique=True))
        line = shapely.LineString([nodes[a], *bends, nodes[b]])
        drawn = int(line.length * 1000)
        # stated lengths and speeds are no simple multiple of what is drawn
        length.append(drawn * draw(st.integers(5, 15)) // 10)
        speed = st.one_of(st.just(-1), st.integers(2, 30).map(lambda k, d=drawn: d * k // 10))
        to, back = draw(st.tuples(speed, speed).filter(lambda s: max(s) >= 0))
        lines.append(line)
        forward.append(to)
        backward.append(back)
        stop.append(draw(st.sampled_from([True, True, True, False])))
    delay = draw(st.lists(st.integers(0, 9000), min_size=len(nodes), max_size=len(nodes)))
    roads = assemble(
        mode="walk", access_kph=draw(st.sampled_from([3.6, 5.0])), crs=CRS,
        node_id=np.arange(len(nodes)), node_xy=np.array(nodes, dtype=float),
        tail=[a for a, _ in edges], head=[b for _, b in edges], length_mm=length,
        forward_ms=forward, backward_ms=backward, stoppable=stop,
        highway=["path"] * len(edges), geometry=np.array(lines, dtype=object),
        way_id=np.arange(len(edges)), bridge=np.zeros(len(edges), bool),
        tunnel=np.zeros(len(edges), bool), half_delay_ms=delay, drops=drops_table([]),
    )  # fmt: skip
    walls = []
    for _ in range(draw(st.integers(0, 3))):
        corners = draw(st.lists(spot, min_size=2, max_size=5, unique=True))
        hull = shapely.MultiPoint(corners).convex_hull
        solid = draw(st.booleans()) and hull.geom_type == "Polygon"
        walls.append(hull if solid else shapely.LineString(corners))
    beside = st.tuples(st.sampled_from(nodes), st.integers(-9, 9), st.integers(-9, 9))
    sites = [
        shapely.Point(x + dx, y + dy)
        for (x, y), dx, dy in draw(st.lists(beside, min_size=1, max_size=3))
    ]
    # points off whole metres, so that none stands on a line by design
    chance = np.random.default_rng(draw(st.integers(0, 10**6)))
    places = list(shapely.points(chance.uniform(-60, SIZE + 60, size=(250, 2))))
    return roads, gpd.GeoSeries(walls, crs=CRS), sites, places


@given(
    worlds(),
    st.lists(st.integers(0, 300_000), min_size=1, max_size=3),
    st.sampled_from([30.0, 90.0, 300.0]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([1.0, 4.0, 9.0, 23.0]),
)
@settings(max_examples=100, phases=NO_SHRINKING)
def test_nothing_is_claimed_that_is_not_covered(
    world, thresholds, max_access_m, min_component_km, cell_m
):
    roads, walls, sites, places = world
    rules = {"max_access_m": max_access_m, "min_component_km": min_component_km}
    truth = Truth(roads, **rules, barriers=walls.tolist())
    site_at = network.attach(
        roads, gpd.GeoSeries(sites, index=[f"S{i}" for i in range(len(sites))], crs=CRS),
        barriers=walls, **rules,
    )  # fmt: skip
    areas = isochrone.service_areas(
        roads, site_at, thresholds=thresholds, barriers=walls, cell_m=cell_m, **rules
    )
    assert areas.geometry.is_valid.all()
    nested = areas.sort_values(["site_id", "threshold"]).groupby("site_id").geometry
    for _, rings in nested:
        for small, large in itertools.pairwise(rings):
            assert small.difference(large).area < 1e-9
    any_ms = np.full(len(places), np.iinfo(np.int64).max)
    for i, site in enumerate(sites):
        ms = truth.times(places, site, max(thresholds))
        any_ms[ms >= 0] = np.minimum(any_ms[ms >= 0], ms[ms >= 0])
        for row in areas[areas["site_id"] == f"S{i}"].itertuples():
            claimed = shapely.intersects(row.geometry, np.array(places, dtype=object))
            assert not (claimed & ((ms < 0) | (ms > row.threshold))).any()
    together = isochrone.service_areas(
        roads, site_at, thresholds=thresholds, barriers=walls, cell_m=cell_m, dissolve=True, **rules
    )
    for row in together.itertuples():
        claimed = shapely.intersects(row.geometry, np.array(places, dtype=object))
        assert not (claimed & (any_ms > row.threshold)).any()


@given(worlds(), st.sampled_from([30.0, 90.0, 300.0]))
@settings(max_examples=40, phases=NO_SHRINKING)
def test_the_truth_is_what_demand_points_get(world, max_access_m):
    """The oracle of these tests against attach and nearest: both rest on the same rules."""
    roads, walls, sites, places = world
    rules = {"max_access_m": max_access_m, "min_component_km": 0.0}
    ms = Truth(roads, **rules, barriers=walls.tolist()).times(places, sites[0], 10**9)
    at = network.attach(roads, gpd.GeoSeries(places, crs=CRS), barriers=walls, **rules)
    to = network.attach(
        roads, gpd.GeoSeries(sites[:1], index=["S"], crs=CRS), barriers=walls, **rules
    )
    assert travel_time.nearest(roads, at, to)["impedance"].tolist() == ms.tolist()
