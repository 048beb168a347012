"""Clinics, hospitals, care for the elderly, and where new stations could go."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.demo.blocks import CRS
from siting.demo.chance import below, shuffled, stream
from siting.demo.local import Local
from siting.demo.scale import Scale

HOSPITALS = ("人民医院", "中医医院", "妇幼保健院")


def make_clinics(seed: int, counties: Sequence[Local], scale: Scale) -> gpd.GeoDataFrame:
    """Return hospitals, health centres, stations and village clinics.

    Returns
    -------
    GeoDataFrame
        ``site_id``, ``name``, ``kind`` (医院, 卫生院, 社区卫生服务中心, 社区卫生服务站, 村卫生室),
        ``beds``, ``staff``, points in EPSG:4547.
    """
    rows: list[tuple[str, str, int, int, shapely.Point]] = []
    for here in counties:
        rows += _clinics(seed, here, scale.clinics)
    return _table(rows, ["name", "kind", "beds", "staff", "geometry"], "M")


def _clinics(
    seed: int, here: Local, share: float
) -> list[tuple[str, str, int, int, shapely.Point]]:
    rng = stream(seed, "clinics" + here.topic)
    rows: list[tuple[str, str, int, int, shapely.Point]] = []
    blocks, zones = here.blocks, here.zones
    town = blocks[blocks["town"]]
    for k, g in enumerate(town.loc[town["use"] == "hospital"].geometry):
        name = here.of_county + (HOSPITALS[k] if k < 3 else f"第{k - 1}人民医院")
        rows.append((name, "医院", (820, 410, 160)[k % 3], (960, 430, 210)[k % 3], _middle(g)))
    for k, g in enumerate(town.loc[town["use"] == "health centre"].geometry):
        office, again = zones["name"].iloc[k % len(zones)][:2], k // len(zones)
        name = f"{here.of_town}{office}{'第二' if again else ''}社区卫生服务中心"
        rows.append((name, "社区卫生服务中心", 40 + 10 * k, 52 - 6 * min(k, 4), _middle(g)))
    number = 0
    for quarter, many in (("old", 8), ("new", 6)):  # stations have not followed the new quarters
        homes = town[(town["use"] == "home") & (town["quarter"] == quarter)]
        many = len(homes) // 45 if here.many else many
        for k in shuffled(rng, len(homes))[:many].tolist():
            number += 1
            name = f"{here.of_town}{homes['community'].iloc[k][:-2]}第{number}社区卫生服务站"
            rows.append((name, "社区卫生服务站", 0, 4 + k % 3, _middle(homes.geometry.iloc[k])))
    for seat in here.townships:
        lot = blocks[(blocks["seat"] == seat) & (blocks["use"] == "health centre")]
        beds = 30 + 5 * below(rng, 12)
        rows.append((f"{zones.at[seat, 'name']}卫生院", "卫生院", beds, beds * 3 // 4,
                     _middle(lot.geometry.iloc[0])))  # fmt: skip
    points = here.points
    rural = points[points["settlement"] == "village"].drop_duplicates("community")
    first = rural.set_index("community").geometry
    for name in here.villages:
        draw = rng.random(3)
        if name in first.index and draw[0] < share:
            at = first[name]
            beside = shapely.Point(round(at.x - 45.0 * draw[1], 2), round(at.y + 45.0 * draw[2], 2))
            rows.append((f"{name}卫生室", "村卫生室", 0, 1 + int(2 * draw[1]), beside))
    return rows


def station_candidates(
    seed: int, points: gpd.GeoDataFrame, clinics: gpd.GeoDataFrame, *, count: int
) -> gpd.GeoDataFrame:
    """Return rooms offered for a new health station, none close to a clinic that is there.

    Returns
    -------
    GeoDataFrame
        ``site_id``, ``name``, ``floor_m2``, points in EPSG:4547.
    """
    rng = stream(seed, "stations")
    town = points[points["settlement"] == "urban"]
    village = points[points["settlement"] == "village"]
    there = shapely.get_coordinates(clinics.geometry)
    rows: list[tuple[str, int, shapely.Point]] = []
    for pool, many, what in ((town, count * 5 // 8, "社区用房"), (village, count, "闲置村部")):
        for k in shuffled(rng, len(pool)).tolist():
            if len(rows) == many:
                break
            xy = shapely.get_coordinates(pool.geometry.iloc[k])[0]
            far = float(((there - xy) ** 2).sum(axis=1).min())
            if far > (320.0 if what == "社区用房" else 1300.0) ** 2:
                area = 80 + 10 * below(rng, 20)
                place = shapely.Point(np.round(xy + 12.0, 2))
                rows.append((f"{pool['community'].iloc[k]}{what}{len(rows) + 1}", area, place))
    return _table(rows, ["name", "floor_m2", "geometry"], "N")


def elderly_care(seed: int, counties: Sequence[Local]) -> gpd.GeoDataFrame:
    """Return day-care centres and homes, existing ones and rooms that could become one.

    Returns
    -------
    GeoDataFrame
        ``site_id``, ``name``, ``kind`` (日间照料中心, 敬老院), ``state`` (现状, 备选), ``beds``,
        points in EPSG:4547.
    """
    rows: list[tuple[str, str, str, int, shapely.Point]] = []
    for here in counties:
        rows += _elderly(seed, here)
    return _table(rows, ["name", "kind", "state", "beds", "geometry"], "E")


def _elderly(seed: int, here: Local) -> list[tuple[str, str, str, int, shapely.Point]]:
    rng = stream(seed, "elderly" + here.topic)
    rows: list[tuple[str, str, str, int, shapely.Point]] = []
    blocks, zones = here.blocks, here.zones
    town = blocks[blocks["town"] & (blocks["use"].isin(["office", "market"]))]
    many, open_ = (len(town) // 2, len(town) // 4) if here.many else (26, 6)
    for number, k in enumerate(shuffled(rng, len(town))[:many].tolist()):
        state = "现状" if number < open_ else "备选"
        name = f"{here.of_town}{town['community'].iloc[k][:-2]}日间照料中心{number + 1}"
        rows.append(
            (name, "日间照料中心", state, 15 + below(rng, 20), _middle(town.geometry.iloc[k]))
        )
    for seat in here.townships:
        own = blocks[(blocks["seat"] == seat) & (blocks["use"] == "office")]
        if len(own):
            state = "现状" if rng.random() < 0.6 else "备选"
            rows.append((f"{zones.at[seat, 'name']}敬老院", "敬老院", state,
                         40 + 5 * below(rng, 17), _middle(own.geometry.iloc[0])))  # fmt: skip
    return rows


def _middle(shape: shapely.Polygon) -> shapely.Point:
    corners = np.asarray(shape.exterior.coords)[:-1]
    x, y = np.round(corners.sum(axis=0) / len(corners), 2)
    return shapely.Point(x, y)


def _table(rows: Sequence[tuple[object, ...]], columns: list[str], letter: str) -> gpd.GeoDataFrame:
    table = pd.DataFrame(rows, columns=columns)
    table.insert(0, "site_id", [f"{letter}{k:03d}" for k in range(1, len(table) + 1)])
    return gpd.GeoDataFrame(table, geometry="geometry", crs=CRS)
