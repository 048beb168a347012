"""A toy town of two by two kilometres, whole and clean, to be broken in every way.

The frames hold what a bureau would send: its own short column names, ids and words. They are
written in any format by :func:`write`; :func:`build` writes one plausible set of files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import shapely

CRS = pyproj.CRS.from_epsg(4547)  # CGCS2000, 114°E: metres
DEGREES = pyproj.CRS.from_epsg(4490)
X0, Y0 = 430_000.0, 3_250_000.0  # near Yueyang
SIDE = 2_000.0

POINT_FORMATS = ("gpkg", "geojson", "csv", "xlsx", "shp", "parquet")
SHAPE_FORMATS = ("gpkg", "geojson", "shp", "parquet")
GENERAL = ("gpkg", "geojson", "parquet")


@dataclass(frozen=True)
class Spec:
    """One layer of the town: what its columns are called and hold.

    ``columns`` is our name → the file's; ``numbers``, ``words`` are our names of columns that
    hold whole numbers and words from a list; ``carries`` says that rows carry people.
    """

    key: str
    geometry: str
    columns: Mapping[str, str]
    formats: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    carries: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


SPECS: dict[str, Spec] = {
    "zones": Spec(
        "zone_id", "polygon",
        {"zone_id": "code", "name": "name", "population": "pop", "settlement": "class"},
        SHAPE_FORMATS, numbers=("population",), words=("settlement",), carries=True,
        options={"zoning": "township"},
    ),
    "people": Spec(
        "demand_id", "point",
        {"demand_id": "no", "population": "people", "settlement": "class"},
        POINT_FORMATS, numbers=("population", "pupils"), words=("settlement",),
        needed=("population",), carries=True, options={"groups": {"pupils": "age6_11"}},
    ),
    "residential": Spec(
        "residential_id", "polygon",
        {"residential_id": "land", "settlement": "class", "quarter": "quarter"},
        SHAPE_FORMATS, words=("settlement", "quarter"),
    ),
    "buildings": Spec(
        "carrier_id", "polygon",
        {"carrier_id": "building", "weight": "floors", "settlement": "class"},
        SHAPE_FORMATS, numbers=("weight",), words=("settlement",),
    ),
    "school": Spec(
        "site_id", "point",
        {"site_id": "id", "name": "name", "capacity": "seats", "enrolment": "pupils"},
        POINT_FORMATS, numbers=("capacity", "enrolment"), options={"service": "school"},
    ),
    "clinic": Spec(
        "site_id", "point", {"site_id": "id", "name": "name", "level": "grade"},
        POINT_FORMATS, options={"service": "clinic"},
    ),
    "candidates": Spec(
        "site_id", "polygon", {"site_id": "plot", "name": "name"},
        SHAPE_FORMATS, options={"service": "clinic", "status": "candidate"},
    ),
    "parks": Spec(
        "park_id", "polygon", {"park_id": "id", "name": "name", "access": "access"},
        SHAPE_FORMATS,
    ),
    "roads": Spec(
        "road_id", "line",
        {
            "road_id": "id", "highway": "class", "oneway": "oneway", "speed_kph": "kph",
            "bridge": "bridge", "layer": "level",
        },
        SHAPE_FORMATS, numbers=("speed_kph", "layer"), words=("oneway", "bridge"),
        needed=("highway",),
    ),
    "water": Spec("water_id", "line", {"water_id": "id", "name": "name"}, SHAPE_FORMATS),
    "barriers": Spec("barrier_id", "line", {"barrier_id": "id", "name": "name"}, SHAPE_FORMATS),
}  # fmt: skip


@cache
def _made(layer: str) -> gpd.GeoDataFrame:
    return _FRAMES[layer]()


def frame(layer: str) -> gpd.GeoDataFrame:
    """Return one layer of the town, in the working CRS."""
    return _made(layer).copy()


def area() -> Any:
    """Return the study area: the town and a kilometre around it."""
    return shapely.box(X0, Y0, X0 + SIDE, Y0 + SIDE).buffer(1000)


def write(
    table: gpd.GeoDataFrame, folder: Path, name: str, ending: str, *, crs: Any = None
) -> tuple[Path, dict[str, Any]]:
    """Write a frame; return its path and what the study must declare to have it read.

    CSV, XLSX and GeoJSON are written in degrees, the others in the frame's CRS.
    """
    path = folder / f"{name}.{ending}"
    if ending in ("csv", "xlsx"):
        moved = _in_degrees(table).reset_index(drop=True)
        cells = pd.DataFrame(moved.drop(columns="geometry"))
        for column, part in (("lon", "x"), ("lat", "y")):
            values = [None if g is None or g.is_empty else getattr(g, part) for g in moved.geometry]
            cells[column] = pd.Series(values, dtype=object)
        if ending == "csv":
            cells.to_csv(path, index=False, encoding="utf-8-sig")
        else:
            cells.to_excel(path, index=False)
        return path, {"crs": crs or "EPSG:4490"}
    if ending == "geojson":
        moved = _in_degrees(table)
        moved.to_file(path, driver="GeoJSON", engine="pyogrio", COORDINATE_PRECISION=9)
        return path, {}
    if ending == "shp":
        table.to_file(path, engine="pyogrio", encoding="gb18030")
        path.with_suffix(".cpg").unlink(missing_ok=True)
        return path, {"encoding": "gb18030"}
    if ending == "parquet":
        table.to_parquet(path)
        return path, {}
    table.to_file(path, driver="GPKG", engine="pyogrio", layer=name)
    return path, {}


DEFAULT_FORMATS: Mapping[str, str] = {
    "zones": "gpkg", "people": "csv", "residential": "geojson", "buildings": "parquet",
    "school": "shp", "clinic": "xlsx", "candidates": "gpkg", "parks": "parquet",
    "roads": "gpkg", "water": "geojson", "barriers": "gpkg",
}  # fmt: skip


def build(folder: Path) -> tuple[dict[str, Path], dict[str, dict[str, Any]], pyproj.CRS]:
    """Write the town in several formats; return paths, declarations and the working CRS."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    declared: dict[str, dict[str, Any]] = {}
    for name, ending in DEFAULT_FORMATS.items():
        paths[name], declared[name] = write(frame(name), folder, name, ending)
    return paths, declared, CRS


# What the study file calls each layer; buildings carry no people here, so they are not in it.
STUDY_NAMES: Mapping[str, str] = {
    "zones": "zones",
    "people": "people.points",
    "residential": "residential",
    "school": "services.school",
    "clinic": "services.clinic",
    "candidates": "decide.new_sites.candidates",
    "parks": "green",
    "roads": "roads",
    "water": "water",
    "barriers": "barriers",
}


def study_toml(
    paths: Mapping[str, Path],
    declared: Mapping[str, Mapping[str, Any]],
    columns: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Return the study file of the town: two services, green, closures and one new clinic."""
    columns = columns or {name: spec.columns for name, spec in SPECS.items()}

    def source(name: str) -> str:
        lines = [f"file = {json.dumps(str(paths[name]))}"]
        for key, value in declared[name].items():
            written = (
                "{ " + ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items())
                + " }" if isinstance(value, Mapping) else json.dumps(value, ensure_ascii=False)
            )  # fmt: skip
            lines.append(f"{key} = {written}")
        pairs = (
            f"{json.dumps(k)} = {json.dumps(v, ensure_ascii=False)}"
            for k, v in columns[name].items()
        )
        return "\n".join([*lines, f"columns = {{ {', '.join(pairs)} }}"])

    return f"""
title = "小城"
data = "."
[people]
year = 2025
[people.points]
{source("people")}
[people.groups.pupils]
column = "age6_11"
[zones]
{source("zones")}
zoning = "township"
[roads]
{source("roads")}
[residential]
{source("residential")}
[[green]]
{source("parks")}
kind = "park"
[[water]]
{source("water")}
[[barriers]]
{source("barriers")}
[services.school]
{source("school")}
group = "pupils"
rules = ["circle_15min"]
[services.clinic]
{source("clinic")}
rules = ["circle_15min"]
[decide.closures]
service = "school"
[decide.new_sites]
service = "clinic"
rule = "circle_15min"
n_new = 1
[decide.new_sites.candidates]
{source("candidates")}
"""


def _in_degrees(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if frame.crs is None:
        return frame
    if len(frame) == 0:
        return frame.set_crs(DEGREES, allow_override=True)
    return frame.to_crs(DEGREES if frame.crs.is_projected else frame.crs)


def _frame(rows: list[dict[str, Any]], shapes: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _box(x: float, y: float, wide: float, tall: float) -> Any:
    return shapely.box(X0 + x, Y0 + y, X0 + x + wide, Y0 + y + tall)


def _point(x: float, y: float) -> Any:
    return shapely.Point(X0 + x, Y0 + y)


def _line(*places: tuple[float, float]) -> Any:
    return shapely.LineString([(X0 + x, Y0 + y) for x, y in places])


def _zones() -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for i, name in enumerate(("东街道", "西街道", "南镇", "北乡")):
        kind = "urban" if i < 2 else "village"
        rows.append({"code": f"43060{i}", "name": name, "pop": 1200 - 100 * i, "class": kind})
        shapes.append(_box(1000 * (i % 2), 1000 * (i // 2), 1000, 1000))
    return _frame(rows, shapes)


def _people() -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for i in range(12):
        kind = "urban" if i < 6 else "village"
        count = 60 + 7 * i
        rows.append({"no": f"P{i:02d}", "people": count, "class": kind, "age6_11": count // 12})
        shapes.append(_point(130 + 480 * (i % 4), 210 + 620 * (i // 4)))
    return _frame(rows, shapes)


def _residential() -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for i in range(4):
        kind = "urban" if i < 2 else "village"
        quarter = "old" if i == 0 else "new"
        rows.append({"land": f"R{i}", "class": kind, "quarter": quarter})
        shapes.append(_box(150 + 1000 * (i % 2), 150 + 1000 * (i // 2), 350 + 20 * i, 400))
    return _frame(rows, shapes)


def _buildings() -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for i in range(6):
        rows.append({"building": f"B{i}", "floors": 1 + i, "class": "urban"})
        shapes.append(_box(180 + 300 * i, 300 + 1000 * (i % 2), 30, 20 + i))
    return _frame(rows, shapes)


def _school() -> gpd.GeoDataFrame:
    rows = [
        {"id": "S1", "name": "东小学", "seats": 400, "pupils": 380},
        {"id": "S2", "name": "西小学", "seats": 300, "pupils": 120},
        {"id": "S3", "name": "北乡小学", "seats": 90, "pupils": 35},
    ]
    return _frame(rows, [_point(390, 420), _point(1500, 610), _point(620, 1480)])


def _clinic() -> gpd.GeoDataFrame:
    rows = [
        {"id": "C1", "name": "中心卫生院", "grade": "乡镇"},
        {"id": "C2", "name": "南镇卫生室", "grade": "村"},
    ]
    return _frame(rows, [_point(880, 930), _point(1490, 1610)])


def _candidates() -> gpd.GeoDataFrame:
    rows = [{"plot": f"K{i}", "name": f"地块{i}"} for i in range(3)]
    return _frame(rows, [_box(180 + 600 * i, 90, 60, 40) for i in range(3)])


def _parks() -> gpd.GeoDataFrame:
    rows = [
        {"id": "G1", "name": "人民公园", "access": "yes"},
        {"id": "G2", "name": "口袋公园", "access": ""},
    ]
    return _frame(rows, [_box(720, 640, 160, 120), _box(1610, 1210, 60, 55)])


def _roads() -> gpd.GeoDataFrame:
    rows, shapes = [], []
    step = 400
    for i in range(6):
        for j in range(5):
            across, along = (
                _line((j * step, i * step), ((j + 1) * step, i * step)),
                _line((i * step, j * step), (i * step, (j + 1) * step)),
            )
            for kind, line in (("h", across), ("v", along)):
                main = i == 2
                rows.append(
                    {
                        "id": f"{kind}{i}{j}",
                        "class": "secondary" if main else "residential",
                        "oneway": "yes" if main and kind == "v" else "no",
                        "kph": 40 if main else 30,
                        "bridge": "yes" if (i, j, kind) == (1, 2, "v") else "no",
                        "level": 1 if (i, j, kind) == (1, 2, "v") else 0,
                    }
                )
                shapes.append(line)
    return _frame(rows, shapes)


def _water() -> gpd.GeoDataFrame:
    return _frame([{"id": "W1", "name": "小河"}], [_line((-200, 1000), (1000, 1050), (2200, 990))])


def _barriers() -> gpd.GeoDataFrame:
    rows = [{"id": "X1", "name": "铁路"}, {"id": "X2", "name": "围墙"}]
    return _frame(rows, [_line((-200, 1810), (2200, 1820)), _line((1010, 30), (1010, 350))])


_FRAMES = {
    "zones": _zones, "people": _people, "residential": _residential, "buildings": _buildings,
    "school": _school, "clinic": _clinic, "candidates": _candidates, "parks": _parks,
    "roads": _roads, "water": _water, "barriers": _barriers,
}  # fmt: skip
