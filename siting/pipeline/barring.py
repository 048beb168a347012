"""What cuts the streets of a study: its barriers, except at its crossings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import geopandas as gpd
import pandas as pd

from siting import load, network, tables
from siting.errors import DataError
from siting.network import RoadNetwork
from siting.pipeline.reader import Reader
from siting.pipeline.roads import speeds_of
from siting.rules import Rule
from siting.study import Study


def cut_networks(
    study: Study,
    networks: Mapping[str, RoadNetwork],
    reader: Reader,
    *,
    rules: Mapping[str, Rule],
    water: gpd.GeoDataFrame | None,
    crossings: gpd.GeoDataFrame | None,
) -> dict[str, RoadNetwork]:
    """Return the networks cut by the barriers that cut edges.

    Water surfaces do not cut: a road layer without bridge flags would fall to pieces. What crosses
    one and is no bridge is listed. Problems are kept by ``reader``.
    """
    names = [name for name in reader.sources if name.split("[")[0] == "barriers"]
    cutting = [
        reader.found[name].table.geometry
        for name, barrier in zip(names, study.barriers, strict=True)
        if barrier.cuts == "edges_and_legs" and name in reader.found
    ]
    within_m = rules["crossing.gate"].strict
    drops = _idle(networks, cutting, crossings, within_m)
    surfaces = None if water is None else water.geometry
    speeds = network.read_speeds(study.network.speeds)
    done: dict[str, RoadNetwork] = {}
    listed: set[str] = set()
    for way, roads in networks.items():
        made = roads
        try:
            if cutting:
                barriers = gpd.GeoSeries(pd.concat(cutting, ignore_index=True), crs=roads.crs)
                gates = None if crossings is None else crossings.geometry
                made = network.cut(roads, barriers, crossings=gates, crossing_m=within_m)
            if made is not roads and roads.half_delay_ms.any():
                made = network.with_delay(made, speeds_of(way, speeds, rules))
            if surfaces is not None:
                over = network.over_water(roads, surfaces)
                over = over[~over["row"].isin(listed)]
                listed |= set(over["row"])
                made = replace(made, drops=load.join_drops(made.drops, over))
            if len(drops):
                made, drops = replace(made, drops=load.join_drops(made.drops, drops)), drops[:0]
        except DataError as error:
            reader.problems += error.problems
        done[way] = made
    return done


def _idle(
    networks: Mapping[str, RoadNetwork],
    cutting: Sequence[gpd.GeoSeries],
    crossings: gpd.GeoDataFrame | None,
    within_m: float,
) -> pd.DataFrame:
    """List the crossings that open nothing: the street they are meant for is cut all the same."""
    if crossings is None:
        return tables.drops_table()
    barriers = None
    if cutting:
        barriers = gpd.GeoSeries(pd.concat(cutting, ignore_index=True), crs=crossings.crs)
    idle = network.opens_nothing(
        networks.values(), barriers, crossings.geometry, crossing_m=within_m
    )
    what = f"no street meets a barrier within {within_m:g} m"
    names = crossings.loc[idle, "signal_id"].tolist()
    return tables.drops_table([("crossings", str(name), what, "opens nothing") for name in names])
