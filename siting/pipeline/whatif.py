"""A plan that changes streets, asked on the streets as it would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting import load, network, tables
from siting.errors import DataError, Problem
from siting.evaluate import Service
from siting.network import RoadNetwork
from siting.pipeline import region
from siting.pipeline.region import Region
from siting.pipeline.road_layer import walls
from siting.pipeline.roads import speeds_of
from siting.plan import Plan
from siting.study import Study


def on_edited_roads(study: Study, here: Region, asked: Plan) -> Region:
    """Return the region with the streets of a plan; itself where the plan changes none.

    Travel times are computed anew on the edited networks; nothing is read again. Homes and sites
    stay on their streets (:func:`siting.network.reattached`). Who is not assessed for want of a
    road is as today: whom a closed bridge cuts off is out of reach. What an edit says that is not
    done as given is in ``inputs.drops``.

    Raises
    ------
    DataError
        An edit names a street that no network has, or is not one.
    """
    if not asked.network_edits:
        return here
    inputs = here.inputs
    edits = [edit.on(inputs.crs) for edit in asked.network_edits]
    problems = network.absent(inputs.networks.values(), edits)
    problems += _elsewhere(edits, inputs.zones, study.network.halo_km)
    if problems:
        raise DataError(problems)
    speeds = network.read_speeds(study.network.speeds)
    barriers = walls(inputs.water, inputs.barriers)
    edited: dict[str, RoadNetwork] = {}
    homes_at: dict[str, pd.DataFrame] = {}
    sites_at: dict[str, pd.DataFrame] = {}
    drops = [inputs.drops, _over(edits, barriers)]
    for way, roads in inputs.networks.items():
        used = speeds_of(way, speeds, inputs.rules)
        after = network.revised(roads, edits, speeds=used, strict=False)
        edited[way] = after.network
        drops.append(after.network.drops.iloc[len(roads.drops) :])
        homes, gates = region.points_of(study, inputs, here.places, way)
        homes_at[way], sites_at[way] = (
            network.reattached(
                after,
                at,
                points,
                max_access_m=study.network.max_access_m,
                min_component_km=study.network.min_component_km,
                barriers=barriers,
            )
            for at, points in ((here.homes_at[way], homes), (here.sites_at[way], gates))
        )
    listed = load.join_drops(*drops).drop_duplicates(ignore_index=True)
    there = replace(inputs, networks=edited, drops=listed)
    today = {s.name: s for s in here.services if s.name in asked.services}
    found = list(region.services_on(study, there, list(today), homes_at, sites_at))
    return replace(
        here,
        inputs=there,
        services=tuple(
            replace(service, islands=_off_today(today[service.name])) for service, _ in found
        ),
        buses={service.name: lines for service, lines in found if lines is not None},
        homes_at=homes_at,
        sites_at=sites_at,
    )


def _elsewhere(
    edits: Sequence[network.edits.Edit], zones: gpd.GeoDataFrame, halo_km: float
) -> list[Problem]:
    """Return the new streets that lie nowhere near the zones: another datum, or swapped axes."""
    near = shapely.buffer(shapely.box(*zones.total_bounds), halo_km * 1_000)
    return [
        Problem(
            network.edits.TABLE,
            f"edit {number} adds a street outside the study area",
            "Give longitude first, then latitude, in the datum that crs names.",
            (edit.name,) if edit.name else (),
        )
        for number, edit in enumerate(edits, 1)
        if isinstance(edit, network.edits.Add)
        and np.isfinite(np.array(edit.line)).all()
        and not shapely.intersects(near, shapely.LineString(edit.line))
    ]


def _over(edits: Sequence[network.edits.Edit], barriers: gpd.GeoSeries | None) -> pd.DataFrame:
    """List the new streets that cross water or a barrier and are neither bridge nor tunnel."""
    if barriers is None:
        return tables.drops_table()
    rows = []
    for number, edit in enumerate(edits, 1):
        if not isinstance(edit, network.edits.Add) or edit.bridge or edit.tunnel:
            continue
        line = shapely.LineString(edit.line)
        if (barriers.intersects(line) & ~barriers.touches(line)).any():
            what = f"{edit.name or 'the line'} crosses water or a barrier at grade"
            rows.append((network.edits.TABLE, f"edit {number}", what, "not cut there"))
    return tables.drops_table(rows)


def _off_today(service: Service) -> npt.NDArray[np.bool_] | None:
    """Return whom no road leads to today's sites of a service, on today's roads."""
    times = service.time if service.time is not None else service.length
    return None if times is None else service.off_the_map(times)
