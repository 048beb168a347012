"""How many people cross a trunk road or a railway on their way, by zone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting import network, text, travel_time
from siting.network import RoadNetwork
from siting.network.crossings import crossing_rules, crossings
from siting.network.sides import HAZARDS
from siting.pipeline import region
from siting.pipeline.region import Region
from siting.pipeline.roads import ways
from siting.study import Study

Flags = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

SAME_PLACE_M = 0.01
"""Streets of two networks this near are one street: barriers cut them to the millimetre."""

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
        persons = here.persons(here.service(name))
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
    unseen: list[str] = []
    if "drive" not in ways(study):
        known = network.read_speeds(study.network.speeds)
        unseen = [c for c in classes if (found := known.road_class(c)) and not found.walk]
    seen = [c for c in classes if c not in unseen]
    join = "、" if lang == "zh" else ", "
    told = text.get("note.crossings", lang, services=join.join(asked), classes=join.join(seen))
    if not unseen:
        return [told]
    return [told, text.get("note.crossings_unseen", lang, classes=join.join(unseen))]


def counted(study: Study, here: Region, name: str) -> pd.DataFrame:
    """Return what each home crosses on its way to the nearest site of a service open today."""
    inputs = here.inputs
    way = study.services[name].road
    roads = inputs.networks[way]
    homes, gates = region.points_of(study, inputs, here.places, way)
    people = np.isin(homes.index.to_numpy(), inputs.demand["demand_id"].to_numpy())
    opened = np.isin(gates.index.to_numpy(), list(here.today.open_sites(name)))
    demand_at, site_at = here.homes_at[way][people], here.sites_at[way][opened]
    return crossings(
        roads,
        travel_time.paths(roads, demand_at, site_at),
        demand_at,
        site_at,
        rules=crossing_rules(inputs.rules),
        lines=_lines(here, roads),
        signals=None if inputs.signals is None else inputs.signals.geometry,
        homes=homes[people],
        gates=gates[opened],
    )


def _lines(here: Region, roads: RoadNetwork) -> gpd.GeoDataFrame | None:
    """Return what is crossed and not walked along: railways, and trunk roads for drivers only."""
    inputs = here.inputs
    parts = []
    if inputs.railways is not None:
        rails = inputs.railways
        raised = np.zeros(len(rails), dtype=bool)
        for flag in ("bridge", "tunnel"):
            if flag in rails:
                raised |= rails[flag].fillna(False).to_numpy(dtype=bool)
        parts.append(("rail", raised, rails.geometry.to_numpy()))
    drive = inputs.networks.get("drive")
    if drive is not None:
        parts.append(("road", *_driven_only(drive, roads)))
    hazard = [name for name, raised, _ in parts for _ in raised]
    if not hazard:
        return None
    return gpd.GeoDataFrame(
        {"hazard": hazard, "raised": np.concatenate([raised for _, raised, _ in parts])},
        geometry=np.concatenate([shapes for _, _, shapes in parts]),
        crs=inputs.crs,
    )


def _driven_only(drive: RoadNetwork, roads: RoadNetwork) -> tuple[Flags, Objects]:
    """Return the straight pieces of trunk roads that are not in ``roads``: raised or not, lines.

    A class may be walked here and closed to walkers there, so it is places that tell.
    """
    classes = sorted(crossing_rules().classes)
    trunk = np.flatnonzero(np.isin(drive.highway.astype(str), classes))
    xy, of = shapely.get_coordinates(drive.geometry[trunk], return_index=True)
    first = np.flatnonzero(of[1:] == of[:-1])
    start, step = xy[first], xy[first + 1] - xy[first]
    tree = shapely.STRtree(roads.geometry[np.isin(roads.highway.astype(str), classes)])
    only = np.zeros(first.size, dtype=bool)
    for share in (0.25, 0.75):
        on, _ = tree.query(
            shapely.points(start + share * step), predicate="dwithin", distance=SAME_PLACE_M
        )
        only |= ~np.isin(np.arange(first.size), on)
    lines = np.empty(int(only.sum()), dtype=object)
    lines[:] = shapely.linestrings(np.stack([start[only], (start + step)[only]], axis=1))
    return (drive.bridge | drive.tunnel)[trunk[of[first[only]]]], lines
