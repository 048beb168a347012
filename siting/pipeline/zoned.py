"""Who lives in no zone and which zones have nobody: listed, and said on every page."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from siting import tables, text


def outside(demand: gpd.GeoDataFrame, membership: pd.DataFrame) -> dict[str, int]:
    """Return persons in no zone, by zoning; zonings that everybody lives in are not named."""
    persons = demand.set_index("demand_id")["population"]
    alone = membership[membership["zone_id"] == ""]
    found = alone["demand_id"].map(persons).fillna(0).groupby(alone["zoning"], sort=True).sum()
    return {str(zoning): int(n) for zoning, n in found.items() if n}


def empty(
    demand: gpd.GeoDataFrame, membership: pd.DataFrame, zones: gpd.GeoDataFrame
) -> dict[str, list[str]]:
    """Return ids of zones that nobody lives in, by zoning; zonings without any are not named."""
    settled = demand.loc[demand["population"] > 0, "demand_id"]
    lived = membership[membership["demand_id"].isin(settled)]
    known = set(zip(lived["zoning"], lived["zone_id"], strict=True))
    found: dict[str, list[str]] = {}
    for key in sorted(zip(zones["zoning"], zones["zone_id"], strict=True)):
        if key not in known:
            found.setdefault(str(key[0]), []).append(str(key[1]))
    return found


def listed(
    demand: gpd.GeoDataFrame, membership: pd.DataFrame, zones: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Return rows for the drops table: people in no zone are counted, zones without people kept."""
    told = [
        ("people", tables.label(zoning), f"{n} people live in no zone: not assessed there", "kept")
        for zoning, n in outside(demand, membership).items()
    ]
    told += [
        ("people", tables.label(zone_id), f"nobody lives in this zone of {zoning}", "kept")
        for zoning, ids in empty(demand, membership, zones).items()
        for zone_id in ids
    ]
    return tables.drops_table(told)


def notes(
    demand: gpd.GeoDataFrame, membership: pd.DataFrame, zones: gpd.GeoDataFrame, lang: str
) -> list[str]:
    """Say for the pages how many people live in no zone, and how many zones have nobody."""
    told = [
        text.get("note.in_no_zone", lang, zoning=_zoning(zoning, lang), n=text.count(n))
        for zoning, n in outside(demand, membership).items()
    ]
    return told + [
        text.get("note.empty_zones", lang, zoning=_zoning(zoning, lang), n=text.count(len(ids)))
        for zoning, ids in empty(demand, membership, zones).items()
    ]


def _zoning(name: str, lang: str) -> str:
    return text.get(f"zoning.{name}", lang) if text.has(f"zoning.{name}") else name
