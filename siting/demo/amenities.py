"""Child care, culture, sport, shops and charging, with their capacity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.demo.blocks import CRS, middles
from siting.demo.chance import Floats, shuffled, stream
from siting.demo.local import Local


@dataclass(frozen=True)
class _Kind:
    """How often a facility stands where, and how large it is.

    ``per_town``: one to so many blocks of a town, on those of these ``uses``; ``seat`` and
    ``village``: share of seats and villages that have one; ``size``: least and range of its
    capacity in ``unit``, in town, at a seat and in a village.
    """

    name: str
    unit: str
    per_town: int
    uses: tuple[str, ...]
    seat: float
    village: float
    size: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


KINDS = (
    _Kind("托育服务机构", "托位", 26, ("home",), 0.70, 0.0, ((30, 90), (20, 40), (0, 0))),
    _Kind("综合文化站", "建筑面积_m2", 60, ("office",), 0.95, 0.0,
          ((800, 2400), (300, 700), (0, 0))),
    _Kind("村（社区）文化活动室", "建筑面积_m2", 22, ("home", "office"), 0.0, 0.55,
          ((120, 240), (0, 0), (60, 120))),
    _Kind("体育场地", "用地面积_m2", 28, ("office", "market"), 0.80, 0.40,
          ((900, 7000), (600, 2400), (420, 600))),
    _Kind("农贸市场与超市", "营业面积_m2", 9, ("market",), 1.0, 0.0,
          ((300, 3600), (200, 900), (0, 0))),
    _Kind("便民商店", "营业面积_m2", 7, ("home",), 1.0, 0.72, ((40, 160), (40, 120), (20, 60))),
    _Kind("公共充电站", "充电桩", 20, ("market", "office", "works"), 0.55, 0.04,
          ((6, 30), (3, 9), (2, 4))),
)  # fmt: skip
BESIDE = np.array([30.0, -35.0])  # metres from a village's middle


def make_amenities(seed: int, counties: Sequence[Local]) -> gpd.GeoDataFrame:
    """Return all facilities.

    Returns
    -------
    GeoDataFrame
        ``site_id``, ``name``, ``kind``, ``capacity`` in ``unit``, points in EPSG:4547.
    """
    parts = [_of_county(seed, here, number, kind)
             for number, kind in enumerate(KINDS) for here in counties]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "site_id", [f"A{k:05d}" for k in range(1, len(table) + 1)])
    return gpd.GeoDataFrame(table, geometry="geometry", crs=CRS)


def _of_county(seed: int, here: Local, number: int, kind: _Kind) -> pd.DataFrame:
    rng = stream(seed, f"amenities {number}" + here.topic)
    town = here.blocks[here.blocks["town"]]
    able = town[town["use"].isin(kind.uses)]
    able = able.iloc[shuffled(rng, len(able))[: -(-len(town) // kind.per_town)]]
    seats = here.zones.loc[here.townships]
    seats = seats[rng.random(len(seats)) < kind.seat]
    own = here.blocks[(here.blocks["use"] != "idle") & ~here.blocks["town"]]
    lots = own.groupby("seat").nth(number)  # each kind has a block of its own
    lots = lots[lots["seat"].isin(seats.index)]
    rural = here.points[here.points["settlement"] == "village"].drop_duplicates("community")
    rural = rural[rng.random(len(rural)) < kind.village]
    at = shapely.get_coordinates(rural.geometry).reshape(-1, 2)
    return pd.concat(
        [
            _rows(rng, kind, 0, here.of_town + able["community"].str[:-2], middles(able)),
            _rows(rng, kind, 1, here.zones["name"].loc[lots["seat"]], middles(lots)),
            _rows(rng, kind, 2, rural["community"], np.round(at + BESIDE, 2)),
        ],
        ignore_index=True,
    )


def _rows(
    rng: np.random.Generator, kind: _Kind, where: int, names: pd.Series[str], xy: Floats
) -> pd.DataFrame:
    least, more = kind.size[where]
    size = least + np.floor(more * rng.random(len(xy))).astype(np.int64)
    label = names.reset_index(drop=True)
    again = label.groupby(label).cumcount() + 1
    return pd.DataFrame(
        {
            "name": label + kind.name + again.astype(str).where(again > 1, ""),
            "kind": kind.name,
            "capacity": size,
            "unit": kind.unit,
            "geometry": shapely.points(xy),
        }
    )
