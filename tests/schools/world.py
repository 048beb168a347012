"""Two small counties with five schools: a whole study, to be broken in every way.

Bands of 500, 400, 300, 200 and 100 persons fall by 4 a year of age (docs/method-schools.md), so the
children of age a are 108 − 4a: 84 of age 6, 80 of age 7 and so on, in each county.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

import siting
from siting.pipeline import Inputs, read_inputs
from tests.mutation.tiny import CRS, X0, Y0
from tests.pipeline.test_people_run import _toml_file

COUNTIES = {"430601": "甲县", "430602": "乙县"}
# site, name, where (m), stage, level, first and last grade
SCHOOLS = [
    ("S1", "甲县实验小学", (400, 500), "小学", "县城", 1, 6),
    ("S2", "甲县九年一贯制学校", (900, 500), "九年一贯制学校", "乡镇", 1, 9),
    ("S3", "乙县中心小学", (2400, 500), "小学", "乡镇", 1, 6),
    ("S4", "乙县初级中学", (2600, 500), "初中", "县城", 7, 9),
    ("S5", "乙县丙村教学点", (3400, 500), "教学点", "村", 1, 3),
]
REGISTER = {
    "教学班数": [12, 18, 6, 9, 3],
    "学位数": [540, 900, 270, 450, 90],
    "寄宿生数": [0, 100, 0, 120, 0],
    "床位数": [0, 100, 0, 140, 0],
    "教职工数": [30, 50, 14, 32, 4],
    "年运行经费": [3_000_000, 5_000_000, 1_500_000, 3_000_000, 400_000],
    "占地面积": [12000.0, 20000.0, 6000.0, 15000.0, 2000.0],
    "校舍面积": [5000.0, 9000.0, 2500.0, 6000.0, 600.0],
    "校舍状况": ["好", "一般", "差", "好", "危房"],
    "县代码": ["430601", "430601", "430602", "430602", "430602"],
}
COLUMNS = {
    "site_id": "学校代码", "name": "学校名称", "stage": "学段", "level": "城乡类别",
    "grade_from": "起始年级", "grade_to": "终止年级", "classrooms": "教学班数", "seats": "学位数",
    "boarders": "寄宿生数", "beds": "床位数", "staff": "教职工数",
    "running_cost_yuan": "年运行经费", "site_area_m2": "占地面积", "floor_area_m2": "校舍面积",
    "condition": "校舍状况", "zone_id": "县代码",
}  # fmt: skip
BANDS = {
    "0": "a0",
    "1-4": ["m1", "f1"],
    "5-9": "a5",
    "10-14": "a10",
    "15-19": "a15",
    "20-24": "a20",
}


class World:
    """The study's files as tables; change them, then read."""

    def __init__(self) -> None:
        self.zones = gpd.GeoDataFrame(
            {"code": list(COUNTIES), "name": list(COUNTIES.values())},
            geometry=[shapely.box(X0 + x, Y0, X0 + x + 2000, Y0 + 1000) for x in (0, 2000)],
            crs=CRS,
        )
        homes = [(100, 60, "urban"), (700, 30, "village"), (1500, 10, "village"),
                 (2300, 50, "urban"), (3000, 30, "village"), (3800, 20, "village")]  # fmt: skip
        self.people = gpd.GeoDataFrame(
            {
                "no": [f"P{i}" for i in range(6)],
                "people": [n * 30 for _, n, _ in homes],
                "class": [kind for _, _, kind in homes],
            },
            geometry=[shapely.Point(X0 + x, Y0 + 480) for x, _, _ in homes],
            crs=CRS,
        )
        self.roads = gpd.GeoDataFrame(
            {"class": ["residential"]},
            geometry=[shapely.LineString([(X0, Y0 + 500), (X0 + 4000, Y0 + 500)])],
            crs=CRS,
        )
        self.sites = gpd.GeoDataFrame(
            {"学校代码": [s[0] for s in SCHOOLS], "学校名称": [s[1] for s in SCHOOLS],
             "小学": [540, 540, 270, None, 90], "初中": [None, 360, None, 450, None],
             "p": ["1", "1", "1", "0", "1"], "j": ["0", "1", "0", "1", "0"]},
            geometry=[shapely.Point(X0 + s[2][0], Y0 + s[2][1]) for s in SCHOOLS],
            crs=CRS,
        )  # fmt: skip
        self.register = pd.DataFrame(
            [(s[0], s[1], s[3], s[4], s[5], s[6]) for s in SCHOOLS],
            columns=["学校代码", "学校名称", "学段", "城乡类别", "起始年级", "终止年级"],
        ).assign(**REGISTER)
        self.enrolment = pd.DataFrame(
            [
                (s[0], year, grade, 40 + grade, 0 if grade < 7 else 30)
                for s in SCHOOLS
                for year in (2024, 2025)
                for grade in range(s[5], s[6] + 1)
                if s[0] != "S5"
            ]
            + [("S5", y, g, 10 + g, 0) for y in (2024, 2025) for g in (1, 2, 3)],
            columns=["school", "year", "grade", "pupils", "boarders"],
        )
        self.ages = pd.DataFrame(
            {"code": list(COUNTIES), "a0": 108, "m1": 200, "f1": 192, "a5": 400, "a10": 300,
             "a15": 200, "a20": 100}
        )  # fmt: skip
        self.births: pd.DataFrame | None = None
        self.catchments: gpd.GeoDataFrame | None = None
        self.content: dict[str, Any] = {
            "title": "两县", "crs": "EPSG:4547", "data": ".",
            "zones": [{"file": "zones.gpkg", "zoning": "county", "columns": {"zone_id": "code"}}],
            "roads": {"file": "roads.gpkg", "columns": {"highway": "class"}},
            "people": {
                "points": {"file": "people.gpkg", "columns": {
                    "demand_id": "no", "population": "people", "settlement": "class"}},
                "ages": {"file": "ages.csv", "year": 2025, "zoning": "county", "bands": BANDS,
                         "columns": {"zone_id": "code"}},
            },
            "services": {
                name: {
                    "file": "sites.gpkg", "where": {flag: ["1"]}, "rules": ["school.journey"],
                    "columns": {"site_id": "学校代码", "name": "学校名称", "capacity": seats},
                }
                for name, flag, seats in (("primary", "p", "小学"), ("junior", "j", "初中"))
            },
            "schools": {
                "file": "register.csv", "columns": dict(COLUMNS), "year": 2025,
                "services": {"primary": [1, 6], "junior": [7, 9]},
                "enrolment": {"file": "enrolment.csv", "columns": {"site_id": "school"}},
                "children": {"years": [2026, 2027], "births": {"2026": 150, "2027": 140},
                             "source": "stated"},
            },
        }  # fmt: skip

    def read(self, folder: Path) -> Inputs:
        """Write the study into a folder and read it."""
        for name in ("zones", "roads", "people", "sites", "catchments"):
            table = getattr(self, name)
            if table is not None:
                table.to_file(folder / f"{name}.gpkg", driver="GPKG")
        for name in ("register", "enrolment", "ages", "births"):
            table = getattr(self, name)
            if table is not None:
                table.to_csv(folder / f"{name}.csv", index=False)
        file = folder / "study.toml"
        file.write_text(_toml_file(self.content), "utf-8")
        return read_inputs(siting.read_study(file))


Change = Callable[[World], object]


def changed(change: Change) -> World:
    """Return the world with one change."""
    world = World()
    change(world)
    return world
