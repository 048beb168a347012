"""Slope on foot: by pencil on an inclined plane, and against loops over real hills."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import Affine, from_origin
from scipy.ndimage import map_coordinates
from shapely import LineString

from siting import load, network
from siting.errors import DataError, NetworkError
from siting.load import Elevation
from siting.network.graph import RoadNetwork

CRS = pyproj.CRS(4547)
TOBLER = network.read_speeds().slope
SIDE = 2000
"""The plane covers 2 km; one cell is 10 m."""


def plane(per_east: float, per_north: float = 0.0) -> Elevation:
    """Ground that rises evenly: bilinear between cell centres is exact on it."""
    centre = np.arange(5, SIDE, 10, dtype=float)
    heights = 100 + per_east * centre[None, :] + per_north * centre[::-1, None]
    return Elevation(CRS, CRS, (10, 0, 0, 0, -10, SIDE), heights.astype(np.float32))


def walked(lines: list[LineString], **columns: list[object]) -> RoadNetwork:
    table = gpd.GeoDataFrame({"highway": ["residential"] * len(lines), **columns}, geometry=lines,
                             crs=CRS)  # fmt: skip
    return network.from_lines(table, mode="walk")


def by_way(built: RoadNetwork) -> dict[int, tuple[int, int]]:
    times = zip(built.forward_ms.tolist(), built.backward_ms.tolist(), strict=True)
    return dict(zip(built.way_id.tolist(), times, strict=True))


def test_up_and_down_an_inclined_plane_by_pencil():
    """1 km east on a rise of 1 in 10: uphill 6·e^(−3.5·0.15), downhill 6·e^(−3.5·0.05) km/h.

    Relative to 6·e^(−3.5·0.05) on the flat, at 3.6 km/h there: 1000 s · e^0.35 and 1000 s.
    """
    flat = walked([LineString([(500, 500), (1500, 500)])])
    assert by_way(flat) == {0: (1_000_000, 1_000_000)}
    hilly = network.with_slope(flat, plane(0.1), TOBLER)
    (up, down), = by_way(hilly).values()  # fmt: skip
    assert up == pytest.approx(1_000_000 * math.exp(0.35), abs=2)  # 1419.068 s
    assert down == pytest.approx(1_000_000, abs=2)
    steep = network.with_slope(flat, plane(-0.3), TOBLER)  # now east is downhill
    (down, up), = by_way(steep).values()  # fmt: skip
    assert up == pytest.approx(1_000_000 * math.exp(3.5 * 0.30), abs=5)
    assert down == pytest.approx(1_000_000 * math.exp(3.5 * (0.25 - 0.05)), abs=5)
    assert flat.forward_ms.tolist() == [1_000_000]  # the argument is as it was
    assert hilly.version != flat.version
    assert not len(hilly.drops)


@given(
    st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0, 2 * math.pi), st.floats(1, 900),
    st.floats(0.1, 2.0),
)  # fmt: skip
def test_any_direction_on_any_plane(east, north, bearing, metres, kph):
    """Slope is the gradient along the line; the closed form holds for every walking speed."""
    a = np.array([1000.0, 1000.0])
    b = a + metres * np.array([math.cos(bearing), math.sin(bearing)])
    table = gpd.GeoDataFrame({"highway": ["path"]}, geometry=[LineString([a, b])], crs=CRS)
    flat = network.from_lines(table, mode="walk", speeds=network.read_speeds().walking_at(3 * kph))
    hilly = network.with_slope(flat, plane(east, north), TOBLER)
    s = east * math.cos(bearing) + north * math.sin(bearing)
    forward = math.exp(3.5 * (abs(s + 0.05) - 0.05))
    backward = math.exp(3.5 * (abs(-s + 0.05) - 0.05))
    if not np.allclose(flat.node_xy[flat.tail[0]], a, atol=0.01):
        forward, backward = backward, forward
    ms = int(flat.forward_ms[0])
    # the ends of the line are on whole millimetres and the ground is float32
    assert hilly.forward_ms[0] == pytest.approx(ms * forward, rel=2e-3, abs=1)
    assert hilly.backward_ms[0] == pytest.approx(ms * backward, rel=2e-3, abs=1)


def test_the_flat_keeps_its_time_to_the_bit():
    lines = [LineString([(100, 100), (333.333, 100)]), LineString([(333.333, 100), (400, 900)])]
    flat = walked(lines)
    assert network.with_slope(flat, plane(0.0), TOBLER).version == flat.version


def test_bridges_and_tunnels_run_straight_between_their_ends():
    """Over a valley 50 m deep a bridge is flat; the street beside it goes down and up again."""
    centre = np.arange(5, SIDE, 10, dtype=float)
    valley = np.where(np.abs(centre - 1000) < 200, 50.0, 100.0)
    ground = Elevation(
        CRS, CRS, (10, 0, 0, 0, -10, SIDE),
        np.tile(valley, (SIDE // 10, 1)).astype(np.float32),
    )  # fmt: skip
    lines = [LineString([(700, 500), (1300, 500)]), LineString([(700, 600), (1300, 600)])]
    lines.append(LineString([(700, 400), (1300, 400)]))
    built = walked(lines, bridge=["yes", "no", "no"], tunnel=["no", "no", "yes"])
    times = by_way(network.with_slope(built, ground, TOBLER))
    assert times[0] == times[2] == (600_000, 600_000)
    assert min(times[1]) > 700_000


def test_a_viaduct_of_several_edges_is_straight_from_ground_to_ground():
    """Nodes on it, a branch among them, hang in the air: what is under them does not matter."""
    ground = plane(0.0)
    pit = np.array(ground.heights)
    pit[:, 60:140] = 20.0  # from 600 m to 1400 m
    ground = Elevation(CRS, CRS, ground.affine, pit)
    at = [(500, 500), (700, 500), (1000, 500), (1300, 500), (1500, 500), (1000, 900)]
    pieces = [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5)]
    built = walked([LineString([at[i], at[j]]) for i, j in pieces], bridge=["yes"] * 5)
    # five ends: 500 and 1500 on the bank at 100 m; 5 is a dead end over the pit at 20 m
    times = by_way(network.with_slope(built, ground, TOBLER))
    # by pencil: the middle is (100/500 + 100/500 + 20/400) / (1/500 + 1/500 + 1/400) m high
    middle = (100 / 500 + 100 / 500 + 20 / 400) / (1 / 500 + 1 / 500 + 1 / 400)
    down = -(100 - middle) / 500
    for way, s, flat in (
        (0, down, 200), (1, down, 300), (2, -down, 300), (3, -down, 200),
        (4, (20 - middle) / 400, 400),
    ):  # fmt: skip
        there = flat * 1000 * math.exp(3.5 * (abs(s + 0.05) - 0.05))
        back = flat * 1000 * math.exp(3.5 * (abs(-s + 0.05) - 0.05))
        assert sorted(times[way]) == pytest.approx(sorted((there, back)), abs=2)


def test_an_unknown_height_is_flat_and_listed_with_its_length():
    ground = plane(0.1)
    holes = np.array(ground.heights)
    holes[:, 100:] = np.nan  # nothing is known east of 1000 m
    ground = Elevation(CRS, CRS, ground.affine, holes)
    lines = [LineString([(200, 500), (600, 500)]), LineString([(1200, 500), (1600, 500)])]
    lines.append(LineString([(1700, 500), (2400, 500)]))  # leaves the raster
    lines.append(LineString([(600, 700), (1400, 700)]))  # half and half
    built = walked(lines)
    hilly = network.with_slope(built, ground, TOBLER)
    times = by_way(hilly)
    assert times[1] == (400_000, 400_000)
    assert times[2] == (700_000, 700_000)
    up = math.exp(0.35)
    assert times[0][0] == pytest.approx(400_000 * up, abs=3)
    # pieces of 20 m: the last height known is that of the cell centre at 995 m
    assert times[3][0] == pytest.approx((380 * up + 420) * 1000, abs=3)
    assert hilly.drops[["what", "action"]].to_numpy().tolist() == [
        ["1.52 km of 3 streets without elevation", "taken as flat"]
    ]


def test_a_cliff_counts_as_the_steepest_street_and_is_listed():
    built = walked([LineString([(500, 500), (600, 500)])])
    hilly = network.with_slope(built, plane(3.0), TOBLER)
    assert by_way(hilly)[0][0] == pytest.approx(100_000 * math.exp(3.5), abs=2)
    assert hilly.drops["what"].tolist() == ["0.10 km of 1 streets steeper than 100%"]


def test_only_walking_and_only_one_crs():
    table = gpd.GeoDataFrame(
        {"highway": ["residential"]}, geometry=[LineString([(0, 0), (60, 0)])], crs=CRS
    )
    for mode in ("cycle", "ebike", "drive"):
        with pytest.raises(NetworkError, match="walking only"):
            network.with_slope(network.from_lines(table, mode=mode), plane(0.1), TOBLER)
    other = network.from_lines(table.set_crs(4548, allow_override=True), mode="walk")
    with pytest.raises(NetworkError, match="one working CRS"):
        network.with_slope(other, plane(0.1), TOBLER)


def test_a_crs_under_another_name_is_the_same():
    """As the .prj of a Shapefile has it."""
    other = pyproj.CRS(pyproj.CRS(CRS).to_wkt("WKT1_ESRI"))
    assert other != pyproj.CRS(CRS)
    ends = [LineString([(0, 0), end]) for end in ((60, 0), (0, 60), (60, 60))]
    table = gpd.GeoDataFrame({"highway": ["residential"] * 3}, geometry=ends, crs=other)
    built = network.from_lines(table, mode="walk")
    assert len(network.with_slope(built, plane(0.1), TOBLER).drops) == 0
    light = gpd.GeoSeries([shapely.Point(0, 1)], crs=CRS)
    assert network.with_signals(built, light, reach_m=5).signal.sum() == 1


def test_one_way_closed_edges_stay_closed(tmp_path: Path):
    file = tmp_path / "r.osm"
    file.write_text(
        '<osm version="0.6"><node id="1" lat="36" lon="15"/><node id="2" lat="36" lon="15.001"/>'
        '<way id="9"><nd ref="1"/><nd ref="2"/><tag k="highway" v="footway"/>'
        '<tag k="oneway:foot" v="yes"/></way></osm>',
        "utf-8",
    )
    crs = pyproj.CRS(32633)
    built = network.read_osm(file, mode="walk", crs=crs)
    x, y = built.node_xy.min(axis=0) - 50
    ground = Elevation(crs, crs, (200, 0, x, 0, -200, y + 200), np.array([[5]], dtype=np.float32))
    assert network.with_slope(built, ground, TOBLER).backward_ms.tolist() == [-1]


# --- rasters --------------------------------------------------------------------------------------


def write(folder: Path, heights: np.ndarray, transform: Affine, **more: object) -> Path:
    file = folder / "dem.tif"
    band = np.atleast_3d(heights.T).T if heights.ndim == 2 else heights
    profile = {
        "driver": "GTiff", "height": band.shape[1], "width": band.shape[2], "count": band.shape[0],
        "dtype": band.dtype, "transform": transform, "crs": "EPSG:4547", **more,
    }  # fmt: skip
    with rasterio.open(file, "w", **profile) as out:
        out.write(band)
    return file


GRID = np.arange(12, dtype=np.int16).reshape(3, 4) * 10
NORTH_UP = from_origin(500_000, 3_000_030, 10, 10)


def test_a_cell_without_data_is_unknown_and_its_neighbours_are_known_at_their_centres(tmp_path):
    cells = GRID.copy()
    cells[1, 1] = -32768
    ground = load.read_elevation(write(tmp_path, cells, NORTH_UP, nodata=-32768), CRS)
    centre = np.array([[500_005 + 10 * c, 3_000_025 - 10 * r] for r in range(3) for c in range(4)])
    got = ground.at(centre)
    assert np.isnan(got[5])
    assert np.delete(got, 5).tolist() == np.delete(GRID.ravel(), 5).tolist()
    assert np.isnan(ground.at([(500_010, 3_000_025 - 5)]))[0]  # needs the cell without data
    assert np.isnan(ground.at([(499_999, 3_000_025), (500_041, 3_000_025)])).all()


def test_scale_offset_and_a_raster_that_lies_askew(tmp_path):
    askew = Affine.translation(500_000, 3_000_000) @ Affine.rotation(30) @ Affine.scale(10, -10)
    file = write(tmp_path, GRID, askew)
    with rasterio.open(file, "r+") as out:
        out.scales, out.offsets = (0.5,), (100.0,)
    ground = load.read_elevation(file, CRS)
    centres = [askew @ (c + 0.5, r + 0.5) for r in range(3) for c in range(4)]
    assert ground.at(centres) == pytest.approx(GRID.ravel() * 0.5 + 100)


def test_only_the_window_of_the_area_is_read(tmp_path):
    cells = np.arange(10_000, dtype=np.float32).reshape(100, 100) / 10
    file = write(tmp_path, cells, from_origin(500_000, 3_001_000, 10, 10), compress="deflate")
    whole = load.read_elevation(file, CRS)
    area = shapely.box(500_200, 3_000_300, 500_260, 3_000_420)
    part = load.read_elevation(file, CRS, area=area)
    assert part.heights.size < 300
    inside = np.random.default_rng(1).uniform((500_200, 3_000_300), (500_260, 3_000_420), (200, 2))
    assert np.array_equal(part.at(inside), whole.at(inside))
    with pytest.raises(DataError, match="does not reach"):
        load.read_elevation(file, CRS, area=shapely.box(0, 0, 10, 10))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"crs": None}, "does not say which CRS"),
        ({"transform": Affine.identity(), "crs": None}, "georeference"),
        ({"heights": np.full((3, 4), -32768, np.int16)}, "-32768"),
        ({"heights": np.full((3, 4), np.nan, np.float32)}, "no data"),
        ({"heights": np.where(GRID == 30, -9999, GRID).astype(np.int16)}, "-9999 in 1 cells"),
        ({"transform": Affine(10, 0, 500_000, 10, 0, 3_000_000)}, "without extent"),
        ({"band": 2}, "no band 2"),
        ({"unit": "ft"}, "ft"),
        ({"declared": "EPSG:4548"}, "the study says"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_that_cannot_be_is_refused(tmp_path, more, said):
    unit, band = more.pop("unit", None), more.pop("band", 1)
    declared, heights = more.pop("declared", None), more.pop("heights", GRID)
    transform = more.pop("transform", NORTH_UP)
    file = write(tmp_path, heights, transform, **more)
    if unit:
        with rasterio.open(file, "r+") as out:
            out.units = (unit,)
    with pytest.raises(DataError, match=said):
        load.read_elevation(file, CRS, declared=declared, band=band)


def test_a_file_that_is_no_raster_is_refused(tmp_path):
    (tmp_path / "dem.tif").write_bytes(b"II*\0 cut short")
    with pytest.raises(DataError, match="cannot be read as a raster"):
        load.read_elevation(tmp_path / "dem.tif", CRS)
    with pytest.raises(DataError, match="cannot be read as a raster"):
        load.read_elevation(tmp_path / "none.tif", CRS)


def test_a_declared_crs_serves_a_raster_that_does_not_say(tmp_path):
    ground = load.read_elevation(write(tmp_path, GRID, NORTH_UP, crs=None), CRS, declared=4547)
    assert ground.at([(500_005, 3_000_025)]).tolist() == [0.0]


# --- real hills -----------------------------------------------------------------------------------


def naive(raster: Path, crs: pyproj.CRS) -> object:
    """Heights by other means: pyproj straight into the raster's CRS, scipy's linear spline."""
    with rasterio.open(raster) as source:
        cells = source.read(1).astype(float)
        if source.nodata is not None:
            cells[cells == source.nodata] = np.nan
        into = pyproj.Transformer.from_crs(crs, source.crs.to_epsg(), always_xy=True)
        inverse = ~source.transform

    def at(xy: np.ndarray) -> np.ndarray:
        column, row = inverse @ into.transform(xy[:, 0], xy[:, 1])
        inside = (column >= 0) & (column <= cells.shape[1]) & (row >= 0) & (row <= cells.shape[0])
        got = map_coordinates(cells, [row - 0.5, column - 0.5], order=1, mode="nearest")
        return np.where(inside, got, np.nan)

    return at


@pytest.mark.parametrize(
    ("file", "epsg", "box"),
    [
        ("porto_alegre/poa_elevation.tif", 32722, (-51.3, -30.15, -51.1, -29.95)),
        ("raster/sao_miguel/eu_dem_v11.tif", 32626, (-25.95, 37.6, -25.0, 38.05)),
    ],
)
def test_heights_of_real_rasters_against_scipy(test_data, file, epsg, box):
    crs = pyproj.CRS(epsg)
    into = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    at = np.random.default_rng(5).uniform(box[:2], box[2:], (20_000, 2))
    xy = np.column_stack(into.transform(at[:, 0], at[:, 1]))
    ours = load.read_elevation(test_data / file, crs).at(xy)
    theirs = naive(test_data / file, crs)(xy)  # type: ignore[operator]
    known = np.isfinite(theirs)
    assert known.sum() > 3000
    assert not (known & ~np.isfinite(ours)).any()
    # where one of four cells has no data but no weight, scipy gives up and we do not
    assert (np.isfinite(ours) & ~known).sum() <= 2
    assert ours[known] == pytest.approx(theirs[known], abs=1e-3)
    assert np.ptp(ours[known]) > 200  # hills


def test_walking_in_porto_alegre_against_a_loop(test_data):
    crs = pyproj.CRS(32722)
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(-51.205, -30.05)
    built = network.read_osm(
        test_data / "porto_alegre" / "poa_osm.pbf", mode="walk", crs=crs,
        clip=shapely.Point(x, y).buffer(2500),
    )  # fmt: skip
    raster = test_data / "porto_alegre" / "poa_elevation.tif"
    hilly = network.with_slope(built, load.read_elevation(raster, crs), TOBLER)
    height = naive(raster, crs)
    plain = np.flatnonzero(~built.bridge & ~built.tunnel)
    chosen = np.random.default_rng(2).choice(plain, 1500, replace=False)
    far = 0
    for edge in chosen.tolist():
        metres = built.length_mm[edge] / 1000
        n = max(1, math.ceil(metres / 20))
        line = built.geometry[edge]
        places = [line.interpolate(i / n, normalized=True).coords[0] for i in range(n + 1)]
        h = height(np.array(places))  # type: ignore[operator]
        up = down = 0.0
        for a, b in pairwise(h):
            s = (b - a) / (metres / n)
            up += 6 * math.exp(-3.5 * 0.05) / (6 * math.exp(-3.5 * abs(s + 0.05))) / n
            down += 6 * math.exp(-3.5 * 0.05) / (6 * math.exp(-3.5 * abs(-s + 0.05))) / n
        assert hilly.forward_ms[edge] == pytest.approx(built.forward_ms[edge] * up, abs=1.5)
        assert hilly.backward_ms[edge] == pytest.approx(built.backward_ms[edge] * down, abs=1.5)
        far += abs(up - down) > 0.1
    assert far > 300  # the two directions differ: the streets are not flat
