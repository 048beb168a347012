"""The files: every one can be read, says its CRS where it can, and is labelled as made up."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
import pytest
import rasterio

from siting import demo, load, study
from siting.demo.files import write_files
from siting.demo.region import Region
from siting.demo.scale import COUNTY
from siting.errors import StudyError

LAYERS = {
    "乡镇街道.shp": (None, 4547),
    "县界.gpkg": ("县界", 4547),
    "道路.gpkg": ("道路", 4547),
    "水系.geojson": (None, 4490),
    "居住用地.gpkg": ("居住用地", 4547),
    "学校.gpkg": ("学校", 4490),
    "公园绿地.gpkg": ("公园绿地", 4547),
    "闲置地块.gpkg": ("闲置地块", 4547),
    "三区三线.gpkg": ("永久基本农田", 4547),
    "洪水淹没范围.shp": (None, 4547),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_open_with_their_crs(folder: Path, name: str) -> None:
    layer, epsg = LAYERS[name]
    table = gpd.read_file(folder / name, layer=layer) if layer else gpd.read_file(folder / name)
    assert len(table) > 0
    assert table.crs.to_epsg() == epsg
    assert table.is_valid.all()


def test_a_shapefile_is_in_gbk(folder: Path) -> None:
    assert (folder / "乡镇街道.cpg").read_text() == "GBK"
    raw = (folder / "乡镇街道.dbf").read_bytes()
    assert "古槐街道".encode("gbk") in raw
    assert gpd.read_file(folder / "乡镇街道.shp")["名称"].iloc[0] == "古槐街道"


def test_tables_open(folder: Path) -> None:
    people = pd.read_csv(folder / "常住人口点.csv")
    assert people["常住人口"].sum() == COUNTY.population
    assert people["经度"].between(112.9, 113.9).all()
    clinics = pd.read_csv(folder / "医疗机构.csv", encoding="gb18030")
    assert set(clinics["类别"]) >= {"村卫生室", "卫生院", "医院"}
    census = pd.read_excel(folder / "分乡镇人口.xlsx")
    assert census["常住人口"].sum() == COUNTY.population
    assert len(pd.read_excel(folder / "卫生站备选点.xlsx")) == 36
    assert set(pd.read_excel(folder / "养老设施.xlsx")["状态"]) == {"现状", "备选"}


def test_elevation_covers_the_county(folder: Path, county: Region) -> None:
    with rasterio.open(folder / "高程.tif") as raster:
        assert raster.crs.to_epsg() == 4547
        assert raster.res == (100.0, 100.0)
        west, south, east, north = county.tables["county"].total_bounds
        assert raster.bounds.left < west < east < raster.bounds.right
        assert raster.bounds.bottom < south < north < raster.bounds.top
        heights = raster.read(1)
    assert 20.0 < heights.min() < 30.0 < 300.0 < heights.max() < 900.0


def test_everything_says_that_it_is_made_up(folder: Path) -> None:
    content = tomllib.loads((folder / "study.toml").read_text("utf-8"))
    assert content["made_up"] is True
    assert "虚构" in content["title"]
    assert "made up" in content["title_en"]
    assert "虚构" in (folder / "说明.txt").read_text("utf-8")
    for file in folder.glob("*.gpkg"):
        for layer, _ in pyogrio.list_layers(file):
            said = pyogrio.read_info(file, layer=layer)["layer_metadata"]
            assert "虚构" in said["DESCRIPTION"]
    for file in folder.glob("*.xlsx"):
        assert "虚构" in openpyxl.load_workbook(file).properties.title
    with rasterio.open(folder / "高程.tif") as raster:
        assert "虚构" in raster.tags()["DESCRIPTION"]
    assert "虚构" in gpd.read_file(folder / "县界.gpkg")["name"].iloc[0]
    assert "虚构" in gpd.read_file(folder / "水系.geojson")["name"].iloc[0]


def test_the_study_is_read_and_every_source_loads(folder: Path) -> None:
    asked = study.read_study(folder)
    assert asked.made_up
    tables = {
        "people.ages",
        "schools.enrolment",
        "schools.children.births_file",
    }  # rows without a place
    for name, source in asked.sources().items():
        if name in tables:
            table = load.read_table(
                source.file, table=name, encoding=source.encoding, where=source.where
            )
            assert len(table) > 0, name
            assert set(source.columns.values()) <= set(table.columns), name
            continue
        table = load.read_layer(
            source.file, table=name, layer=source.layer, crs=source.crs,
            encoding=source.encoding, x=source.x, y=source.y, where=source.where,
            geometry="line" if name == "roads" else "point_or_polygon",
        )  # fmt: skip
        assert len(table) > 0, name
        assert set(source.columns.values()) <= set(table.columns), name


def test_same_bytes_each_time_so_that_nothing_is_built_twice(
    folder: Path, county: Region, tmp_path: Path
) -> None:
    files = write_files(tmp_path, county)
    assert {f.name for f in tmp_path.iterdir()} == {f.name for f in folder.iterdir()}
    for file in files:
        one, other = file.read_bytes(), (folder / file.name).read_bytes()
        assert hashlib.sha256(one).digest() == hashlib.sha256(other).digest(), file.name
    assert sum(f.stat().st_size for f in folder.iterdir()) < 15e6


def test_an_unknown_scale_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r'no scale "continent".*county.*city'):
        demo.write_region(tmp_path / "x", scale="continent")
    with pytest.raises(StudyError, match="-1 is negative"):
        demo.write_region(tmp_path / "x", seed=-1)
    assert not (tmp_path / "x").exists()
