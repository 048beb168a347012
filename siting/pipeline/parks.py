"""Questions about green: the indicators, parks per person, and where a pocket park would add."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting import coverage, demand, green, network, text, travel_time
from siting.errors import StudyError
from siting.evaluate import Service
from siting.green import Green, PocketParks
from siting.maps import Card, Sheet, pocket_parks_finding, rooms
from siting.pipeline.region import LEG_RULE, Region, spread_on, walls_of
from siting.pipeline.road_layer import placed
from siting.pipeline.roads import SPEED_RULE
from siting.rules import Rule
from siting.study import Study

if TYPE_CHECKING:
    from siting.pipeline import Results

BOUNDARY_SPACING_M = 20.0  # samples of a park's edge for the upper bound on foot
RATE, RATE_TARGET = "park_radius_rate", "green.target_rate"
PER_PERSON, POCKET_AREA = "green.park_m2_per_person", "green.pocket_park_m2"


@dataclass(frozen=True, eq=False)
class Entrances:
    """Where people on foot get into parks, and where that is on the networks they walk on.

    ``places`` as :func:`siting.green.park_entrances` returns them; ``at`` by way of walking, their
    attachments.
    """

    places: gpd.GeoDataFrame
    at: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Pocket:
    """What was found about pocket parks, and what was tried.

    Attributes
    ----------
    found
        What each place adds.
    table
        ``found.places`` with ``zone_id`` (of the main zoning), ``access`` (why the place is not on
        its nearest street, ``""`` where it is), then places that were not tried with ``why``.
    area_m2, spacing_m
        Of the parks; of the lattice, ``None`` for candidates.
    left_out
        How many places were not tried, by why: ``water``, ``green``, ``outside``.
    """

    found: PocketParks
    table: gpd.GeoDataFrame = field(repr=False)
    area_m2: float
    spacing_m: float | None
    left_out: dict[str, int]


def entrances(study: Study, here: Region, asked: Collection[str]) -> Entrances | None:
    """Return where people on foot get into parks: as given, else where paths meet their edge.

    ``asked`` are steps of the run; ``None`` where neither green nor a basket of them needs any.
    """
    ways = {"walk"} if {"green", "pocket_parks"} & set(asked) else set()
    if "coverage" in asked:
        ways |= {made.walked for made in study.filled_baskets() if made.parks}
    if not ways:
        return None
    inputs = here.inputs
    walk = inputs.networks["walk"]
    leave = walk.stoppable & ~walk.bridge & ~walk.tunnel
    paths = gpd.GeoSeries(walk.geometry[leave], crs=inputs.crs)
    places = green.park_entrances(inputs.parks, paths, given=inputs.given_entrances)
    points = places.set_index("park_id").geometry
    at: dict[str, pd.DataFrame] = {}
    for way in sorted(ways):
        roads = inputs.networks[way]
        # whoever walks slower comes in from the same street
        twins = (w for w in at if network.same_streets(inputs.networks[w], roads))
        twin = next(twins, None)
        at[way] = _attached(study, here, points, way) if twin is None else at[twin]
    return Entrances(places, at)


def land(study: Study, here: Region, gates: Entrances) -> Green:
    """Return the green indicators on residential land; ``gates`` are the parks' entrances."""
    inputs = here.inputs
    assert inputs.cells is not None
    samples = green.boundary_samples(inputs.parks, spacing_m=BOUNDARY_SPACING_M)
    return green.green_coverage(
        inputs.cells,
        inputs.parks,
        inputs.membership,
        indicators=green.indicators(inputs.rules),
        foot=_on_foot(here, gates.at["walk"]),
        foot_upper=_on_foot(
            here, _attached(study, here, samples.set_index("park_id").geometry, "walk")
        ),
    )


def as_service(
    study: Study,
    here: Region,
    gates: Entrances,
    *,
    way: str,
    rule: Rule,
) -> Service:
    """Return the green of the study as a service that people walk to.

    All green with an entrance is in it, so that whom no way leads to any is not assessed, as in
    the indicators; which of it counts is for the caller to say (:func:`at_least`).

    Parameters
    ----------
    gates
        From :func:`entrances`.
    way
        At whose pace: ``walk``, ``walk.elderly``, ``walk.children``.
    rule
        What it will be judged by: the search goes as far as anybody may be covered by it.
    """
    inputs, roads = here.inputs, here.inputs.networks[way]
    homes = here.homes_at[way]
    homes = homes[coverage.among(homes["point_id"], inputs.demand["demand_id"])]
    speed, spread = inputs.rules[SPEED_RULE[way]], spread_on(study, inputs, roads)
    limits = coverage.thresholds(rule, speed=speed)
    by_time = limits.impedance == "time"
    leg = np.array([homes["access_mm"].max() if len(homes) else 0], dtype=np.int64).clip(0)
    if by_time:
        leg = network.travel_ms(leg, roads.access_kph) + 1  # parts are rounded each by itself
    nearer = spread[limits.impedance].max() + leg[0]
    times = travel_time.table(
        roads, homes, gates.at[way], impedance="time" if by_time else "length",
        cutoff=int(limits.high + nearer), k=1,
    )  # fmt: skip
    assert inputs.parks is not None
    return Service(
        name="green",
        rules=(),
        existing=tuple(sorted(set(times.site_id))),
        sites=inputs.parks.rename(columns={"park_id": "site_id"}),
        speed=speed,
        spread=spread,
        leg=inputs.rules[LEG_RULE],
        time=times if by_time else None,
        length=None if by_time else times,
    )


def at_least(parks: gpd.GeoDataFrame, least: Rule) -> gpd.GeoDataFrame:
    """Return the parks, not other green, of at least that area."""
    return parks[(parks["kind"] == "park") & (parks["area_m2"] >= least.strict)]


def per_person(here: Region) -> pd.DataFrame:
    """Return m² of park per person by zone and class, beside the norm."""
    inputs = here.inputs
    return green.park_per_person(
        inputs.demand,
        here.member,
        inputs.parks,
        inputs.zones,
        rule=inputs.rules[PER_PERSON],
    )


def pocket(study: Study, here: Region, found: Green) -> Pocket:
    """Try a pocket park at every place that the study names, or on a lattice.

    Raises
    ------
    StudyError
        The park is too small to serve anybody by the rules, or more places are asked for than
        there are candidates.
    """
    asked, inputs = study.decide.pocket_parks, here.inputs
    assert asked is not None
    area_m2 = asked.area_m2 or inputs.rules[POCKET_AREA].strict
    indicators = green.indicators(inputs.rules)
    rate = next(i for i in indicators if i.name == RATE)
    least = min(c.at_least_m2 for c in rate.classes)
    if area_m2 < least:
        raise StudyError(
            f"decide.pocket_parks: a park of {area_m2:g} m² serves nobody by the rate's rules, "
            f"which begin at {least:g} m² ({rate.rule_ids}). Set area_m2 to that or more."
        )
    zones = inputs.zones[inputs.zones["zoning"] == here.zoning]
    if inputs.pocket_places is not None:
        places = _given(inputs.pocket_places, area_m2)
        spacing = None
        if asked.n > len(places):
            raise StudyError(
                f"decide.pocket_parks: n = {asked.n} and there are {len(places)} candidates. Ask "
                "for fewer, or give more."
            )
    else:
        spacing = asked.spacing_m
        unserved = found.cells[
            found.cells["settlement"].isin(rate.judges)
            & (found.cells[f"{RATE}_straight_m2"] < found.cells["area_m2"])
        ]
        places = green.lattice(unserved, spacing_m=spacing, area_m2=area_m2)
    places["zone_id"] = demand.zone_of_points(_middles(places), zones).to_numpy()
    why = green.taken(places, {"water": inputs.water, "green": inputs.parks})
    outside = (places["zone_id"] == "").to_numpy() & (why == "")
    places["why"] = np.where(outside, "outside", why)
    tried = places[places["why"] == ""]
    at = _attached(study, here, _middles(tried).set_axis(tried["place_id"]), "walk")
    lives = None
    if study.people.spread == "residential":
        lives = inputs.demand.set_index("demand_id")["population"]
        lives = lives[coverage.among(lives.index, found.cells["cell_id"])]
    result = green.pocket_parks(
        found.cells,
        inputs.parks,
        inputs.membership,
        tried,
        zoning=here.zoning,
        indicators=indicators,
        by=RATE,
        target=inputs.rules[RATE_TARGET],
        n=asked.n,
        walked=_times(here, at),
        persons=lives,
    )
    access = at.set_index("point_id")["why"]
    told = result.places.merge(places[["place_id", "zone_id", "why"]], on="place_id")
    told["access"] = told["place_id"].map(access).fillna("").astype("str")
    if inputs.pocket_places is not None:
        told = pd.concat([told, places[places["why"] != ""]], ignore_index=True)
        told["rank"] = told["rank"].astype("Int64")
    told["zoning"] = here.zoning
    first = ["rank", "place_id", "name", "zoning", "zone_id"]
    told = told[[*first, *(c for c in told.columns if c not in first)]]
    counts = places["why"].value_counts()
    left_out = {str(name): int(n) for name, n in counts.items() if name}
    return Pocket(result, told, area_m2, spacing, dict(sorted(left_out.items())))


def rules_used(results: Results) -> set[str]:
    """Return the ids of all rules of green, those of pocket parks only where asked."""
    if results.green is None:
        return set()
    used = {i for i in results.region.inputs.rules if i.startswith("green.")}
    asked = results.study.decide.pocket_parks
    own_area = asked is not None and asked.area_m2 is not None
    return used - ({POCKET_AREA} if results.pocket is None or own_area else set())


def tables(results: Results) -> dict[str, pd.DataFrame]:
    """Return the tables that stand beside ``green``; ``zone_name`` is put in by the caller."""
    found = {}
    if results.park_per_person is not None:
        found["green_per_person"] = results.park_per_person
    if results.pocket is not None:
        middles = results.pocket.table.set_geometry(_middles(results.pocket.table))
        found["pocket_parks"] = placed(middles)
    return found


def page_parts(results: Results) -> dict[str, Any]:
    """Return what the page of green shows beside the indicators."""
    parts: dict[str, Any] = {"per_person": results.park_per_person}
    if (pocket := results.pocket) is not None:
        parts |= {
            "pocket": pocket.found, "pocket_places": pocket.table, "left_out": pocket.left_out
        }  # fmt: skip
    return parts


def cards(results: Results, figures: pd.DataFrame, sheet: Sheet) -> list[Card]:
    """Return what the first page says of green: the indicators, and where to begin."""
    rows = figures[
        (figures["level"] == "region")
        & (figures["zoning"] == results.region.zoning)
        & figures["judged"]
        & (figures["quarter"] == "all")
    ].drop_duplicates("indicator")
    told = [
        Card(
            "green",
            text.percent(row["straight_share"]),
            sheet.say(
                "finding.green",
                name=sheet.say(f"indicator.{row['indicator']}"),
                straight=text.percent(row["straight_share"]),
                foot=text.percent(row["foot_share"]),
            ),
        )
        for row in rows.to_dict("records")
    ]
    room = rooms(results.park_per_person, sheet).get(("region", results.region.zoning, ""))
    if room is not None:
        told.append(Card("green", room["big"], room["finding"], room["rule"]))
    if (pocket := results.pocket) is not None and pocket.found.chosen:
        gained = pocket.found.after_m2 - pocket.found.before_m2
        told.append(
            Card(
                "green",
                f"+{text.hectares(gained, sheet.lang)}",
                pocket_parks_finding(pocket.found, sheet),
                sheet.rule_note(RATE_TARGET),
            )
        )
    return told


def record(pocket: Pocket) -> dict[str, Any]:
    """Return what ``run.json`` says of pocket parks."""
    found = pocket.found
    names = (
        "by", "chosen", "land_m2", "before_m2", "after_m2", "foot_before_m2", "foot_after_m2",
        "bound_m2", "shortfall_m2",
    )  # fmt: skip
    return {
        "model": "greedy",
        **{name: getattr(found, name) for name in names},
        "places": len(found.places),
        "left_out": pocket.left_out,
        "area_m2": pocket.area_m2,
        "spacing_m": pocket.spacing_m,
    }


def _given(candidates: gpd.GeoDataFrame, area_m2: float) -> gpd.GeoDataFrame:
    """Return candidates as places: a square of the size asked around a point, a plot as it is."""
    shapes = candidates.geometry.to_numpy().copy()
    point = shapely.get_dimensions(shapes) == 0
    shapes[point] = green.squares_at(shapes[point], area_m2)
    return gpd.GeoDataFrame(
        {
            "place_id": candidates["site_id"].to_numpy(),
            "name": candidates["name"].to_numpy(),
            "area_m2": np.where(point, area_m2, shapely.area(shapes)),
        },
        geometry=shapes,
        crs=candidates.crs,
    )


def _middles(places: gpd.GeoDataFrame) -> gpd.GeoSeries:
    return gpd.GeoSeries(
        shapely.point_on_surface(places.geometry.to_numpy()), crs=places.crs, index=places.index
    )


def _attached(study: Study, here: Region, points: gpd.GeoSeries, way: str) -> pd.DataFrame:
    return network.attach(
        here.inputs.networks[way],
        points,
        max_access_m=study.network.max_access_m,
        min_component_km=study.network.min_component_km,
        barriers=walls_of(here.inputs),
    )


def _on_foot(here: Region, at: pd.DataFrame) -> travel_time.TravelTimes | None:
    """Return lengths on foot from residential land to the nearest of these points of each park."""
    return _times(here, at, k=1) if len(at) else None


def _times(here: Region, at: pd.DataFrame, *, k: int = 0) -> travel_time.TravelTimes:
    homes, cells = here.homes_at["walk"], here.inputs.cells
    assert cells is not None
    homes = homes[coverage.among(homes["point_id"], cells["cell_id"])]
    radii = [c.radius_m for i in green.indicators(here.inputs.rules) for c in i.classes]
    return travel_time.table(
        here.inputs.networks["walk"],
        homes,
        at,
        impedance="length",
        cutoff=round(max(radii) * 1_000),
        k=k,
    )
