"""Square metres of park per person, by zone and settlement class, beside the norm."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from siting.coverage import Members, exact, meets, members, whole_persons
from siting.demand import largest_remainder
from siting.errors import DataError, Problem, StudyError
from siting.green.overlay import STEP
from siting.rules import Rule

CLASSES = ("judged", "urban", "township_seat", "village")
UNIT = "m2_per_person"
SUMS = ("persons", "park", "other")
KEYS = ["zoning", "zone_id", "settlement"]


def park_per_person(
    demand: gpd.GeoDataFrame,
    membership: pd.DataFrame | Members,
    parks: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    *,
    rule: Rule,
) -> pd.DataFrame:
    """Hold the land of parks against a norm in m² per person.

    Parks are joined first, so that land where two overlap counts once, and cut along the zones.
    What hangs together after that is one stretch of park, of the settlement class of the place with
    people nearest to its edge (ties to the smallest id): a park in two rows counts like one.

    Parameters
    ----------
    demand
        ``demand_id``, ``population``, ``settlement``, point ``geometry``, metric CRS.
    membership
        ``demand_id``, ``zoning``, ``zone_id``; or :func:`siting.coverage.members` of it.
    parks
        ``park_id``, ``kind`` (``park``, ``green``), polygons in the same CRS.
    zones
        ``zoning``, ``zone_id``, polygons. Where zones of one zoning overlap, land is the smallest
        id's, as people are.
    rule
        A norm in ``m2_per_person``.

    Returns
    -------
    pd.DataFrame
        Sorted by level, zoning, zone and class: ``level`` (``region``: all zones together;
        ``zone``), ``rule_id``, ``zoning``, ``zone_id`` (``""``: outside every zone; and the
        region), ``settlement`` (``judged``: all classes that the rule judges together; then each
        by itself), ``persons``, ``park_m2`` (of that class), ``zone_park_m2`` (of every class),
        ``other_green_m2`` (of that class, ``kind`` ``green`` and in no park: in no ratio),
        ``m2_per_person`` (``park_m2`` by ``persons``), ``low_m2_per_person`` (of the region:
        people outside every zone counted too, for they have parks there that are in no zone),
        ``high_m2_per_person`` (all park land of the zone, whatever its class),
        ``target_m2_per_person``, ``short_m2`` (park land missing to the target), ``verdict`` and
        ``why``:

        ``pass`` and ``fail`` where all three ratios agree, else ``not_robust``; ``not_judged``
        outside every zone (``outside``), where the rule does not judge the class (``settlement``)
        or nobody lives there (``no_persons``). A fail without any park says ``no_parks``.

        Every zoning's rows of level ``zone`` add up to all persons and all park land. Ratios of
        nobody are missing.

    Raises
    ------
    StudyError
        The rule is no norm in m² per person.
    DataError
        Tables that do not fit each other.

    Examples
    --------
    >>> from siting import rules
    >>> home = gpd.GeoDataFrame(
    ...     {"demand_id": ["h"], "population": [100], "settlement": ["urban"]},
    ...     geometry=[shapely.Point(5, 5)], crs=4547,
    ... )
    >>> green = gpd.GeoDataFrame(
    ...     {"park_id": ["a", "b"], "kind": ["park", "park"]},
    ...     geometry=[shapely.box(0, 0, 30, 30), shapely.box(10, 0, 40, 30)], crs=4547,
    ... )
    >>> zone = gpd.GeoDataFrame(
    ...     {"zoning": ["t"], "zone_id": ["z"]}, geometry=[shapely.box(0, 0, 99, 99)], crs=4547
    ... )
    >>> member = pd.DataFrame({"demand_id": ["h"], "zoning": ["t"], "zone_id": ["z"]})
    >>> found = park_per_person(
    ...     home, member, green, zone, rule=rules.load()["green.park_m2_per_person"]
    ... )
    >>> found[["park_m2", "m2_per_person", "verdict"]].head(1).values.tolist()
    [[1200.0, 12.0, 'pass']]
    """
    if rule.unit != UNIT:
        raise StudyError(
            f"rule {rule.id} is in {rule.unit}; parks per person are judged by a norm in {UNIT}. "
            "Name another rule."
        )
    if demand.crs != parks.crs or demand.crs != zones.crs:
        raise DataError(
            Problem("parks", "not in the CRS of demand and zones", "Load all in the working CRS.")
        )
    every = pd.concat([_people(demand, membership), _land(demand, parks, zones)])
    every = every.fillna(dict.fromkeys(SUMS, 0)).astype(dict.fromkeys(SUMS, "int64"))
    whole = every.groupby(["zoning", "zone_id"])["park"].sum()
    judged = every[every["settlement"].isin(rule.judges)].assign(settlement="judged")
    zoned = pd.concat([every, judged]).groupby(KEYS, sort=True)[list(SUMS)].sum().reset_index()
    keys = pd.MultiIndex.from_frame(zoned[["zoning", "zone_id"]])
    zoned = zoned.assign(level="zone", land=whole.reindex(keys).to_numpy(), beyond=0)
    region = _region(zoned)
    table = pd.concat([zoned, region], ignore_index=True)
    table["rule_id"] = rule.id
    table["target_m2_per_person"] = rule.strict
    told = pd.DataFrame([_told(row, rule) for row in table.to_dict("records")], index=table.index)
    table = pd.concat([table, told], axis=1)
    for name, steps in (("park_m2", "park"), ("zone_park_m2", "land"), ("other_green_m2", "other")):
        table[name] = table[steps] / STEP
    order = {name: n for n, name in enumerate(CLASSES)}
    table = table.sort_values(
        ["level", *KEYS],
        key=lambda c: c.map(order) if c.name == "settlement" else c,
        ignore_index=True,
    )
    return table[
        [
            "level", "rule_id", *KEYS, "persons", "park_m2", "zone_park_m2", "other_green_m2",
            "m2_per_person", "low_m2_per_person", "high_m2_per_person", "target_m2_per_person",
            "short_m2", "verdict", "why",
        ]
    ]  # fmt: skip


def _people(demand: gpd.GeoDataFrame, membership: pd.DataFrame | Members) -> pd.DataFrame:
    """Return whole persons by zoning, zone and class."""
    persons = whole_persons(
        demand.set_index("demand_id")["population"], demand["demand_id"].to_numpy()
    )
    member = members(demand["demand_id"], membership)
    return member.summed(pd.DataFrame({"persons": persons}), demand["settlement"])


def _land(
    demand: gpd.GeoDataFrame, parks: gpd.GeoDataFrame, zones: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Return parks and other green as rows of zoning, zone, class and whole steps of land."""
    parks = parks.sort_values("park_id")
    shapes, is_park = parks.geometry.to_numpy(), (parks["kind"] == "park").to_numpy()
    park = shapely.union_all(shapes[is_park])
    other = shapely.difference(shapely.union_all(shapes[~is_park]), park)
    rows = []
    for name, area in (("park", park), ("other", other)):
        stretches = shapely.get_parts(area)
        stretches = stretches[shapely.area(stretches) > 0]
        settlement = _nearest_class(demand, stretches)
        for zoning, polygons in zones.groupby("zoning", sort=True):
            for stretch, zone_id, steps in _cut(stretches, polygons):
                rows.append((zoning, zone_id, settlement[stretch], name, steps))
    table = pd.DataFrame(rows, columns=[*KEYS, "name", "steps"])
    for name in ("park", "other"):
        table[name] = table["steps"].where(table["name"] == name, 0).astype("int64")
    return table[[*KEYS, "park", "other"]]


def _nearest_class(demand: gpd.GeoDataFrame, stretches: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the settlement class of the place with people nearest to each stretch."""
    found = np.full(len(stretches), "village", dtype=object)
    lived = demand[demand["population"] > 0].sort_values("demand_id", ignore_index=True)
    if len(lived) and len(stretches):
        tree = shapely.STRtree(lived.geometry.to_numpy())
        stretch, home = tree.query_nearest(stretches, all_matches=True)
        nearest = pd.Series(home).groupby(stretch).min()  # ids are sorted: ties to the smallest
        found[nearest.index] = lived["settlement"].to_numpy()[nearest.to_numpy()]
    return found


def _cut(stretches: NDArray[np.object_], zones: gpd.GeoDataFrame) -> list[tuple[int, str, int]]:
    """Return (stretch, zone id, steps): every stretch's land divided, what is in no zone as ``""``.

    Steps of a stretch add up to its area, whatever the overlay leaves over.
    """
    zones = zones.sort_values("zone_id")
    polygons = zones.geometry.to_numpy()
    names = zones["zone_id"].astype(str).tolist()
    shapely.prepare(polygons)
    at, zone = shapely.STRtree(stretches).query(polygons, predicate="intersects")[::-1]
    hits: dict[int, list[int]] = {}
    for i, z in sorted(zip(at.tolist(), zone.tolist(), strict=True)):
        hits.setdefault(i, []).append(z)
    rows = []
    for i, stretch in enumerate(stretches):
        total = round(float(shapely.area(stretch)) * STEP)
        left, parts = stretch, {}
        for z in hits.get(i, []):
            if shapely.covers(polygons[z], left):
                parts[names[z]] = float(shapely.area(left))
                left = shapely.Polygon()
                break
            parts[names[z]] = float(shapely.area(shapely.intersection(left, polygons[z])))
            left = shapely.difference(left, polygons[z])
        parts[""] = float(shapely.area(left))
        steps = largest_remainder(list(parts.values()), total, ids=list(parts))
        rows += [(i, name, n) for name, n in zip(parts, steps.tolist(), strict=True) if n]
    return rows


def _region(zoned: pd.DataFrame) -> pd.DataFrame:
    """Return all zones together, and in ``beyond`` the persons outside every zone."""
    outside = zoned["zone_id"] == ""
    beyond = zoned[outside].groupby(["zoning", "settlement"])["persons"].sum()
    sums = zoned[~outside].groupby(["zoning", "settlement"])[list(SUMS)].sum().reset_index()
    land = zoned[~outside].drop_duplicates(["zoning", "zone_id"]).groupby("zoning")["land"].sum()
    keys = pd.MultiIndex.from_frame(sums[["zoning", "settlement"]])
    return sums.assign(
        level="region",
        zone_id="",
        land=sums["zoning"].map(land),
        beyond=beyond.reindex(keys).fillna(0).to_numpy(dtype=np.int64),
    )


def _told(row: Mapping[Hashable, Any], rule: Rule) -> dict[str, Any]:
    """Return the ratios and the verdict of one row, compared in exact fractions."""
    persons, beyond = int(row["persons"]), int(row["beyond"])
    park, land = (Fraction(int(row[name]), STEP) for name in ("park", "land"))
    target = exact(rule.strict)
    ends = {
        "m2_per_person": (park, persons),
        "low_m2_per_person": (park, persons + beyond),
        "high_m2_per_person": (land, persons),
    }
    told: dict[str, Any] = {
        name: float(part / whole) if persons else np.nan for name, (part, whole) in ends.items()
    }
    told["short_m2"] = float(max(Fraction(0), target * persons - park)) if persons else np.nan
    judged = row["settlement"] == "judged" or row["settlement"] in rule.judges
    outside = row["level"] == "zone" and row["zone_id"] == ""
    why = "settlement" if not judged else "outside" if outside else "no_persons"
    if why != "no_persons" or not persons:
        return {**told, "verdict": "not_judged", "why": why}
    reached = {meets(part, whole, rule) for part, whole in ends.values()}
    verdict = "not_robust" if len(reached) > 1 else "pass" if reached == {True} else "fail"
    return {
        **told, "verdict": verdict, "why": "no_parks" if verdict == "fail" and not land else ""
    }  # fmt: skip
