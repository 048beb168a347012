"""Schools: many tiny ones in villages, one central school per township, a few very full in town."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.demo.blocks import CRS
from siting.demo.chance import below, shares, shuffled, stream
from siting.demo.settlements import Villages

STAGES = {
    "kindergarten": "幼儿园",
    "primary": "小学",
    "point": "教学点",
    "junior": "初中",
    "senior": "高中",
}
_GROUP = {"kindergarten": "age_3_5", "primary": "age_6_11", "junior": "age_12_14",
          "senior": "age_15_17"}  # fmt: skip
_TOWN_PRIMARIES = (
    "城关", "古槐", "书院", "文澜", "滨江", "荷塘", "实验", "朝阳", "育才", "翠园", "沙湾", "东塔",
    "学宫", "江北",
)  # fmt: skip
COLUMNS = ["site_id", "name", "stage", "grade_from", "grade_to", "level", "zone_id", "classes",
           "capacity", "enrolment", "boarders"]  # fmt: skip


def make_schools(
    seed: int,
    points: gpd.GeoDataFrame,
    blocks: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    villages: Villages,
) -> gpd.GeoDataFrame:
    """Return all schools; enrolment by stage sums to the children of its age group.

    Returns
    -------
    GeoDataFrame
        ``COLUMNS`` and points in EPSG:4547. ``stage`` is one of ``STAGES``' values, ``level`` is
        county town, township seat or village (县城, 乡镇, 村); ``capacity`` is missing for a few.
    """
    children = points.groupby("zone_id")[list(_GROUP.values())].sum()
    rows: list[dict[str, object]] = []
    village_rows = _village_schools(seed, points, villages)
    rows += village_rows
    rows += _seat_schools(seed, blocks, zones)
    rows += _town_schools(blocks, zones)
    table = pd.DataFrame(rows)
    table["weight"] = table["weight"].astype(np.int64)
    for stage, group in _GROUP.items():
        _enrol(seed, table, stage, children[group])
    _seats(seed, table)
    table = table.sort_values(["order", "zone_id", "name"], kind="stable").reset_index(drop=True)
    table.insert(0, "site_id", [f"S{k:03d}" for k in range(1, len(table) + 1)])
    return gpd.GeoDataFrame(table[[*COLUMNS, "geometry"]], geometry="geometry", crs=CRS)


def _school(
    name: str, stage: str, level: str, zone: str, shape: object, **more: object
) -> dict[str, object]:
    order = ("senior", "junior", "primary", "point", "kindergarten").index(stage)
    row: dict[str, object] = {
        "name": name, "stage": stage, "level": level, "zone_id": zone, "geometry": shape,
        "order": order, "weight": 1, "enrolment": 0, "grade_from": 0, "grade_to": 0,
    }  # fmt: skip
    return row | more


def _village_schools(
    seed: int, points: gpd.GeoDataFrame, villages: Villages
) -> list[dict[str, object]]:
    """Return primaries, teaching points and kindergartens of villages with their pupils."""
    rng = stream(seed, "village schools")
    rural = points[points["settlement"] == "village"]
    pupils = rural.groupby("community")[["age_3_5", "age_6_11"]].sum()
    first = rural.drop_duplicates("community").set_index("community")
    rows: list[dict[str, object]] = []
    for name in villages.names:
        draw = rng.random(5)
        if name not in pupils.index:
            continue
        zone, at = str(first.at[name, "zone_id"]), first.at[name, "geometry"]
        here = shapely.Point(round(at.x + 40.0 * draw[0], 2), round(at.y + 40.0 * draw[1], 2))
        plain = name.removesuffix("村")
        count = min(int(int(pupils.at[name, "age_6_11"]) * (0.16 + 0.62 * draw[2])), 90)
        if draw[3] < 0.66 and count >= 10:
            point = count < 30
            called, stage = ("教学点", "point") if point else ("小学", "primary")
            last = 3 + (count % 2) if point else 6
            rows.append(_school(f"{plain}{called}", stage, "村", zone, here, enrolment=count,
                                weight=0, grade_from=1, grade_to=last))  # fmt: skip
        if draw[4] < 0.24:
            small = int(int(pupils.at[name, "age_3_5"]) * 0.7)
            rows.append(_school(f"{plain}幼儿园", "kindergarten", "村", zone, here,
                                enrolment=small, weight=0))  # fmt: skip
    return rows


def _seat_schools(
    seed: int, blocks: gpd.GeoDataFrame, zones: gpd.GeoDataFrame
) -> list[dict[str, object]]:
    rng = stream(seed, "seat schools")
    rows: list[dict[str, object]] = []
    seniors = sorted((3 + shuffled(rng, len(zones) - 3)[:3]).tolist())
    number = dict(zip(seniors, "四五六", strict=True))
    no_junior = set((3 + shuffled(rng, len(zones) - 3)[:3]).tolist()) - set(seniors)
    for seat in range(3, len(zones)):
        own = blocks[blocks["seat"] == seat]
        zone, town = str(zones["zone_id"].iloc[seat]), str(zones["name"].iloc[seat])
        short = town[:-1]
        for use, stage, name in (
            ("primary", "primary", f"{town}中心小学"),
            ("junior", "junior", f"{short}中学"),
            ("senior", "senior", f"县第{number.get(seat, '')}中学（{short}）"),
        ):
            lot = own[own["use"] == use]
            absent = {"junior": seat in no_junior, "senior": seat not in number}.get(stage, False)
            if absent or not len(lot):
                continue
            grades = {"primary": (1, 6), "junior": (7, 9), "senior": (10, 12)}[stage]
            rows.append(_school(name, stage, "乡镇", zone, _middle(lot.geometry.iloc[0]),
                                grade_from=grades[0], grade_to=grades[1],
                                weight=2 + below(rng, 2)))  # fmt: skip
        homes = own[own["use"] == "home"]
        for k, where in enumerate(shuffled(rng, len(homes))[:2].tolist()):
            rows.append(_school(f"{short}{['中心', '阳光'][k]}幼儿园", "kindergarten", "乡镇", zone,
                                _middle(homes.geometry.iloc[where]), weight=3 - k))  # fmt: skip
    return rows


def _town_schools(blocks: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    town = blocks[blocks["plan"] < 2]
    for use, stage, names, grades in (
        ("primary", "primary", [f"{n}小学" for n in _TOWN_PRIMARIES], (1, 6)),
        (
            "junior",
            "junior",
            ["城关中学", "文澜中学", "古槐中学", "博雅学校（民办）", "书院中学", "湖滨中学"],
            (7, 9),
        ),
        ("senior", "senior", ["县第一中学", "县第二中学", "县职业中等专业学校"], (10, 12)),
    ):
        lots = town[town["use"] == use]
        for k, shape in enumerate(lots.geometry):
            zone = _zone_of(_middle(shape), zones)
            rows.append(_school(names[k % len(names)], stage, "县城", zone, _middle(shape),
                                grade_from=grades[0], grade_to=grades[1],
                                weight=(7, 5, 6, 4, 3)[k % 5]))  # fmt: skip
    homes = town[town["use"] == "home"].iloc[4::19]
    for k, shape in enumerate(homes.geometry):
        rows.append(_school(f"县第{k + 1}幼儿园", "kindergarten", "县城",
                            _zone_of(_middle(shape), zones), _middle(shape),
                            weight=2 + k % 3))  # fmt: skip
    return rows


def _middle(shape: shapely.Polygon) -> shapely.Point:
    corners = np.asarray(shape.exterior.coords)[:-1]
    x, y = np.round(corners.sum(axis=0) / len(corners), 2)
    return shapely.Point(x, y)


def _zone_of(point: shapely.Point, zones: gpd.GeoDataFrame) -> str:
    return str(zones.loc[zones.geometry.contains(point), "zone_id"].iloc[0])


def _enrol(seed: int, table: pd.DataFrame, stage: str, children: pd.Series[int]) -> None:
    """Fill in enrolment: villages have theirs, seats share their zone's, town takes the rest."""
    rng = stream(seed, f"enrol {stage}")
    ours = table["stage"].isin(["primary", "point"] if stage == "primary" else [stage])
    stays = {"kindergarten": 0.94, "primary": 0.86, "junior": 0.74, "senior": 0.0}[stage]
    seats = table[ours & (table["level"] == "乡镇")]
    taken = int(table.loc[ours & (table["level"] == "村"), "enrolment"].sum())
    for zone, own in seats.groupby("zone_id"):
        small = int(table.loc[ours & (table["level"] == "村") & (table["zone_id"] == zone),
                              "enrolment"].sum())  # fmt: skip
        rest = max(int(children[zone]) - small, 40)
        share = stays * (0.93 + 0.1 * rng.random())
        if stage == "senior":  # one school for a third of the townships
            rest, share = int(children.iloc[3:].sum()) // 3, 0.36 + 0.1 * rng.random()
        here = shares(int(rest * share), own["weight"].to_numpy())
        table.loc[own.index, "enrolment"] = here
        taken += int(here.sum())
    town = table[ours & (table["level"] == "县城")]
    table.loc[town.index, "enrolment"] = shares(
        int(children.sum()) - taken, town["weight"].to_numpy()
    )


def _seats(seed: int, table: pd.DataFrame) -> None:
    """Fill in classes, seats and boarders; four village schools never told their seats."""
    rng = stream(seed, "seats of schools")
    norm = {"kindergarten": 30, "primary": 45, "point": 30, "junior": 50, "senior": 50}
    classes: list[int] = []
    capacity: list[int | None] = []
    boarders: list[int] = []
    for row in table.to_dict("records"):
        draw = rng.random(2)
        pupils, per = int(row["enrolment"]), norm[str(row["stage"])]
        if row["level"] == "村" and row["stage"] != "kindergarten":
            # village schools were built for the classes of twenty years ago
            count = int(row["grade_to"]) - int(row["grade_from"]) + 1
            room: int | None = 30 * count
        elif row["level"] == "县城" and row["stage"] in ("primary", "junior"):
            size = 57 + int(11 * draw[0])  # large and very large classes
            count = max(pupils // size, 6)
            room = count * per
        else:
            size = per - int(12 * draw[0])
            count = max(-(-pupils // size), 1)
            room = count * per
        share = {"乡镇": {"primary": 0.16, "junior": 0.55, "senior": 0.85},
                 "县城": {"junior": 0.22, "senior": 0.6}}.get(str(row["level"]), {})  # fmt: skip
        classes.append(count)
        capacity.append(room)
        boarders.append(int(pupils * share.get(str(row["stage"]), 0.0) * (0.7 + 0.6 * draw[1])))
    small = np.nonzero(((table["level"] == "村") & (table["stage"] == "primary")).to_numpy())[0]
    for k in small[shuffled(rng, len(small))[:4]].tolist():
        capacity[k] = None
    table["classes"] = np.array(classes, dtype=np.int64)
    table["capacity"] = pd.array(capacity, dtype="Int64")
    table["boarders"] = np.minimum(np.array(boarders, dtype=np.int64), table["enrolment"])
    table["stage"] = [STAGES[str(s)] for s in table["stage"]]
