"""Schools: many tiny ones in villages, one central school per township, a few very full in town."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.demo.blocks import CRS
from siting.demo.chance import below, shares, shuffled, stream
from siting.demo.local import Local
from siting.demo.scale import Scale

STAGES = {
    "kindergarten": "幼儿园",
    "primary": "小学",
    "point": "教学点",
    "junior": "初中",
    "senior": "高中",
}
NINE_YEAR = "九年一贯制学校"
_GROUP = {"kindergarten": "age_3_5", "primary": "age_6_11", "junior": "age_12_14",
          "senior": "age_15_17"}  # fmt: skip
_TOWN_PRIMARIES = (
    "城关", "古槐", "书院", "文澜", "滨江", "荷塘", "实验", "朝阳", "育才", "翠园", "沙湾", "东塔",
    "学宫", "江北",
)  # fmt: skip
COLUMNS = ["site_id", "name", "stage", "grade_from", "grade_to", "level", "zone_id", "classes",
           "capacity", "enrolment", "boarders"]  # fmt: skip


def make_schools(seed: int, counties: Sequence[Local], scale: Scale) -> gpd.GeoDataFrame:
    """Return all schools; enrolment by stage sums to the children of its age group.

    Returns
    -------
    GeoDataFrame
        ``COLUMNS`` and points in EPSG:4547. ``stage`` is one of ``STAGES``' values, ``level`` is
        county town, township seat or village (县城, 乡镇, 村); ``capacity`` is missing for a few.
    """
    parts: list[pd.DataFrame] = []
    for here in counties:
        children = here.points.groupby("zone_id")[list(_GROUP.values())].sum()
        rows = _village_schools(seed, here, scale)
        rows += _seat_schools(seed, here)
        rows += _town_schools(here)
        part = pd.DataFrame(rows)
        part["weight"] = part["weight"].astype(np.int64)
        for stage, group in _GROUP.items():
            _enrol(seed, here, part, stage, children[group])
        parts.append(_with_seats(seed, here, part))
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["order", "zone_id", "name"], kind="stable").reset_index(drop=True)
    table = _nine_year(table)
    table.insert(0, "site_id", [f"S{k:03d}" for k in range(1, len(table) + 1)])
    by_stage = [c for c in table.columns if c.startswith(("capacity_", "enrolment_"))]
    return gpd.GeoDataFrame(table[[*COLUMNS, *by_stage, "geometry"]], geometry="geometry", crs=CRS)


def _school(
    name: str, stage: str, level: str, zone: str, shape: object, **more: object
) -> dict[str, object]:
    order = ("senior", "junior", "primary", "point", "kindergarten").index(stage)
    row: dict[str, object] = {
        "name": name, "stage": stage, "level": level, "zone_id": zone, "geometry": shape,
        "order": order, "weight": 1, "enrolment": 0, "grade_from": 0, "grade_to": 0,
        "joint": False,
    }  # fmt: skip
    return row | more


def _village_schools(seed: int, here: Local, scale: Scale) -> list[dict[str, object]]:
    """Return primaries, teaching points and kindergartens of villages with their pupils."""
    rng = stream(seed, "village schools" + here.topic)
    rural = here.points[here.points["settlement"] == "village"]
    pupils = rural.groupby("community")[["age_3_5", "age_6_11"]].sum()
    first = rural.drop_duplicates("community").set_index("community")
    rows: list[dict[str, object]] = []
    for name in here.villages:
        draw = rng.random(5)
        if name not in pupils.index:
            continue
        zone, at = str(first.at[name, "zone_id"]), first.at[name, "geometry"]
        beside = shapely.Point(round(at.x + 40.0 * draw[0], 2), round(at.y + 40.0 * draw[1], 2))
        plain = name.removesuffix("村")
        count = min(int(int(pupils.at[name, "age_6_11"]) * (0.16 + 0.62 * draw[2])), 90)
        if draw[3] < scale.village_primary and count >= 10:
            point = count < 30
            called, stage = ("教学点", "point") if point else ("小学", "primary")
            last = 3 + (count % 2) if point else 6
            rows.append(_school(f"{plain}{called}", stage, "村", zone, beside, enrolment=count,
                                weight=0, grade_from=1, grade_to=last))  # fmt: skip
        if draw[4] < scale.village_kindergarten:
            small = int(int(pupils.at[name, "age_3_5"]) * 0.7)
            rows.append(_school(f"{plain}幼儿园", "kindergarten", "村", zone, beside,
                                enrolment=small, weight=0))  # fmt: skip
    return rows


def _seat_schools(seed: int, here: Local) -> list[dict[str, object]]:
    rng = stream(seed, "seat schools" + here.topic)
    rows: list[dict[str, object]] = []
    seats = here.townships
    few = 1 if here.many else 3
    seniors = sorted(seats[k] for k in shuffled(rng, len(seats))[:few].tolist())
    number = dict(zip(seniors, "四五六", strict=False))
    no_junior = {seats[k] for k in shuffled(rng, len(seats))[:few].tolist()} - set(seniors)
    for place, seat in enumerate(seats):
        own = here.blocks[here.blocks["seat"] == seat]
        zone, town = str(here.zones.at[seat, "zone_id"]), str(here.zones.at[seat, "name"])
        short = town[:-1]
        joint = here.many and place % 3 == 1 and seat not in no_junior
        for use, stage, name in (
            ("primary", "primary", f"{town}中心小学"),
            ("junior", "junior", f"{short}中学"),
            ("senior", "senior", f"{here.of_county}第{number.get(seat, '')}中学（{short}）"),
        ):
            lot = own[own["use"] == use]
            absent = {"junior": seat in no_junior, "senior": seat not in number}.get(stage, False)
            if absent or not len(lot):
                continue
            grades = {"primary": (1, 6), "junior": (7, 9), "senior": (10, 12)}[stage]
            both = joint and stage in ("primary", "junior")
            if both:  # one nine-year school, on the primary's land
                name, lot = f"{short}学校", own[own["use"] == "primary"]
            rows.append(_school(name, stage, "乡镇", zone, _middle(lot.geometry.iloc[0]),
                                joint=both, grade_from=grades[0], grade_to=grades[1],
                                weight=2 + below(rng, 2)))  # fmt: skip
        homes = own[own["use"] == "home"]
        for k, where in enumerate(shuffled(rng, len(homes))[:2].tolist()):
            rows.append(_school(f"{short}{['中心', '阳光'][k]}幼儿园", "kindergarten", "乡镇", zone,
                                _middle(homes.geometry.iloc[where]), weight=3 - k))  # fmt: skip
    return rows


def _town_schools(here: Local) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    town = here.blocks[here.blocks["town"]]
    for use, stage, names, grades in (
        ("primary", "primary", [f"{n}小学" for n in _TOWN_PRIMARIES], (1, 6)),
        (
            "junior",
            "junior",
            ["城关中学", "文澜中学", "古槐中学", "博雅学校（民办）", "书院中学", "湖滨中学"],
            (7, 9),
        ),
        (
            "senior",
            "senior",
            [f"{here.of_county}{n}" for n in ("第一中学", "第二中学", "职业中等专业学校")],
            (10, 12),
        ),
    ):
        lots = town[town["use"] == use]
        for k, shape in enumerate(lots.geometry):
            zone = _zone_of(_middle(shape), here.zones)
            again = f"（第{k // len(names) + 1}校区）" if k >= len(names) else ""
            called = names[k % len(names)] + again
            if stage != "senior":
                called = here.of_town + called
            rows.append(_school(called, stage, "县城", zone, _middle(shape),
                                grade_from=grades[0], grade_to=grades[1],
                                weight=(7, 5, 6, 4, 3)[k % 5]))  # fmt: skip
    homes = town[town["use"] == "home"].iloc[4::19]
    for k, shape in enumerate(homes.geometry):
        rows.append(_school(f"{here.of_county}第{k + 1}幼儿园", "kindergarten", "县城",
                            _zone_of(_middle(shape), here.zones), _middle(shape),
                            weight=2 + k % 3))  # fmt: skip
    return rows


def _middle(shape: shapely.Polygon) -> shapely.Point:
    corners = np.asarray(shape.exterior.coords)[:-1]
    x, y = np.round(corners.sum(axis=0) / len(corners), 2)
    return shapely.Point(x, y)


def _zone_of(point: shapely.Point, zones: gpd.GeoDataFrame) -> str:
    return str(zones.loc[zones.geometry.contains(point), "zone_id"].iloc[0])


def _enrol(
    seed: int, here: Local, table: pd.DataFrame, stage: str, children: pd.Series[int]
) -> None:
    """Fill in enrolment: villages have theirs, seats share their zone's, town takes the rest."""
    rng = stream(seed, f"enrol {stage}" + here.topic)
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
            outside = here.zones.loc[here.townships, "zone_id"]
            rest, share = int(children.loc[outside].sum()) // 3, 0.36 + 0.1 * rng.random()
        ours_here = shares(int(rest * share), own["weight"].to_numpy())
        table.loc[own.index, "enrolment"] = ours_here
        taken += int(ours_here.sum())
    town = table[ours & (table["level"] == "县城")]
    table.loc[town.index, "enrolment"] = shares(
        int(children.sum()) - taken, town["weight"].to_numpy()
    )


def _with_seats(seed: int, here: Local, table: pd.DataFrame) -> pd.DataFrame:
    """Return classes, seats and boarders too; four village schools never told their seats."""
    rng = stream(seed, "seats of schools" + here.topic)
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
    return table.assign(
        classes=np.array(classes, dtype=np.int64),
        capacity=pd.array(capacity, dtype="Int64"),
        boarders=np.minimum(np.array(boarders, dtype=np.int64), table["enrolment"]),
        stage=[STAGES[str(s)] for s in table["stage"]],
    )


def _nine_year(table: pd.DataFrame) -> pd.DataFrame:
    """Make one row of the two stages of every nine-year school; add seats and pupils by stage."""
    if not table["joint"].any():
        return table
    table = table.copy()
    for key, stages in (("primary", ("小学", "教学点")), ("junior", ("初中",))):
        ours = table["stage"].isin(stages)
        table[f"capacity_{key}"] = table["capacity"].where(ours).astype("Int64")
        table[f"enrolment_{key}"] = table["enrolment"].where(ours).astype("Int64")
    lower = table[table["joint"] & (table["stage"] == "小学")]
    upper = table[table["joint"] & (table["stage"] == "初中")].set_index("name")
    upper = upper.loc[lower["name"]]
    whole = lower.assign(stage=NINE_YEAR, grade_to=9)
    for column in ("classes", "capacity", "enrolment", "boarders"):
        whole[column] = lower[column].to_numpy() + upper[column].to_numpy()
    for column in ("capacity_junior", "enrolment_junior"):
        whole[column] = upper[column].array
    rest = table[~table["joint"]]
    return pd.concat([rest, whole]).sort_index(kind="stable").reset_index(drop=True)
