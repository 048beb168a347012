"""Roads of the study → a network for every mode it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import pyproj
import shapely

from siting import load, network, rules
from siting.errors import DataError
from siting.load import Layer
from siting.network import RoadNetwork
from siting.pipeline.cache import checksum
from siting.pipeline.reader import Reader, read_raw, told
from siting.study import Study

Area = shapely.Polygon | shapely.MultiPolygon


def modes(study: Study) -> tuple[str, ...]:
    """Return the modes that the study's services and green need."""
    needed = {service.mode for service in study.services.values()}
    return tuple(sorted(needed | ({"walk"} if study.green else set())))


def networks(
    study: Study, reader: Reader, crs: pyproj.CRS, area: Area | None
) -> dict[str, RoadNetwork]:
    """Return the networks by mode; problems with the roads are kept by ``reader``."""
    source = study.roads
    book = rules.load(study.rules)
    walk, drive = book["walk.speed"].strict, book["drive.speed_factor"].strict
    speeds = network.read_speeds(study.network.speeds).walking_at(walk).driving_by(drive)
    reader.step("read roads")
    key = told(source) | {"sha256": reader.sums["roads"], "crs": crs.to_wkt(), "walk": walk}
    key |= {"drive": drive}
    key |= {"area": shapely.to_wkb(area, hex=True) if area else ""}
    if study.network.speeds is not None:
        key["speeds"] = checksum(study.network.speeds)
    lines: list[Layer] = []

    def roads() -> gpd.GeoDataFrame:
        if not lines:
            raw = read_raw("roads", source)
            lines.append(load.roads(raw, crs=crs, columns=source.columns, area=area, layer="roads"))
        return lines[0].table

    built: dict[str, RoadNetwork] = {}
    for mode in modes(study):
        reader.step(f"network: {mode}")

        def build(mode: Any = mode) -> RoadNetwork:
            if source.is_osm:
                return network.read_osm(source.file, mode=mode, crs=crs, clip=area, speeds=speeds)
            made = network.from_lines(roads(), mode=mode, speeds=speeds)
            return replace(made, drops=load.join_drops(lines[0].drops, made.drops))

        try:
            built[mode] = reader.cache.network({**key, "mode": mode}, build)
        except DataError as error:
            reader.problems += error.problems
    return built
