"""How many people cross a trunk road or a railway on their way, by zone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import coverage, text, travel_time
from siting.network.crossings import crossing_rules, crossings
from siting.network.sides import HAZARDS
from siting.pipeline import questions
from siting.pipeline.questions import Region
from siting.study import Study

COLUMNS = ("service", "zoning", "zone_id", "hazard", "level_crossings", "persons")


def crossings_table(study: Study, here: Region) -> pd.DataFrame | None:
    """Return persons by crossings at grade on the way to the nearest site open today.

    Returns
    -------
    DataFrame or None
        ``service``, ``zoning``, ``zone_id``, ``hazard`` (``road``, ``rail``, ``any``: both),
        ``level_crossings`` (Int64; missing for those whom no road leads to a site) and
        ``persons``: for each service, zoning and hazard they add up to all persons. None where no
        service asks.
    """
    asked = [name for name, s in sorted(study.services.items()) if s.count_crossings]
    if not asked:
        return None
    parts = []
    member = here.inputs.membership
    for name in asked:
        found = counted(study, here, name)
        persons = _persons(here, name)
        table = pd.DataFrame({hazard: found[f"{hazard}_level"] for hazard in HAZARDS})
        table["any"] = table.sum(axis=1, min_count=len(HAZARDS))
        long = table.rename_axis("demand_id").reset_index()
        long = long.melt("demand_id", var_name="hazard", value_name="level_crossings")
        long["level_crossings"] = long["level_crossings"].astype("Int64")
        long["persons"] = long["demand_id"].map(persons).astype("int64")
        long = long.merge(member, on="demand_id")
        keys = ["zoning", "zone_id", "hazard", "level_crossings"]
        total = long.groupby(keys, dropna=False, sort=True)["persons"].sum().reset_index()
        parts.append(total[total["persons"] > 0].assign(service=name))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def notes(study: Study, lang: str) -> list[str]:
    """Say whose crossings are counted, and of which roads."""
    asked = [s.label(lang) or n for n, s in study.services.items() if s.count_crossings]
    if not asked:
        return []
    classes = sorted(word for word in crossing_rules().classes if not word.endswith("_link"))
    join = "、" if lang == "zh" else ", "
    return [text.get("note.crossings", lang, services=join.join(asked), classes=join.join(classes))]


def counted(study: Study, here: Region, name: str) -> pd.DataFrame:
    """Return what each home crosses on its way to the nearest site of a service open today."""
    inputs = here.inputs
    way = study.services[name].road
    roads = inputs.networks[way]
    homes, gates = questions.points_of(study, inputs, here.places, way)
    people = np.isin(homes.index.to_numpy(), inputs.demand["demand_id"].to_numpy())
    opened = np.isin(gates.index.to_numpy(), list(here.today.open_sites(name)))
    demand_at, site_at = here.homes_at[way][people], here.sites_at[way][opened]
    return crossings(
        roads,
        travel_time.paths(roads, demand_at, site_at),
        demand_at,
        site_at,
        lines=_lines(here),
        homes=homes[people],
        gates=gates[opened],
    )


def _lines(here: Region) -> gpd.GeoDataFrame | None:
    """Return lines that are crossed and not walked along: railways, and drivers' trunk roads."""
    inputs = here.inputs
    parts = []
    if inputs.railways is not None:
        rails = inputs.railways
        raised = np.zeros(len(rails), dtype=bool)
        for flag in ("bridge", "tunnel"):
            if flag in rails:
                raised |= rails[flag].fillna(False).to_numpy(dtype=bool)
        parts.append(
            gpd.GeoDataFrame({"hazard": "rail", "raised": raised}, geometry=rails.geometry.array)
        )
    drive = inputs.networks.get("drive")
    walked = {
        word
        for roads in inputs.networks.values()
        if roads.mode == "walk"
        for word in roads.highway.tolist()
    }
    if drive is not None:
        only = np.isin(drive.highway.astype(str), sorted(crossing_rules().classes - walked))
        raised = (drive.bridge | drive.tunnel)[only]
        parts.append(
            gpd.GeoDataFrame({"hazard": "road", "raised": raised}, geometry=drive.geometry[only])
        )
    filled = [part for part in parts if len(part)]
    if not filled:
        return None
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), crs=inputs.crs)


def _persons(here: Region, name: str) -> dict[str, int]:
    demand = here.inputs.demand
    service = here.service(name)
    ids = demand["demand_id"].to_numpy()
    if service.persons is None:
        return dict(zip(ids, demand["population"].tolist(), strict=True))
    return dict(zip(ids, coverage.whole_persons(service.persons, ids).tolist(), strict=True))
