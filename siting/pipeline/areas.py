"""The ground within reach of each service today, rule by rule: for maps, never to count people."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from siting import coverage, isochrone, maps
from siting.evaluate import Service
from siting.pipeline.region import Region
from siting.pipeline.road_layer import walls
from siting.study import Study

ROAD = ("network_m", "straight_m", "time_min")
"""Measures that are judged by road; a way within a radius is within the radius."""

FINEST_M = 6.0
COLUMNS = ("service", "rule_id", "measured", "threshold", "cell_m", "area_m2")


def service_areas(study: Study, here: Region) -> gpd.GeoDataFrame:
    """Return the ground from which an open site of each service is within each of its rules.

    One row per service and rule in metres or minutes: ``service``, ``rule_id``,
    ``measured`` (``time`` or ``length``), ``threshold`` (ms or mm), ``cell_m``, ``area_m2`` and the
    polygons. A place is claimed only if somebody living there would be covered. Services by bus
    have none: there is no bus from every place. Cells are a pixel of a map of the whole region.
    """
    pixel_m = maps.pixel_m(here.inputs.zones)
    found = [
        _of_service(study, here, service, max(pixel_m, FINEST_M))
        for service in here.services
        if study.services[service.name].service_areas
    ]
    tables = [table for table in found if table is not None]
    if not tables:
        return gpd.GeoDataFrame(columns=[*COLUMNS, "geometry"], geometry="geometry",
                                crs=here.inputs.crs)  # fmt: skip
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs=here.inputs.crs)


def _of_service(
    study: Study, here: Region, service: Service, cell_m: float
) -> gpd.GeoDataFrame | None:
    """Return the areas of one service, ``None`` where no rule of it is by road."""
    way = study.services[service.name].way
    opened = here.today.open_sites(service.name)
    site_at = here.sites_at[way]
    site_at = site_at[site_at["point_id"].isin(opened)]
    asked = [
        (rule.id, coverage.thresholds(rule, speed=service.speed))
        for rule in service.rules
        if rule.measure in ROAD
    ]
    tables = []
    for measured in ("time", "length"):
        limits = {name: t.judged for name, t in asked if t.impedance == measured}
        if not limits:
            continue
        made = isochrone.service_areas(
            here.inputs.networks[way],
            site_at,
            thresholds=sorted(set(limits.values())),
            max_access_m=study.network.max_access_m,
            min_component_km=study.network.min_component_km,
            barriers=walls(here.inputs.water, here.inputs.barriers),
            impedance=measured,
            dissolve=True,
            cell_m=cell_m,
        ).set_index("threshold")
        rows = made.loc[list(limits.values())].reset_index()
        rows.insert(0, "service", service.name)
        rows.insert(1, "rule_id", list(limits))
        tables.append(rows.rename(columns={"impedance": "measured"})[[*COLUMNS, "geometry"]])
    if not tables:
        return None
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs=here.inputs.crs)
