"""Other programs' published figures, and files nobody here wrote."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from shapely import Point

from siting import network, travel_time


def test_walking_distance_of_openrouteservice(test_data):
    """Heidelberg: openrouteservice's own tests publish 2097.2 m between two places."""
    built = network.read_osm(
        test_data / "heidelberg" / "heidelberg.osm.pbf", mode="walk", crs=32632
    )
    places = gpd.GeoSeries(
        [Point(8.676023, 49.416809), Point(8.696837, 49.411839)], index=["a", "b"], crs=4326
    ).to_crs(32632)
    at = network.attach(built, places, max_access_m=100, min_component_km=5)
    way = travel_time.nearest(built, at.iloc[:1], at.iloc[1:], impedance="length")
    assert way["impedance"].tolist()[0] / 1000 == pytest.approx(2097.2, rel=0.03)
    # without the legs, which that program does not count, within a metre or two
    on_street = way["impedance"].tolist()[0] - at["access_mm"].sum()
    assert on_street / 1000 == pytest.approx(2097.2, abs=2)


@pytest.mark.parametrize("mode", ["walk", "drive"])
@pytest.mark.parametrize(
    ("path", "crs"), [("shanghai/shanghai_centre.osm", 4549), ("porto_alegre/poa_osm.pbf", 32722)]
)
def test_edges_are_sound(test_data, path, crs, mode):
    built = network.read_osm(test_data / path, mode=mode, crs=crs)
    line = built.geometry
    tail = np.array([g.coords[0] for g in line])
    head = np.array([g.coords[-1] for g in line])
    assert np.array_equal(tail, built.node_xy[built.tail])
    assert np.array_equal(head, built.node_xy[built.head])
    planar = np.array([g.length for g in line])
    assert np.abs(planar * 1000 - built.length_mm).max() <= 1 + 0.001 * built.length_mm.max()
    assert (built.forward_ms >= 0).any()
    both = built.backward_ms >= 0
    assert both.all() if mode == "walk" else not both.all()
    degree = np.bincount(np.concatenate([built.tail, built.head]))
    assert degree.min() >= 1
    kph = built.length_mm / np.maximum(built.forward_ms, 1) * 3.6
    long = (built.length_mm > 10_000) & (built.forward_ms > 0)
    assert kph[long].max() <= (3.61 if mode == "walk" else 90.1)


def test_the_extract_as_xml_reads_as_the_pbf(test_data, tmp_path):
    osmium = pytest.importorskip("osmium")
    source = test_data / "porto_alegre" / "poa_osm.pbf"
    copy = tmp_path / "poa.osm.gz"
    with osmium.SimpleWriter(str(copy)) as writer:
        for element in osmium.FileProcessor(str(source)):
            writer.add(element)
    versions = {network.read_osm(path, mode="drive", crs=32722).version for path in (source, copy)}
    assert len(versions) == 1
