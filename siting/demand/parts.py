"""People of several sources put together, nobody counted twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import pandas as pd

from siting import tables
from siting.demand.people import Demand
from siting.demand.settlement import Density, by_density
from siting.demand.zoning import zone_of_points
from siting.tables import label


def one_source_a_zone(
    parts: Mapping[str, gpd.GeoDataFrame],
    zones: gpd.GeoDataFrame,
    *,
    only: Mapping[str, Sequence[str]] | None = None,
    density: Density | None = None,
) -> Demand:
    """Return the places of several sources as one table: each zone has those of one source.

    A zone is spoken for by the first source that has anybody in it; what other sources say of it
    is not counted, and listed: one person is enough to speak for a zone. Outside every zone is a
    zone of its own in this, called ``""``.

    Parameters
    ----------
    parts
        Demand by the name of its source, the first choice first.
    zones
        One zoning.
    only
        Source → the zones it may speak for; all unless given.
    density
        What says the class of places whose ``class_from`` is ``density``: it is a question of all
        people together, and is asked again of those that are counted.

    Returns
    -------
    Demand
        ``demand_id`` is ``source:id``; a column ``source`` names it.

    Examples
    --------
    >>> import shapely
    >>> def at(x, people):
    ...     table = {"demand_id": ["p"], "population": [people], "settlement": ["village"]}
    ...     return gpd.GeoDataFrame(
    ...         {**table, "area_m2": [0.0]}, geometry=[shapely.Point(x, 1)], crs=4547
    ...     )
    >>> areas = gpd.GeoDataFrame({"zone_id": ["a"]}, geometry=[shapely.box(0, 0, 2, 2)], crs=4547)
    >>> both = one_source_a_zone({"census": at(1, 30), "grid": at(1, 28)}, areas)
    >>> both.table[["demand_id", "population", "source"]].values.tolist()
    [['census:p', 30, 'census']]
    >>> both.drops["what"].tolist()
    ['28 people at 1 places: census speaks for zone a, with 30 people']
    >>> dict(both.uncounted)
    {'grid': 28}
    """
    only = only or {}
    placed = []
    for name, table in parts.items():
        part = table.assign(
            demand_id=(f"{name}:" + table["demand_id"].astype("str")).astype("str"),
            source=pd.Series([name] * len(table), dtype="str", index=table.index),
            _zone=zone_of_points(table.geometry, zones).to_numpy(),
        )
        placed.append(part)
    every = pd.concat(placed, ignore_index=True)
    rank = every["source"].map({name: i for i, name in enumerate(parts)})
    may = pd.Series(
        [
            s not in only or z in only[s]
            for s, z in zip(every["source"], every["_zone"], strict=True)
        ],
        index=every.index,
        dtype=bool,
    )
    speaks = rank.where(may & (every["population"] > 0)).groupby(every["_zone"]).min()
    chosen = may & (rank == every["_zone"].map(speaks))
    names = list(parts)
    spoken = every[chosen].groupby("_zone")["population"].sum()
    drops = []
    uncounted = dict.fromkeys(names, 0)
    for (zone_id, name), rows in every[~chosen].groupby(["_zone", "source"], sort=True):
        first = speaks[zone_id]
        where = f"zone {label(str(zone_id))}" if zone_id else "outside every zone"
        persons = int(rows["population"].sum())
        what = f"{persons} people at {len(rows)} places: "
        if pd.isna(first):
            what += f"no source may speak for {where}"
        else:
            what += f"{names[int(first)]} speaks for {where}, with {spoken[zone_id]} people"
        drops.append(("people", str(name), what, "not counted"))
        uncounted[str(name)] += persons
    table = every[chosen].drop(columns="_zone").sort_values("demand_id", kind="stable")
    table = table.reset_index(drop=True)
    if density is not None and (dense := table["class_from"] == "density").any():
        said = by_density(table, density)
        table["settlement"] = table["settlement"].where(~dense, said).astype("str")
    checked = tables.check("demand", table, layer="people")
    return Demand(checked, tables.drops_table(drops), {k: n for k, n in uncounted.items() if n})
