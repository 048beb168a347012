"""Real files read to what is known of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import pytest

from siting import crs, demand, load
from siting.errors import DataError


@pytest.fixture(scope="module")
def malta(test_data: Path) -> Path:
    return test_data / "malta" / "malta.osm.pbf"


def test_facilities_equal_the_reference(malta: Path, test_data: Path) -> None:
    reference = gpd.read_file(test_data / "malta" / "facilities.geojson")
    kinds = sorted(set(reference["amenity"]))
    raw = load.read_layer(malta, table="services", where={"amenity": kinds})
    usable = raw[raw.geometry.notna()]
    assert set(usable["osm_id"]) == set(reference["osm"])
    theirs = reference.set_index("osm").geometry.to_crs(32633)
    ours = usable.set_index("osm_id").geometry.to_crs(32633)
    apart = ours.distance(theirs.reindex(ours.index))
    assert apart.max() < 200  # theirs is a point of the same thing
    schools = raw[raw["amenity"] == "school"]
    assert len(schools) == 168
    assert schools.loc[schools.geometry.isna(), "row"].tolist() == ["r7229715"]


def test_green_equals_the_reference(malta: Path, test_data: Path) -> None:
    reference = gpd.read_file(test_data / "malta" / "green.geojson")
    parks = reference[reference["kind"] == "park"].set_index("osm").geometry.to_crs(32633)
    raw = load.read_layer(malta, table="green", where={"leisure": ["park"]}, geometry="polygon")
    found = load.parks(raw, crs=crs.parse(32633))
    assert set(found.parks["park_id"]) <= set(parks.index)
    listed = set(found.drops.query("action == 'dropped'")["row"])
    assert set(parks.index) - set(found.parks["park_id"]) <= listed
    ours = found.parks.set_index("park_id").geometry
    assert (ours.area - parks.reindex(ours.index).area).abs().max() < 1.0


def test_localities_equal_the_reference(malta: Path, test_data: Path) -> None:
    reference = gpd.read_file(test_data / "malta" / "localities.geojson").to_crs(32633)
    raw = load.read_layer(
        malta,
        table="zones",
        where={"boundary": ["administrative"], "admin_level": ["8"]},
        geometry="polygon",
    )
    working = crs.working_crs(load.lonlat_bounds(raw))
    assert working.to_epsg() == 32633
    zones = load.zones(raw, crs=working, zoning="locality").table
    assert len(zones) == 67
    assert "Haż-Żebbuġ" in set(zones["name"])
    areas = zones.dissolve("name").geometry.area.sort_values()
    theirs = reference.dissolve("name").geometry.area.sort_values()
    assert (areas - theirs).abs().max() < 0.01 * theirs.max()


def test_main_keys_are_alternatives_and_others_narrow(malta: Path) -> None:
    both = load.read_layer(
        malta,
        table="green",
        where={"leisure": ["garden"], "landuse": ["grass"]},
        geometry="polygon",
    )
    for key in ("leisure", "landuse"):
        value = {"leisure": "garden", "landuse": "grass"}[key]
        one = load.read_layer(malta, table="green", where={key: [value]}, geometry="polygon")
        assert set(one["osm_id"]) <= set(both["osm_id"])
    narrow = load.read_layer(
        malta,
        table="roads",
        where={"highway": ["service", "track"], "access": ["private"]},
        geometry="line",
    )
    assert set(narrow["highway"]) == {"service", "track"}
    assert all("private" in value.split(";") for value in narrow["access"])


def test_one_campus_is_one_school(malta: Path) -> None:
    raw = load.read_layer(malta, table="services.school", where={"amenity": ["school"]})
    found = load.sites(raw, crs=crs.parse(32633), service="school")
    assert len(found.sites) + len(found.drops.query("action == 'dropped'")) == len(raw)
    inside = found.drops[found.drops["what"].str.startswith("inside ")]
    assert len(inside) == 30
    assert "n1928630638" in set(inside["row"])  # a node in the grounds of the Baħrija school
    assert not set(inside["row"]) & set(found.sites["site_id"])
    assert set(found.entrances["site_id"]) == set(found.sites["site_id"])
    assert set(found.offers["site_id"]) == set(found.sites["site_id"])


def test_residential_land_is_counted_once_and_people_are_kept(malta: Path) -> None:
    raw = load.read_layer(
        malta, table="residential", where={"landuse": ["residential"]}, geometry="polygon"
    )
    land = load.residential(raw, crs=crs.parse(32633), settlement="urban")
    union = land.table.union_all().area
    assert abs(land.table["area_m2"].sum() - union) < 5.0
    given = raw.to_crs(32633).union_all().area
    assert abs(given - union) < 5.0
    cells = demand.cells(land.table, cell_m=100)
    assert cells["area_m2"].sum() == land.table["area_m2"].sum()
    people = demand.spread(519_562, demand.carriers_of(cells)).table
    assert people["population"].sum() == 519_562


def test_the_pbf_cut_short_is_refused(malta: Path, tmp_path: Path) -> None:
    raw = malta.read_bytes()
    for share in (0.0, 0.2, 0.7, 0.99):
        short = tmp_path / f"cut{share}.osm.pbf"
        short.write_bytes(raw[: int(len(raw) * share)])
        with pytest.raises(DataError, match="services"):
            load.read_layer(short, table="services", where={"amenity": ["school"]})


def test_shanghai_districts_say_their_encoding_in_the_dbf(test_data: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(test_data / "shanghai" / "districts", tmp_path / "d")
    for file in folder.iterdir():
        file.chmod(0o644)
    shp = next(folder.glob("*.shp"))
    raw = load.read_layer(shp, table="zones", geometry="polygon")
    assert {"闸北区", "崇明县"} <= set(raw["NAME"])
    dbf = shp.with_suffix(".dbf")
    content = bytearray(dbf.read_bytes())
    content[29] = 0  # no language byte: as most offices' files come
    dbf.write_bytes(content)
    with pytest.raises(DataError, match="gb18030"):
        load.read_layer(shp, table="zones")
    again = load.read_layer(shp, table="zones", encoding="gb18030")
    assert again["NAME"].tolist() == raw["NAME"].tolist()
    shp.with_suffix(".prj").unlink()
    with pytest.raises(DataError, match=r"no \.prj"):
        load.read_layer(shp, table="zones", encoding="gb18030")


def test_shanghai_schools_need_a_declared_crs(test_data: Path) -> None:
    file = test_data / "shanghai" / "小学.csv"
    with pytest.raises(DataError, match="which CRS"):
        load.read_layer(file, table="services.primary")
    raw = load.read_layer(file, table="services.primary", crs="EPSG:4326")
    assert len(raw) == 931
    found = load.sites(raw, crs=crs.working_crs(load.lonlat_bounds(raw)), service="primary")
    assert len(found.sites) + len(found.drops) == 931


def test_yueyang_is_measured_in_its_own_zone(test_data: Path) -> None:
    raw = load.read_layer(test_data / "yueyang" / "yueyang_counties_wgs84.geojson", table="zones")
    working = crs.working_crs(load.lonlat_bounds(raw))
    assert working.to_epsg() == 4547
    zones = load.zones(raw, crs=working, zoning="county", columns={"zone_id": "adcode"}).table
    assert len(zones) == 9
    assert abs(zones.geometry.area.sum() / 1e6 - 14_871) < 15
    points = load.read_layer(
        test_data / "yueyang" / "yueyang_village_points.csv",
        table="people",
        crs="EPSG:4326",
        x="lon_wgs84",
        y="lat_wgs84",
    )
    inside = demand.membership(points.to_crs(working).rename(columns={"code": "demand_id"}), zones)
    assert (inside["zone_id"] != "").mean() > 0.99


def test_the_census_total_row_is_not_summed(test_data: Path) -> None:
    raw = load.read_table(
        test_data / "yueyang" / "yueyang_census2020_county_age_sex.csv", table="people.totals"
    )
    with pytest.raises(DataError) as caught:
        load.totals(raw, columns={"zone_id": "区划代码", "population": "人口数_合计"})
    assert "430600" in str(caught.value)
    assert "no zone_id" in str(caught.value)  # 屈原管理区 has no code
    old = load.read_table(
        test_data / "yueyang" / "yueyang_census2010_county_age_sex.csv", table="people.totals"
    )
    assert "地区" in old.columns  # headers with line breaks are read


def test_porto_alegre_hexagons(test_data: Path) -> None:
    raw = load.read_layer(
        test_data / "porto_alegre" / "poa_hexgrid.csv", table="people", crs="EPSG:4326"
    )
    found = load.people(
        raw,
        crs=crs.working_crs(load.lonlat_bounds(raw)),
        columns={"demand_id": "id"},
        settlement="urban",
    )
    assert len(found.table) == 1227
    assert found.table["population"].sum() == raw["population"].astype(int).sum()
