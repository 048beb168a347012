"""Road layers that are not road layers: a clear error, or every drop listed."""

from __future__ import annotations

import time
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from shapely import LineString, Point

from siting import load, network
from siting.errors import DataError, NetworkError

CRS = pyproj.CRS(4547)
E, N = 500_000.0, 3_200_000.0  # a place where EPSG:4547 is used


def layer(lines: list[Any], crs: Any = CRS, **columns: list[Any]) -> gpd.GeoDataFrame:
    shapes = [LineString(xy) if isinstance(xy, list) else xy for xy in lines]
    table = {"highway": ["residential"] * len(shapes), **columns}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=crs)


def at(*xy: tuple[float, float]) -> list[tuple[float, float]]:
    return [(E + x, N + y) for x, y in xy]


def built(raw: gpd.GeoDataFrame, **options: Any) -> tuple[network.RoadNetwork, network.Topology]:
    """The way a study's road layer goes."""
    read = load.roads(raw, crs=CRS, lengthless=True)
    made = network.topology(read.table, **options)
    return network.from_lines(made.lines, mode="walk"), made


def test_no_lines() -> None:
    none = layer([])
    with pytest.raises(DataError, match="roads: the layer has no rows"):
        built(none)
    with pytest.raises(NetworkError, match="no lines"):
        network.topology(none)


def test_all_of_zero_length() -> None:
    raw = layer([at((0, 0), (0, 0)), at((9, 9), (9, 9))])
    with pytest.raises(
        NetworkError, match=r"no edge is left .*\(a line of zero length: left out\)"
    ):
        built(raw)
    made = network.topology(raw, repair="safe")
    assert made.defects["kind"].tolist() == ["zero_length"] * 2
    assert made.drops["what"].tolist() == ["a line of zero length"] * 2
    with pytest.raises(NetworkError, match="no edge is left"):
        network.from_lines(made.lines, mode="walk")


def test_a_line_of_zero_length_of_a_file_is_a_defect_with_its_place() -> None:
    """Loading does not take it away before the list of defects is made."""
    raw = layer([at((0, 0), (50, 0)), at((9, 9), (9, 9))])
    read = load.roads(raw, crs=CRS, lengthless=True)
    assert read.drops.empty
    assert load.roads(raw, crs=CRS).drops["what"].tolist() == ["a line without length"]
    found = network.topology(read.table).defects
    assert found[["kind", "rows", "done"]].values.tolist() == [["zero_length", "row 2", "none"]]
    assert [(p.x, p.y) for p in found.geometry] == at((9, 9))


def test_all_islands() -> None:
    """Nothing meets: everything but the longest is listed as an island, with its people."""
    raw = layer([at((0, 90 * i), (50 + i, 90 * i)) for i in range(6)])
    roads, made = built(raw, snap_m=1, repair="safe")
    assert not len(made.defects)
    found = network.network_defects(roads)
    assert found["kind"].tolist() == ["island"] * 5
    assert sorted(found["size_m"]) == [50, 51, 52, 53, 54]
    homes = gpd.GeoSeries([Point(E + 10, N + 3)], index=["home"], crs=CRS)
    where = network.attach(roads, homes, max_access_m=500, min_component_km=2)
    assert where["why"].tolist() == ["no_edge"]  # and so not assessed


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_corners_that_are_no_numbers(bad: float) -> None:
    with np.errstate(invalid="ignore"):
        raw = layer([at((0, 0), (50, 0)), at((0, 0), (bad, 9), (9, 9))])
    with pytest.raises(DataError, match="coordinate that is not a number") as told:
        built(raw)
    assert "row 2" in str(told.value)
    with pytest.raises(DataError, match="corners that are no numbers") as told:
        network.topology(raw)
    assert "row 2" in str(told.value)


def test_no_geometry_is_dropped_and_listed() -> None:
    raw = layer([at((0, 0), (50, 0)), None, LineString()])
    read = load.roads(raw, crs=CRS)
    assert len(read.table) == 1
    assert read.drops["row"].tolist() == ["row 2", "row 3"]
    with pytest.raises(DataError, match="2 of 3 geometries are missing"):
        network.topology(raw)


def test_points_and_polygons_among_the_lines() -> None:
    raw = layer([at((0, 0), (50, 0)), Point(E, N), shapely.box(E, N, E + 9, N + 9)])
    for step in (built, network.topology):
        with pytest.raises(DataError, match="row 2, row 3"):
            step(raw)


def test_degrees_among_metres() -> None:
    """Two CRS in one layer: rows in degrees lie near the origin, far from where the CRS is used."""
    raw = layer([at((0, 0), (50, 0)), [(113.1, 29.3), (113.2, 29.3)]])
    with pytest.raises(DataError, match="row 2"):
        built(raw)


def test_an_undeclared_or_a_geographic_crs() -> None:
    with pytest.raises(DataError, match="no CRS is declared"):
        network.topology(layer([at((0, 0), (50, 0))], crs=None))
    with pytest.raises(NetworkError, match="not a projected CRS"):
        network.topology(layer([[(113.1, 29.3), (113.2, 29.3)]], crs=4490))


def test_beyond_exact_arithmetic() -> None:
    with pytest.raises(DataError, match="from the origin"):
        network.topology(layer([[(0, 0), (1e12, 0)]]))


def copies(count: int) -> gpd.GeoDataFrame:
    """Three streets, one of them drawn ``count`` times, every other time backwards."""
    one = [(0.0, 0.0), (60.0, 9.0), (100.0, 0.0)]
    xy = np.tile(np.array([one, one[::-1]]), (count // 2, 1, 1)).reshape(-1, 2)
    shapes = shapely.linestrings(xy, indices=np.repeat(np.arange(count), 3))
    more = [LineString([(100, 0), (200, 0)]), LineString([(150, -50), (150, 50)])]
    return gpd.GeoDataFrame(
        {"highway": ["residential"] * (count + 2)}, geometry=[*shapes, *more], crs=CRS
    )


def many(count: int, seconds: float) -> None:
    began = time.monotonic()
    made = network.topology(copies(count), snap_m=1, repair="safe")
    took = time.monotonic() - began
    assert len(made.lines) == 3
    assert len(made.drops) == count - 1
    told = made.defects.set_index("kind")
    assert told.loc["duplicate", "rows"].endswith(f"and {count - 5} more")
    assert told.loc["duplicate", "done"] == "removed"
    assert sorted(told.index) == ["duplicate", "unnoded_crossing"]
    assert took < seconds, f"{took:.0f} s"


def test_a_hundred_thousand_duplicates() -> None:
    many(100_000, seconds=30)


@pytest.mark.slow
def test_a_million_duplicates() -> None:
    many(1_000_000, seconds=300)


def test_a_heap_of_ends_is_refused_by_name() -> None:
    count = 16_000
    near = np.random.default_rng(5).uniform(0, 0.5, (count, 2))
    xy = np.stack([near, near + np.array([0.0, 200.0])], axis=1).reshape(-1, 2)
    shapes = shapely.linestrings(xy, indices=np.repeat(np.arange(count), 2))
    raw = gpd.GeoDataFrame({"highway": ["residential"] * count}, geometry=shapes, crs=CRS)
    with pytest.raises(NetworkError, match="within snap_m of each other near"):
        network.topology(raw, snap_m=5, repair="safe")


def test_words_nobody_knows_are_all_told_at_once() -> None:
    raw = layer([at((0, 0), (50, 0)), at((50, 0), (90, 0))], highway=["avenue", "residential"],
                oneway=["yes", "sometimes"])  # fmt: skip
    with pytest.raises(DataError) as told:
        network.from_lines(network.topology(raw).lines, mode="drive")
    assert "'avenue'" in str(told.value)
    assert "'sometimes'" in str(told.value)
    assert isinstance(pd.DataFrame(network.topology(raw).defects), pd.DataFrame)
