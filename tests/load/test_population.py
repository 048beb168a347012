"""People of rasters: cut along zones exactly, against a cell-by-cell count that shares no code."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from siting import demand, load
from siting.demand.zoning import zone_of_points
from siting.errors import DataError

CRS = pyproj.CRS.from_epsg(4547)
X0, Y0 = 430_000.0, 3_250_000.0


def write(
    path: Path,
    values: Any,
    *,
    cell: float = 100.0,
    crs: Any = 4547,
    west: float = X0,
    north: float = Y0 + 1000.0,
    nodata: float | None = -1.0,
    dtype: str = "float32",
    up: bool = False,
    **tags: str,
) -> Path:
    """Write a raster; ``up`` with rows counted northwards."""
    bands = np.atleast_3d(np.asarray(values, dtype=dtype).T).T
    affine = rasterio.Affine(cell, 0, west, 0, -cell, north)
    if up:
        bands = bands[:, ::-1]
        affine = rasterio.Affine(cell, 0, west, 0, cell, north - cell * bands.shape[1])
    with rasterio.open(
        path, "w", driver="GTiff", width=bands.shape[2], height=bands.shape[1],
        count=len(bands), dtype=dtype, crs=crs, transform=affine, nodata=nodata,
    ) as file:  # fmt: skip
        file.write(bands)
        file.update_tags(**tags)
    return path


def areas(shapes: dict[str, Any], crs: Any = CRS) -> gpd.GeoDataFrame:
    names = list(shapes)
    return gpd.GeoDataFrame(
        {"zoning": "town", "zone_id": names, "name": names}, geometry=list(shapes.values()), crs=crs
    )


def square(west: float, south: float, east: float, north: float) -> Any:
    return shapely.box(X0 + west, Y0 + south, X0 + east, Y0 + north)


def naive(path: Path, zones: gpd.GeoDataFrame) -> tuple[dict[str, float], float]:
    """Return people by zone and of all cells that a zone touches: every cell cut by hand."""
    with rasterio.open(path) as file:
        cells, at = file.read(1, masked=True), file.transform
        there = zones.to_crs(file.crs)
    sums = dict.fromkeys(zones["zone_id"], 0.0)
    touched = 0.0
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            if np.ma.is_masked(cells[row, column]):
                continue
            x, y = at.c + at.a * column, at.f + at.e * row
            box = shapely.box(x, y + at.e, x + at.a, y)
            near = there[there.intersects(box)]
            parts = shapely.area(shapely.intersection(near.geometry.to_numpy(), box)) / box.area
            for zone_id, part in zip(near["zone_id"], parts, strict=True):
                sums[zone_id] += float(part) * float(cells[row, column])
            if parts.sum() > 0:
                touched += float(cells[row, column])
    return sums, touched


@pytest.fixture(scope="module")
def sao_miguel(test_data: Path) -> tuple[Path, gpd.GeoDataFrame]:
    folder = test_data / "raster" / "sao_miguel"
    raw = load.read_layer(folder / "concelhos.gpkg", table="zones")
    zones = load.zones(
        raw, crs=pyproj.CRS(32626), zoning="municipality", columns={"zone_id": "name"}
    )
    return folder, zones.table


def test_sao_miguel_equals_an_independent_count(
    sao_miguel: tuple[Path, gpd.GeoDataFrame],
) -> None:
    """People by municipality within 0.1 %, whole persons within one, and 9 % outside reported."""
    folder, zones = sao_miguel
    file = folder / "gpw_v411_2020_count_2020.tif"
    expected, touched = naive(file, gpd.read_file(folder / "concelhos.gpkg").rename(
        columns={"name": "zone_id"}
    ))  # fmt: skip
    found = load.population(file, crs=pyproj.CRS(32626), zones=zones)
    sums = found.table.groupby("zone_id")["persons"].sum()
    for zone_id, persons in expected.items():
        assert sums[zone_id] == pytest.approx(persons, rel=1e-5)
    outside = touched - sum(expected.values())
    assert sums[""] == pytest.approx(outside, rel=1e-5)
    assert outside / touched == pytest.approx(0.094, abs=0.001)
    assert found.drops["action"].tolist() == ["left out", "kept"]
    assert f"{outside:.1f} people" in found.drops["what"].iloc[1]
    # whole
    made = demand.from_raster(found.table, zones=zones, settlement="urban")
    assert made.table["population"].sum() == round(touched)
    member = demand.membership(made.table, zones).set_index("demand_id")["zone_id"]
    whole = made.table["population"].groupby(made.table["demand_id"].map(member)).sum()
    for zone_id, persons in (expected | {"": outside}).items():
        assert abs(whole[zone_id] - persons) < 1


def test_sao_miguel_density_times_land_is_the_count(
    sao_miguel: tuple[Path, gpd.GeoDataFrame],
) -> None:
    folder, zones = sao_miguel
    asked = {"crs": pyproj.CRS(32626), "zones": zones}
    count = load.population(folder / "gpw_v411_2020_count_2020.tif", **asked)
    density = load.population(
        folder / "gpw_v411_2020_density_2020.tif", holds="density",
        land_area=folder / "gpw_v411_2020_land_area_2020.tif", **asked,
    )  # fmt: skip
    one, other = (t.table.groupby("zone_id")["persons"].sum() for t in (count, density))
    assert other.to_dict() == pytest.approx(one.to_dict(), rel=1e-3)


def test_sao_miguel_land_cover_is_no_population(
    sao_miguel: tuple[Path, gpd.GeoDataFrame],
) -> None:
    folder, zones = sao_miguel
    with pytest.raises(
        DataError, match="holds something else than people: its metadata call it thematic"
    ):
        load.population(folder / "clc2018_v2020_20u1.tif", crs=pyproj.CRS(32626), zones=zones)


CORNER = st.integers(0, 1000)
ZONES = st.lists(st.tuples(CORNER, CORNER, CORNER, CORNER), min_size=1, max_size=4).map(
    lambda many: {
        f"z{i}": square(min(a, c), min(b, d), max(a, c) + 40, max(b, d) + 40)
        for i, (a, b, c, d) in enumerate(many)
    }
)
PERSONS = st.lists(
    st.one_of(st.just(-1.0), st.integers(0, 50), st.floats(0, 50, width=32)),
    min_size=36, max_size=36,
)  # fmt: skip


def cell(i: int) -> Any:
    """Return the i-th cell of 6 × 6, row by row, of 200 m."""
    row, column = divmod(i, 6)
    west, north = X0 + 200 * column, Y0 + 1100 - 200 * row
    return shapely.box(west, north - 200, west + 200, north)


@settings(max_examples=15)
@given(ZONES, PERSONS, st.randoms(), st.sampled_from(["kept", "left_out"]))
def test_zones_and_outside_sum_to_what_they_touch(
    tmp_path_factory: pytest.TempPathFactory,
    shapes: dict[str, Any],
    persons: list[float],
    random: Any,
    outside: Any,
) -> None:
    """Laws: nobody twice, nobody lost, every point in its zone, order does not matter."""
    grid = np.array(persons).reshape(6, 6)
    grid[0, 0] = 5.0
    file = write(tmp_path_factory.mktemp("r") / "r.tif", grid, cell=200.0, north=Y0 + 1100)
    zones = areas(shapes)
    seen = shapely.union_all(list(shapes.values()))
    if not any(
        n >= 0 and shapely.area(shapely.intersection(seen, cell(i))) > 1
        for i, n in enumerate(grid.ravel())
    ):
        with pytest.raises(DataError, match=r"no data in the area|no cell in any zone has data"):
            load.population(file, crs=CRS, zones=zones, outside=outside)
        return
    found = load.population(file, crs=CRS, zones=zones, outside=outside)
    pieces = found.table
    assert (zone_of_points(pieces.geometry, zones) == pieces["zone_id"]).all()
    # shared ground is the smallest id's, told by whole-region arithmetic in float64
    taken = shapely.Polygon()
    sums = pieces.groupby("zone_id")["persons"].sum()
    boxes = [(cell(i), float(np.float32(n))) for i, n in enumerate(grid.ravel()) if n > 0]
    for name in sorted(shapes):
        own = shapely.difference(shapes[name], taken)
        taken = shapely.union(taken, own)
        expected = sum(shapely.area(shapely.intersection(b, own)) / 40_000 * n for b, n in boxes)
        assert sums.get(name, 0.0) == pytest.approx(expected, abs=1e-3)
    everybody = sum(n for b, n in boxes if shapely.area(shapely.intersection(b, taken)) > 1)
    if outside == "kept":
        assert sums.sum() == pytest.approx(everybody, abs=2e-2)
        made = demand.from_raster(pieces, settlement="village")
        assert made.table["population"].sum() == math.floor(math.fsum(pieces["persons"]) + 0.5)
        member = demand.membership(made.table, zones)["zone_id"].to_numpy()
        whole = made.table["population"].groupby(member).sum()
        for zone_id, sum_ in sums.items():
            assert abs(whole.get(zone_id, 0) - sum_) < 1
    else:
        assert "" not in sums
    mixed = list(shapes.items())
    random.shuffle(mixed)
    again = load.population(file, crs=CRS, zones=areas(dict(mixed)), outside=outside)
    pd.testing.assert_frame_equal(pd.DataFrame(pieces), pd.DataFrame(again.table))
    pd.testing.assert_frame_equal(found.drops, again.drops)


def test_by_pencil(tmp_path: Path) -> None:
    """Four cells of 100 m with 10 people; a zone that has all of one, half of two, a quarter."""
    file = write(tmp_path / "r.tif", [[10, 10], [10, 10]], north=Y0 + 200)
    zones = areas({"a": square(0, 50, 150, 200)})
    found = load.population(file, crs=CRS, zones=zones)
    assert found.table.set_index("piece_id")["persons"].to_dict() == {
        "0/0/a": 10.0, "0/1/": 5.0, "0/1/a": 5.0, "1/0/": 5.0, "1/0/a": 5.0, "1/1/": 7.5,
        "1/1/a": 2.5,
    }  # fmt: skip
    made = demand.from_raster(found.table, settlement="urban")
    # 22.5 + 17.5 = 40 people; both zones have the same remainder, one person goes to either
    inside = made.table["demand_id"].str.endswith("/a")
    assert sorted(made.table["population"].groupby(inside).sum()) in ([17, 23], [18, 22])


def test_pieces_know_their_ground_by_pencil(tmp_path: Path) -> None:
    """The same four cells: whole, half and quarter of 100 × 100 m; nobody beyond a far corner."""
    file = write(tmp_path / "r.tif", [[10, 10], [10, 10]], north=Y0 + 200)
    zones = areas({"a": square(0, 50, 150, 200)})
    table = load.population(file, crs=CRS, zones=zones).table.set_index("piece_id")
    assert table["area_m2"].to_dict() == pytest.approx(
        {"0/0/a": 10_000, "0/1/": 5_000, "0/1/a": 5_000, "1/0/": 5_000, "1/0/a": 5_000,
         "1/1/": 7_500, "1/1/a": 2_500}, rel=1e-3
    )  # fmt: skip
    assert table["spread_m"]["0/0/a"] == pytest.approx(70.71, abs=0.01)  # to the corner of a square
    half, quarter = table.loc["0/1/a"], table.loc["1/1/a"]
    assert 55.9 <= half["spread_m"] <= 111.81  # of 50 × 100 m: from the middle, from a corner
    assert 35.35 <= quarter["spread_m"] <= 70.72
    made = demand.from_raster(table.reset_index(), settlement="urban").table
    assert demand.spread_mm(made)["0/0/a"] == 70_711
    carried = demand.carriers_from_raster(table.reset_index()).table
    assert carried["spread_m"].tolist() == table.loc[carried["carrier_id"], "spread_m"].tolist()


@settings(max_examples=25)
@given(ZONES, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=8, max_size=8))
def test_nobody_lives_farther_from_the_point_than_is_said(
    tmp_path_factory: pytest.TempPathFactory,
    shapes: dict[str, Any],
    homes: list[tuple[float, float]],
) -> None:
    """Law: put anywhere in their cell and zone, people are within spread_m; areas are the zones."""
    file = write(tmp_path_factory.mktemp("r") / "r.tif", np.ones((6, 6)), cell=200.0,
                 north=Y0 + 1100)  # fmt: skip
    zones = areas(shapes)
    table = load.population(file, crs=CRS, zones=zones).table.set_index("piece_id")
    for i in range(36):
        box = cell(i)
        west, south, east, north = box.bounds
        for x, y in homes:
            home = shapely.Point(west + x * (east - west), south + y * (north - south))
            zone_id = zone_of_points(gpd.GeoSeries([home], crs=CRS), zones).iat[0]
            name = f"{i // 6}/{i % 6}/{zone_id}"
            if name in table.index:  # not in a sliver of less than 10⁻⁵ of the cell
                piece = table.loc[name]
                assert piece.geometry.distance(home) <= piece["spread_m"] + 1e-6
    ground = table[table.index.map(lambda n: not n.endswith("/"))]["area_m2"].sum()
    assert ground == pytest.approx(shapely.area(shapely.union_all(zones.geometry)), abs=40)


def test_pieces_in_degrees_know_their_ground_in_metres(tmp_path: Path) -> None:
    """A cell of 0.01° near Yueyang is 971 × 1108 m by the ellipsoid, its half diagonal 737 m."""
    file = write(tmp_path / "d.tif", [[5.0]], cell=0.01, crs=4326, west=113.3, north=29.36)
    (row,) = load.population(file, crs=CRS).table.to_dict("records")
    geod = pyproj.Geod(ellps="WGS84")
    _, _, wide = geod.inv(113.3, 29.355, 113.31, 29.355)
    _, _, tall = geod.inv(113.3, 29.35, 113.3, 29.36)
    assert row["area_m2"] == pytest.approx(wide * tall, rel=1e-3)
    assert row["spread_m"] == pytest.approx(math.hypot(wide, tall) / 2, rel=1e-3)


@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize("zoned", [True, False])
def test_rows_counted_northwards_are_the_same_pieces(
    tmp_path: Path, block: int, zoned: bool
) -> None:
    """The same ground has the same id, people and point whichever way the file counts its rows.

    Ten rows in blocks of three leave one over: at the south, either way.
    """
    grid = np.arange(100.0).reshape(10, 10)
    zones = areas({"a": square(130, 220, 770, 640), "b": square(770, 0, 1000, 300)})
    down, up = (
        load.population(
            write(tmp_path / f"{up}.tif", grid, up=up),
            crs=CRS, zones=zones if zoned else None, block=block,
        ).table
        for up in (False, True)
    )  # fmt: skip
    assert down["piece_id"].tolist() == up["piece_id"].tolist()
    assert down["persons"].tolist() == pytest.approx(up["persons"].tolist())
    assert down.geometry.distance(up.geometry).max() < 1e-3
    few = load.population(  # and whatever part of it is read
        tmp_path / "True.tif", crs=CRS, zones=zones, only=["b"], block=block, outside="left_out"
    ).table
    whole = load.population(tmp_path / "False.tif", crs=CRS, zones=zones, block=block).table
    own = whole[whole["zone_id"] == "b"].reset_index(drop=True)
    assert few["piece_id"].tolist() == own["piece_id"].tolist()
    assert few["persons"].tolist() == pytest.approx(own["persons"].tolist())


def test_only_some_zones_of_a_raster(tmp_path: Path) -> None:
    """By pencil: two zones side by side in one row of cells, and 20 m of sea south of both.

    10 people a cell of 100 m: a has 1.5 × 0.8 cells, b the other 0.5 × 0.8 of the second one.
    """
    file = write(tmp_path / "r.tif", [[10, 10, 10]], north=Y0 + 100)
    zones = areas({"a": square(0, 20, 150, 100), "b": square(150, 20, 300, 100)})
    found = load.population(file, crs=CRS, zones=zones, only=["a"])
    assert found.table.groupby("zone_id")["persons"].sum().to_dict() == pytest.approx(
        {"": 4.0, "a": 12.0}, abs=1e-3
    )
    assert found.drops[["row", "what", "action"]].values.tolist() == [
        ["1 cells", "10.0 people in cells that no zone touches: of other places", "left out"],
        ["1 cells", "4.0 people of these cells live in zones that other sources speak for",
         "left out"],
        ["2 cells", "4.0 people of cells that a zone touches live outside every zone", "kept"],
    ]  # fmt: skip
    narrow = write(tmp_path / "n.tif", [[10, 10]], north=Y0 + 100)  # b lies beyond it, a does not
    again = load.population(narrow, crs=CRS, zones=zones, only=["a"]).table
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(found.table))


@pytest.mark.parametrize("block", [2, 3, 7])
def test_blocks_keep_everybody(tmp_path: Path, block: int) -> None:
    """However cells are added up, the sum is the sum; ids do not depend on the window read."""
    grid = np.arange(100.0).reshape(10, 10)
    file = write(tmp_path / "r.tif", grid)
    whole = areas({"a": square(0, 0, 1000, 1000)})
    found = load.population(file, crs=CRS, zones=whole, block=block)
    assert found.table["persons"].sum() == pytest.approx(grid.sum())
    part = load.population(file, crs=CRS, zones=areas({"a": square(600, 100, 900, 400)}),
                           block=block, outside="left_out")  # fmt: skip
    assert set(part.table["piece_id"]) <= set(found.table["piece_id"])
    single = load.population(file, crs=CRS, block=block)
    assert single.table["persons"].sum() == grid.sum()
    assert (single.table["zone_id"] == "").all()


def test_density_by_cell_area(tmp_path: Path) -> None:
    """100 people per km² on cells of 100 m are one each; in degrees, by the ellipsoid."""
    zone = areas({"a": square(0, 0, 1000, 1000)})
    metres = load.population(write(tmp_path / "m.tif", np.full((10, 10), 100.0)), crs=CRS,
                             zones=zone, holds="density")  # fmt: skip
    assert metres.table["persons"].sum() == pytest.approx(100.0, rel=2e-3)
    lon, lat = 113.3, 29.36
    file = write(tmp_path / "d.tif", np.full((40, 40), 100.0), cell=0.001, crs=4326,
                 west=lon - 0.02, north=lat + 0.02)  # fmt: skip
    degrees = load.population(file, crs=CRS, holds="density")
    ring = [(lon - 0.02, lat - 0.02), (lon + 0.02, lat - 0.02), (lon + 0.02, lat + 0.02),
            (lon - 0.02, lat + 0.02)]  # fmt: skip
    km2 = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shapely.Polygon(ring))[0] / 1e6
    assert degrees.table["persons"].sum() == pytest.approx(100.0 * km2, rel=1e-6)


def test_no_data_is_listed_by_zone(tmp_path: Path) -> None:
    grid = np.full((10, 10), 3.0)
    grid[:, :5] = -1
    zones = areas({"a": square(0, 0, 400, 1000), "b": square(400, 0, 1000, 1000)})
    found = load.population(write(tmp_path / "r.tif", grid), crs=CRS, zones=zones)
    assert found.drops.values.tolist() == [
        ["people.raster", "a", "no data in 100.0% of it: nobody counted there", "kept"],
        ["people.raster", "b", "no data in 16.7% of it: nobody counted there", "kept"],
    ]
    assert found.table["persons"].sum() == 150


ZONE = {"a": square(100, 100, 900, 900)}
TEN = np.ones((10, 10))


def askew(path: Path) -> Path:
    turned = rasterio.Affine(100, 5, X0, 5, -100, Y0 + 1000)
    with rasterio.open(path / "askew.tif", "w", driver="GTiff", width=10, height=10, count=1,
                       dtype="float32", crs=4547, transform=turned) as file:  # fmt: skip
        file.write(TEN.astype("float32"), 1)
    return path / "askew.tif"


def coloured(path: Path) -> Path:
    file = write(path / "c.tif", TEN, dtype="uint8", nodata=None)
    with rasterio.open(file, "r+") as raster:
        raster.write_colormap(1, {1: (255, 0, 0)})
    return file


def bare(path: Path) -> Path:
    file = path / "bare.tif"
    with rasterio.open(file, "w", driver="GTiff", width=10, height=10, count=1,
                       dtype="float32") as raster:  # fmt: skip
        raster.write(TEN.astype("float32"), 1)
    return file


def text(path: Path) -> Path:
    (path / "no.tif").write_text("people", "utf-8")
    return path / "no.tif"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("made", "asked", "told"),
    [
        (lambda p: write(p / "r.tif", TEN), {"band": 2}, "has 1 bands and no band 2"),
        (lambda p: write(p / "r.tif", TEN), {"block": 0}, "block is 0"),
        (lambda p: write(p / "r.tif", -9999 * TEN, nodata=None), {}, "cells, the first -9999"),
        (lambda p: write(p / "r.tif", np.inf * TEN), {}, "cells, the first inf"),
        (lambda p: write(p / "r.tif", 3.4e38 * TEN, nodata=None), {}, "above 1e+10 in 100 cells"),
        (lambda p: write(p / "r.tif", 1e300 * TEN, nodata=None, dtype="float64"), {},
         "the first 1e+300"),
        (lambda p: write(p / "r.tif", 65535 * np.eye(10), nodata=None, dtype="uint16"), {},
         "r.tif holds 65535, the largest number of uint16, in 10 cells"),
        (lambda p: write(p / "r.tif", 32767 * np.eye(10), nodata=-1, dtype="int16"), {},
         "the largest number of int16"),
        (lambda p: write(p / "r.tif", TEN, nodata=None, dtype="complex64"), {},
         "its numbers are complex64"),
        (lambda p: write(p / "r.tif", np.stack([TEN, TEN])), {}, "has 2 bands (?, ?)"),
        (lambda p: write(p / "r.tif", -TEN), {}, "has no data in the area"),
        (lambda p: write(p / "r.tif", np.pad(-np.ones((10, 10)), 4, constant_values=2.0),
                         west=X0 - 400, north=Y0 + 1400), {}, "no cell in any zone has data"),
        (lambda p: write(p / "r.tif", TEN, dtype="uint8", nodata=None), {}, "of one byte (uint8)"),
        (coloured, {}, "it has a colour table"),
        (lambda p: write(p / "r.tif", TEN, DataType="Thematic"), {}, "call it thematic"),
        (lambda p: write(p / "r.tif", TEN, west=X0 + 300), {}, "lie beyond the raster"),
        (lambda p: write(p / "r.tif", TEN, west=X0 + 30_000), {}, "does not reach the study area"),
        (lambda p: write(p / "r.tif", TEN, crs=None), {}, "does not say which CRS"),
        (lambda p: write(p / "r.tif", TEN), {"declared": "EPSG:4326"}, "the study says"),
        (askew, {}, "lies askew to the axes"),
        (bare, {}, "is not placed on the ground"),
        (text, {}, "cannot be read as a raster"),
        (lambda p: p / "gone.tif", {}, "is not there"),
    ],
)  # fmt: skip
def test_refused(
    tmp_path: Path, made: Callable[[Path], Path], asked: dict[str, Any], told: str
) -> None:
    with pytest.raises(DataError) as caught:
        load.population(made(tmp_path), crs=CRS, zones=areas(ZONE), **asked)
    assert told in str(caught.value)
    assert str(caught.value).startswith("people.raster: ")


READERS: dict[str, Callable[[Path], object]] = {
    "bounds": lambda f: load.raster_bounds(f, table="people.raster"),
    "people": lambda f: load.population(f, crs=CRS, zones=areas(ZONE)),
    "land": lambda f: load.population(write(f.with_name("d.tif"), TEN), crs=CRS, zones=areas(ZONE),
                                      holds="density", land_area=f),
    "heights": lambda f: load.read_elevation(f, CRS),
}  # fmt: skip


@pytest.mark.parametrize(("call", "reader"), [
    *(("open", name) for name in READERS), *(("read", name) for name in READERS if name != "bounds")
])  # fmt: skip
def test_whatever_the_reader_raises_is_a_fact_about_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, reader: str
) -> None:
    """GDAL and the parsers below it name no common class of errors: here one of Python's own."""
    file = write(tmp_path / "bad.tif", TEN)
    owner = rasterio if call == "open" else rasterio.io.DatasetReader
    whole = getattr(owner, call)

    def broken(this: Any, *args: Any, **more: Any) -> Any:
        if Path(getattr(this, "name", this)).name == "bad.tif":
            raise IndexError("index out of range")
        return whole(this, *args, **more)

    monkeypatch.setattr(owner, call, broken)
    with pytest.raises(
        DataError, match=r"bad\.tif cannot be read as a raster \(index out of range\)"
    ):
        READERS[reader](file)


def test_what_is_read_though_it_looks_odd(tmp_path: Path) -> None:
    """Declared no data of any number, one of two bands, a skew of a conversion's noise."""
    zones = areas(ZONE)
    grid = np.where(np.eye(10) > 0, 65535, 4)
    found = load.population(write(tmp_path / "u.tif", grid, nodata=65535, dtype="uint16"),
                            crs=CRS, zones=zones)  # fmt: skip
    assert found.table["persons"].sum() == (64 - 8) * 4
    bands = write(tmp_path / "b.tif", np.stack([TEN, 2 * TEN]))
    assert load.population(bands, crs=CRS, zones=zones, band=2).table["persons"].sum() == 128
    with rasterio.open(bands, "r+") as raster:
        raster.transform = rasterio.Affine(100, 1e-9, X0, 1e-9, -100, Y0 + 1000)
    assert load.population(bands, crs=CRS, zones=zones, band=1).table["persons"].sum() == 64


def test_land_area_on_another_grid_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "d.tif", TEN)
    other = write(tmp_path / "l.tif", TEN, cell=50.0)
    with pytest.raises(DataError, match=r"people\.raster\.land_area: l\.tif is not on the grid"):
        load.population(file, crs=CRS, zones=areas(ZONE), holds="density", land_area=other)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b", "c"]), st.floats(0, 1e6)), min_size=1, max_size=12
    ),
    st.randoms(),
)
def test_whole_persons_of_pieces(rows: list[tuple[str, float]], random: Any) -> None:
    """Total rounded half up, no zone 1.5 off its exact sum, order does not matter."""
    pieces = gpd.GeoDataFrame(
        {
            "piece_id": [f"0/{i}" for i in range(len(rows))],
            "zone_id": [z for z, _ in rows],
            "persons": [p for _, p in rows],
            "area_m2": 100.0,
            "spread_m": 7.1,
        },
        geometry=[shapely.Point(i, 0) for i in range(len(rows))],
        crs=CRS,
    )
    made = demand.from_raster(pieces, settlement="urban").table
    exact = sum(Fraction(p) for _, p in rows)
    assert abs(made["population"].sum() - exact) <= Fraction(1, 2)
    zone = pieces.set_index("piece_id")["zone_id"]
    whole = made["population"].groupby(made["demand_id"].map(zone)).sum()
    for name in {z for z, _ in rows}:
        assert abs(int(whole.get(name, 0)) - sum(Fraction(p) for z, p in rows if z == name)) < 1.5
    order = list(range(len(rows)))
    random.shuffle(order)
    again = demand.from_raster(pieces.iloc[order], settlement="urban").table
    pd.testing.assert_frame_equal(pd.DataFrame(made), pd.DataFrame(again))
