"""The county as the files a bureau would hand over: mixed formats, CRS, encodings, own headings."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
from rasterio.transform import from_origin

from siting.demo import pupils
from siting.demo.names import NOTICE
from siting.demo.people import GROUPS
from siting.demo.region import Region

METRIC, DEGREES = "EPSG:4547", "EPSG:4490"
_AGES = dict(
    zip(
        GROUPS,
        ("0-2岁", "3-5岁", "6-11岁", "12-14岁", "15-17岁", "18-59岁", "60岁以上"),
        strict=True,
    )
)
_SCHOOL = {
    "site_id": "学校代码",
    "name": "学校名称",
    "stage": "学段",
    "grade_from": "起始年级",
    "grade_to": "终止年级",
    "level": "城乡类别",
    "zone_id": "乡镇代码",
    "classes": "班级数",
    "capacity": "学位数",
    "enrolment": "在校生数",
    "boarders": "寄宿生数",
    "beds": "床位数",
    "staff": "教职工数",
    "running_cost_yuan": "年运行经费_元",
    "site_area_m2": "占地面积_m2",
    "floor_area_m2": "校舍面积_m2",
    "condition": "校舍状况",
    "capacity_primary": "小学学位数",
    "enrolment_primary": "小学在校生数",
    "capacity_junior": "初中学位数",
    "enrolment_junior": "初中在校生数",
}
CONTROL_LINES = ("永久基本农田", "生态保护红线", "城镇开发边界")
_DATE = "2026-01-01T00:00:00.000Z"  # GeoPackages hold the time of writing; a demo has none


def write_files(folder: Path, region: Region) -> tuple[Path, ...]:
    """Write every file into ``folder``; each replaces its predecessor whole.

    Returns
    -------
    tuple of Path
        All files but the parts that go with a Shapefile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
        made = Path(name)
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _DATE})
        try:
            _write(made, region)
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
        names = sorted(file.name for file in made.iterdir())
        for file in names:
            (made / file).replace(folder / file)
    parts = (".dbf", ".shx", ".prj", ".cpg")
    return tuple(folder / file for file in names if not file.endswith(parts))


def _write(folder: Path, region: Region) -> None:
    tables, title = region.tables, region.scale.name_zh
    _shapefile(
        tables["zones"].rename(
            columns={"zone_id": "代码", "name": "名称", "kind": "类别", "population": "常住人口"}
        )[["代码", "名称", "类别", "常住人口", "geometry"]],
        folder / "乡镇街道.shp",
    )
    layers = {
        "县界": {"县界": tables["county"]},
        "道路": {"道路": tables["roads"]},
        "居住用地": {"居住用地": tables["residential"]},
        "学校": {"学校": _schools(tables["schools"]).to_crs(DEGREES)},
        "公园绿地": {"公园绿地": tables["parks"], "公园出入口": tables["park_entrances"]},
        "闲置地块": {"闲置地块": tables["plots"]},
        "三区三线": {name: tables[name] for name in CONTROL_LINES},
    }
    if region.scale.many:
        layers["控制性规划单元"] = {"控制性规划单元": tables["control_units"]}
    for name, content in layers.items():
        _geopackage(folder / f"{name}.gpkg", content, title)
    _geojson(tables["water"], folder / "水系.geojson")
    _people(folder / "常住人口点.csv", tables["people"])
    _census(folder / "分乡镇人口.xlsx", tables["zones"], title)
    _ages(folder / "分乡镇分年龄人口.xlsx", tables["zones"], title)
    _births(folder / "出生人口.csv", tables["zones"])
    _enrolment(folder / "分年级在校生.csv", tables["schools"])
    _clinics(folder / "医疗机构.csv", tables["clinics"])
    _stations(folder / "卫生站备选点.xlsx", tables["stations"], title)
    _amenities(folder / "公共服务设施.csv", tables["amenities"])
    _elderly(folder / "养老设施.xlsx", tables["elderly"], title)
    _shapefile(
        tables["洪水淹没范围"].rename(columns={"code": "编号", "area_m2": "面积"}),
        folder / "洪水淹没范围.shp",
    )
    _elevation(folder / "高程.tif", region)
    template = resources.files("siting.demo")
    study = (template / region.scale.template).read_text("utf-8")
    (folder / "study.toml").write_text(study, "utf-8")
    about = _ABOUT + (_ABOUT_CITY if region.scale.many else _ABOUT_COUNTY)
    names = f"{title} / {region.scale.name_en}"
    (folder / "说明.txt").write_text(f"{names}\n{NOTICE}\n{about}", "utf-8")


def _geopackage(path: Path, layers: Mapping[str, gpd.GeoDataFrame], title: str) -> None:
    for layer, table in layers.items():
        pyogrio.write_dataframe(
            table,
            path,
            layer=layer,
            driver="GPKG",
            append=path.exists(),
            layer_metadata={"IDENTIFIER": f"{title}{layer}", "DESCRIPTION": NOTICE},
        )


def _shapefile(table: gpd.GeoDataFrame, path: Path) -> None:
    """Write GBK text, as offices do, with a ``.cpg`` that says so."""
    pyogrio.write_dataframe(table, path, driver="ESRI Shapefile", encoding="GBK")
    path.with_suffix(".cpg").write_text("GBK", "ascii")


def _geojson(table: gpd.GeoDataFrame, path: Path) -> None:
    pyogrio.write_dataframe(
        table.to_crs(DEGREES),
        path,
        driver="GeoJSON",
        COORDINATE_PRECISION=7,
        NATIVE_DATA=None,
        DESCRIPTION=NOTICE,
    )


def _degrees(table: gpd.GeoDataFrame) -> tuple[list[str], list[str]]:
    """Return longitudes and latitudes (CGCS2000) as text, about a centimetre fine."""
    xy = shapely.get_coordinates(table.geometry.to_crs(DEGREES))
    return [f"{x:.7f}" for x in xy[:, 0]], [f"{y:.7f}" for y in xy[:, 1]]


def _people(path: Path, people: gpd.GeoDataFrame) -> None:
    lon, lat = _degrees(people)
    table = pd.DataFrame(people.drop(columns="geometry")).rename(
        columns={"demand_id": "点号", "name": "名称", "community": "村社区", "zone_id": "乡镇代码",
                 "residential_id": "居住用地号", "population": "常住人口", **_AGES}
    )  # fmt: skip
    table.insert(6, "经度", lon)
    table.insert(7, "纬度", lat)
    _csv(table, path, "utf-8-sig")


def _csv(table: pd.DataFrame, path: Path, encoding: str) -> None:
    table.to_csv(path, index=False, encoding=encoding, lineterminator="\r\n")


def _census(path: Path, zones: gpd.GeoDataFrame, title: str) -> None:
    table = pd.DataFrame(zones.drop(columns=["geometry", "kind"])).rename(
        columns={"zone_id": "代码", "name": "乡镇街道", "population": "常住人口", **_AGES}
    )
    _workbook(path, {"分乡镇人口": table}, title)


def _schools(schools: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return pupils.register(schools).rename(columns=_SCHOOL)


def _enrolment(path: Path, schools: gpd.GeoDataFrame) -> None:
    table = pupils.enrolment(schools).rename(
        columns={"site_id": "学校代码", "year": "年份", "grade": "年级", "pupils": "在校生数",
                 "boarders": "寄宿生数"}
    )  # fmt: skip
    _csv(table, path, "gb18030")


def _births(path: Path, zones: gpd.GeoDataFrame) -> None:
    table = pupils.births(zones).rename(
        columns={"zone_id": "代码", "year": "年份", "persons": "出生人数"}
    )
    _csv(table, path, "utf-8-sig")


def _ages(path: Path, zones: gpd.GeoDataFrame, title: str) -> None:
    table = pupils.ages(zones).rename(columns={"zone_id": "代码", "name": "乡镇街道"})
    _workbook(path, {"分年龄人口": table}, title)


def _clinics(path: Path, clinics: gpd.GeoDataFrame) -> None:
    lon, lat = _degrees(clinics)
    table = pd.DataFrame(clinics.drop(columns="geometry")).rename(
        columns={"site_id": "机构代码", "name": "机构名称", "kind": "类别", "beds": "床位数",
                 "staff": "卫生人员"}
    )  # fmt: skip
    _csv(table.assign(经度=lon, 纬度=lat), path, "gb18030")


def _stations(path: Path, stations: gpd.GeoDataFrame, title: str) -> None:
    lon, lat = _degrees(stations)
    table = pd.DataFrame(stations.drop(columns="geometry")).rename(
        columns={"site_id": "编号", "name": "名称", "floor_m2": "建筑面积_m2"}
    )
    table["经度"], table["纬度"] = [float(x) for x in lon], [float(y) for y in lat]
    _workbook(path, {"备选点": table}, title)


def _elderly(path: Path, elderly: gpd.GeoDataFrame, title: str) -> None:
    xy = shapely.get_coordinates(elderly.geometry)
    table = pd.DataFrame(elderly.drop(columns="geometry")).rename(
        columns={
            "site_id": "编号",
            "name": "名称",
            "kind": "类别",
            "state": "状态",
            "beds": "床位数",
        }
    )
    table["东坐标"], table["北坐标"] = xy[:, 0], xy[:, 1]
    _workbook(path, {"养老设施": table}, title)


def _workbook(path: Path, sheets: Mapping[str, pd.DataFrame], title: str) -> None:
    with pd.ExcelWriter(path, engine="xlsxwriter") as book:
        book.book.set_properties(
            {"title": title, "comments": NOTICE, "created": datetime(2026, 1, 1)}
        )
        for name, table in sheets.items():
            table.to_excel(book, sheet_name=name, index=False)


def _elevation(path: Path, region: Region) -> None:
    rows, columns = region.elevation.shape
    west, south = region.origin
    cell = 2.0 * region.scale.cell_m
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32",
        crs=METRIC, transform=from_origin(west, south + cell * rows, cell, cell),
        nodata=-9999.0, compress="deflate", predictor=3, tiled=True,
    ) as out:  # fmt: skip
        out.write(np.ascontiguousarray(region.elevation[::-1]), 1)
        out.update_tags(TITLE=region.scale.name_zh, DESCRIPTION=NOTICE, UNITS="m")


def _amenities(path: Path, amenities: gpd.GeoDataFrame) -> None:
    lon, lat = _degrees(amenities)
    table = pd.DataFrame(amenities.drop(columns="geometry")).rename(
        columns={"site_id": "编号", "name": "名称", "kind": "类别", "capacity": "规模",
                 "unit": "规模单位"}
    )  # fmt: skip
    _csv(table.assign(经度=lon, 纬度=lat), path, "utf-8-sig")


_ABOUT = """
乡镇街道.shp        面，GBK，EPSG:4547：代码 名称 类别 常住人口
县界.gpkg           面，EPSG:4547
道路.gpkg           线，EPSG:4547：highway（OSM 分级）name oneway bridge tunnel layer
水系.geojson        面，EPSG:4490：lake river pond
常住人口点.csv      点，EPSG:4490 经纬度，UTF-8：村民小组与居住地块的常住人口与年龄组
分乡镇人口.xlsx     分乡镇年龄组合计（等于人口点之和）
居住用地.gpkg       面，EPSG:4547：settlement quarter area_m2 population
学校.gpkg           点，EPSG:4490：学段 年级 学位 在校生 寄宿生 床位 教职工 经费 面积（少数缺失）
分年级在校生.csv    GB18030：学校 年份 年级 在校生 寄宿生（三年；寄宿生只有最近一年）
出生人口.csv        UTF-8：分乡镇各年出生人数，2025 年以后为设定
分乡镇分年龄人口.xlsx  分乡镇 0 岁、1–4 岁、5 岁一组（普查的分组）
医疗机构.csv        点，EPSG:4490 经纬度，GB18030
公园绿地.gpkg       面与出入口点，EPSG:4547（三分之一的公园没有出入口资料）
闲置地块.gpkg       面，EPSG:4547
卫生站备选点.xlsx   点，EPSG:4490 经纬度
养老设施.xlsx       点，EPSG:4547 东、北坐标
公共服务设施.csv    点，EPSG:4490 经纬度，UTF-8：托育 文化 体育 商业 充电，各带规模
三区三线.gpkg       面，EPSG:4547：永久基本农田 生态保护红线 城镇开发边界
洪水淹没范围.shp    面，GBK，EPSG:4547
高程.tif            栅格，EPSG:4547，单位米
"""
_ABOUT_COUNTY = """
常住人口总数取湘阴县 2020 年第七次全国人口普查数（583,984 人）作为规模参照；
其余全部为程序生成，地名、边界、道路、学校均不存在。
"""
_ABOUT_CITY = """控制性规划单元.gpkg 面，EPSG:4547：中心城区

常住人口总数取岳阳市 2020 年第七次全国人口普查数（5,051,922 人，城镇占 60.6%）作为规模参照；
其余全部为程序生成，地名、边界、道路、学校均不存在。
"""
