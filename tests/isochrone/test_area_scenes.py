"""Scenes whose areas can be worked out with a pencil."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, Polygon, box

from siting import isochrone
from siting.errors import DataError, NetworkError
from siting.network import attach, from_lines

CRS = "EPSG:4547"
RULES = {"max_access_m": 300.0, "min_component_km": 0.0}


def roads(*lines, highway="residential", **columns):
    table = gpd.GeoDataFrame(
        {"highway": [highway] * len(lines), **columns}, geometry=list(lines), crs=CRS
    )
    return from_lines(table, mode="walk")


def one_site(network, x, y, barriers=None):
    return attach(
        network, gpd.GeoSeries([Point(x, y)], index=["S"], crs=CRS), barriers=barriers, **RULES
    )


def area_of(network, site_at, threshold, **options):
    made = isochrone.service_areas(network, site_at, thresholds=[threshold], **RULES | options)
    return made.geometry.iloc[0]


def test_one_street():
    """Street and legs at 1 m/s: the area is a diamond with two of its tips on the street."""
    network = roads(LineString([(0, 0), (2000, 0)]))
    area = area_of(network, one_site(network, 1000, 0), 200_000, cell_m=1.0)
    diamond = Polygon([(800, 0), (1000, 200), (1200, 0), (1000, -200)])
    assert area.difference(diamond).area == 0
    assert area.area > 0.98 * diamond.area


def test_a_dead_end_is_rounded():
    """Beyond the end of a street every leg goes to its end: half a disc."""
    network = roads(LineString([(0, 0), (1000, 0)]))
    area = area_of(network, one_site(network, 0, 0), 100_000, cell_m=1.0)
    disc = Point(0, 0).buffer(100, quad_segs=64)
    west = area.intersection(box(-200, -200, 0, 200))
    half = disc.intersection(box(-200, -200, 0, 200))
    assert west.difference(Point(0, 0).buffer(100, quad_segs=4000)).area < 1e-6
    assert west.area > 0.97 * half.area


def test_by_length_the_leg_counts_its_metres():
    network = roads(LineString([(0, 0), (2000, 0)]))
    area = area_of(network, one_site(network, 1000, 0), 200_000, impedance="length", cell_m=1.0)
    diamond = Polygon([(800, 0), (1000, 200), (1200, 0), (1000, -200)])
    assert area.difference(diamond).area == 0
    assert area.area > 0.98 * diamond.area


def test_a_river_with_one_bridge():
    """No area crosses the water, also where the far bank is a stone's throw away."""
    river = box(-2000, -30, 2000, 30)
    walls = gpd.GeoSeries([river], crs=CRS)
    network = roads(
        LineString([(-1000, 60), (0, 60)]), LineString([(0, 60), (1000, 60)]),
        LineString([(0, 60), (0, -60)]),
        LineString([(-1000, -60), (0, -60)]), LineString([(0, -60), (1000, -60)]),
        bridge=["no", "no", "yes", "no", "no"],
    )  # fmt: skip
    site = one_site(network, 500, 70, walls)
    area = area_of(network, site, 900_000, barriers=walls)
    assert area.intersection(river).area == 0
    north = area.intersection(box(-2000, 30, 2000, 500))
    south = area.intersection(box(-2000, -500, 2000, -30))
    assert north.area > 100_000
    # over the bridge: 10 + 500 + 120 m, so 270 s are left on the far bank
    assert south.area > 0
    assert south.bounds[0] >= -270
    assert south.bounds[2] <= 270
    assert not area.intersects(Point(500, -60))  # 120 m away by crow, 1,130 m on foot
    # without the river as a barrier the bank between street and water is claimed across it
    assert area_of(network, site, 900_000).intersection(river).area > 0


def test_a_motorway_has_two_sides():
    """A home beside a motorway goes to its own street, not to the nearer one across the wall."""
    wall = LineString([(-500, 0), (1500, 0)])
    walls = gpd.GeoSeries([wall], crs=CRS)
    network = roads(LineString([(0, 20), (1000, 20)]), LineString([(0, -80), (1000, -80)]))
    site = one_site(network, 500, 20, walls)
    area = area_of(network, site, 300_000, barriers=walls)
    assert area.intersects(Point(500, 10))
    assert not area.intersects(Point(500, -10))
    assert area.intersection(box(-500, -300, 1500, -0.001)).area == 0


def test_a_place_that_must_go_round_a_barrier_is_claimed_where_it_can_be_proved():
    """Homes between the water and a street beyond a wall attach to the second nearest street."""
    walls = gpd.GeoSeries([LineString([(-500, 0), (1500, 0)])], crs=CRS)
    network = roads(LineString([(0, 20), (1000, 20)]), LineString([(0, -80), (1000, -80)]))
    site = one_site(network, 500, -80, walls)
    area = area_of(network, site, 300_000, barriers=walls)
    # at y = -10 the street across the wall is 30 m away and the own one 70 m
    assert area.intersects(Point(500, -10))
    assert not area.intersects(Point(500, 1))


@pytest.mark.parametrize("turned", [False, True])
def test_a_street_along_the_very_bank(turned):
    """Legs may end on the bank, but nobody lives in the water behind it."""
    lake = box(100, 0, 900, -400)
    walls = gpd.GeoSeries([shapely.reverse(lake) if turned else lake], crs=CRS)
    network = roads(LineString([(0, 0), (100, 0), (900, 0), (1000, 0)]))
    area = area_of(network, one_site(network, 500, 40, walls), 300_000, barriers=walls)
    assert area.intersects(Point(500, 60))
    assert area.intersection(lake).area == 0


def test_holes_are_kept():
    """A ring of streets round a block whose middle is too far from them."""
    ring = [(0, 0), (800, 0), (800, 800), (0, 800)]
    lines = [LineString([ring[i], ring[(i + 1) % 4]]) for i in range(4)]
    network = roads(*lines)
    area = area_of(network, one_site(network, 0, 400), 3_600_000)
    assert sum(len(p.interiors) for p in area.geoms) == 1
    assert not area.intersects(Point(400, 400))  # 400 m from any street, legs are 300 m at most


def test_one_way_the_home_side_counts():
    """From demand to site: downstream of the site on a one-way street nothing is claimed."""
    table = gpd.GeoDataFrame(
        {"highway": ["residential"], "oneway": ["yes"]},
        geometry=[LineString([(0, 0), (1000, 0)])], crs=CRS,
    )  # fmt: skip
    network = from_lines(table, mode="drive")
    site = one_site(network, 500, 0)
    area = area_of(network, site, 120_000)
    assert area.intersects(Point(400, 5))
    assert not area.intersects(Point(505, 5))


def test_thresholds_come_sorted_and_sites_by_name():
    network = roads(LineString([(0, 0), (2000, 0)]))
    at = attach(
        network, gpd.GeoSeries([Point(1500, 0), Point(500, 0)], index=["b", "a"], crs=CRS), **RULES
    )
    made = isochrone.service_areas(network, at, thresholds=[200_000, 100_000], **RULES)
    assert made["site_id"].tolist() == ["a", "a", "b", "b"]
    assert made["threshold"].tolist() == [100_000, 200_000] * 2
    again = isochrone.service_areas(
        network, at.iloc[::-1], thresholds=[100_000, 200_000], threads=1, **RULES
    )
    assert again.geometry.geom_equals_exact(made.geometry, 0).all()


def test_a_site_on_no_street_has_an_empty_area():
    network = roads(LineString([(0, 0), (2000, 0)]))
    made = isochrone.service_areas(network, one_site(network, 0, 9000), thresholds=[1000], **RULES)
    assert made["area_m2"].tolist() == [0.0]
    assert made.geometry.is_empty.all()


@pytest.mark.parametrize("thresholds", [[], [-1], list(range(300))])
def test_thresholds_that_are_none(thresholds):
    network = roads(LineString([(0, 0), (2000, 0)]))
    with pytest.raises(NetworkError, match="thresholds"):
        isochrone.service_areas(network, one_site(network, 0, 0), thresholds=thresholds, **RULES)


@pytest.mark.parametrize("cell_m", [0.0, -1.0, float("nan"), float("inf"), 1e-9])
def test_cells_that_are_none(cell_m):
    network = roads(LineString([(0, 0), (2000, 0)]))
    with pytest.raises(NetworkError, match="cell_m"):
        isochrone.service_areas(
            network, one_site(network, 0, 0), thresholds=[1000], cell_m=cell_m, **RULES
        )


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_limits_of_attachment_that_are_none(rule, value):
    network = roads(LineString([(0, 0), (2000, 0)]))
    at = one_site(network, 0, 0)
    with pytest.raises(NetworkError, match=rule):
        isochrone.service_areas(network, at, thresholds=[1000], **RULES | {rule: value})


def test_barriers_in_another_crs():
    network = roads(LineString([(0, 0), (2000, 0)]))
    walls = gpd.GeoSeries([LineString([(0, 0), (1, 1)])], crs=4326)
    with pytest.raises(DataError, match="barriers"):
        isochrone.service_areas(
            network, one_site(network, 0, 0), thresholds=[1000], barriers=walls, **RULES
        )


def test_dissolved_is_no_less_than_each():
    network = roads(LineString([(0, 0), (2000, 0)]))
    at = attach(
        network, gpd.GeoSeries([Point(1500, 0), Point(500, 0)], index=["b", "a"], crs=CRS), **RULES
    )
    each = isochrone.service_areas(network, at, thresholds=[600_000], **RULES)
    both = isochrone.service_areas(network, at, thresholds=[600_000], dissolve=True, **RULES)
    assert both["site_id"].tolist() == [""]
    joined = shapely.union_all(each.geometry)
    assert both.geometry.iloc[0].area >= 0.999 * joined.area
    assert np.isclose(both["area_m2"].iloc[0], both.geometry.iloc[0].area)
