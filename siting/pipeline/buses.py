"""School buses of a study: from pupils and stops to routes, and to travel times by bus."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from siting import coverage, network, school_bus, text, travel_time
from siting.evaluate import Service
from siting.network import travel_ms
from siting.pipeline.inputs import Inputs
from siting.rules import Rule
from siting.school_bus import BusRoutes
from siting.study import Bus, Study
from siting.travel_time import LARGEST, TravelTimes

MS_PER_MIN = 60_000
MORNING = ("persons", "walk_ms", "wait_ms", "ride_ms", "total_ms")
SETTINGS = {"max_walk_m": "bus.max_walk", "wait_min": "bus.wait", "dwell_s": "bus.dwell",
            "board_s": "bus.board"}  # fmt: skip
"""Settings of a study that stand in for a rule."""


@dataclass(frozen=True, eq=False)
class SchoolBuses:
    """The routes of one service.

    ``routes`` as :class:`siting.school_bus.BusRoutes` has them, of all schools; ``pupils`` the
    morning of every home, walkers included (:func:`siting.school_bus.journeys`); ``lines`` a line a
    bus; ``stops`` a point a stop with its pupils.
    """

    routes: pd.DataFrame
    pupils: pd.DataFrame
    lines: gpd.GeoDataFrame
    stops: gpd.GeoDataFrame


@dataclass(frozen=True)
class Terms:
    """What a service's buses are reckoned with: settings of the study, else rules."""

    max_walk_m: float
    wait_ms: int
    dwell_s: float
    board_s: float


def terms(bus: Bus, rules: Mapping[str, Rule]) -> Terms:
    """Return the numbers that hold for a service."""
    found = {
        key: rules[rule_id].strict if getattr(bus, key) is None else getattr(bus, key)
        for key, rule_id in SETTINGS.items()
    }
    return Terms(
        found["max_walk_m"], round(found["wait_min"] * MS_PER_MIN), found["dwell_s"],
        found["board_s"],
    )  # fmt: skip


def rules_used(bus: Bus) -> set[str]:
    """Return the ids of the bus rules whose numbers enter a figure."""
    if bus.how == "direct":
        return set()
    used = {rule_id for key, rule_id in SETTINGS.items() if getattr(bus, key) is None}
    if bus.how == "detour":
        return (used & {"bus.wait"}) | {"bus.detour_factor", "bus.stop_walk"}
    return used


def marked(
    figures: pd.DataFrame, services: Sequence[Service], rules: Mapping[str, Rule]
) -> pd.DataFrame:
    """Return figures with ``bound``: ``exact``, or ``lower`` where times are a lower bound.

    A share of the assessed is missing where none of them could have been covered: they are those
    out of reach for certain.
    """
    lower = {s.name for s in services if s.time is not None and s.time.bound == "lower"}
    timed = {r.id for r in rules.values() if r.measure == "time_min"}
    if "rule_id" in figures:
        timed.add("")  # times of a service without rules
        hit = figures["service"].isin(lower) & figures["rule_id"].isin(timed)
    else:
        hit = figures["service"].isin(lower)
    bound = np.where(hit, "lower", "exact")
    table = figures.copy()
    after = "rule_id" if "rule_id" in table else "service"
    table.insert(table.columns.tolist().index(after) + 1, "bound", bound)
    if "covered_share_assessed" in table:
        pairs = zip(table["rule_id"], bound, strict=True)
        never = [rule in rules and not coverage.may_pass(rules[rule], b) for rule, b in pairs]
        table.loc[never, "covered_share_assessed"] = np.nan
    return table


def notes(
    study: Study, rules: Mapping[str, Rule], buses: Mapping[str, SchoolBuses], lang: str
) -> list[str]:
    """Say for every service by bus what its journeys are made of."""
    told = []
    for name, service in study.services.items():
        if service.bus is None:
            continue
        with_ = terms(service.bus, rules)
        words = {"service": service.label(lang) or name}
        if service.bus.how != "direct":
            words["wait"] = text.decimal(with_.wait_ms / MS_PER_MIN)
        if service.bus.how == "detour":
            words |= {
                "factor": f"{rules['bus.detour_factor'].strict:g}",
                "walk": text.decimal(rules["bus.stop_walk"].strict),
            }
        elif service.bus.how == "route":
            found = buses[name]
            left = found.pupils.loc[found.pupils["total_ms"] < 0, "persons"].sum()
            words |= {
                "seats": str(service.bus.seats),
                "buses": text.count(len(found.lines)),
                "km": text.decimal(found.lines["length_mm"].sum() / 1e6),
                "walk": f"{with_.max_walk_m:g}",
                "dwell": f"{with_.dwell_s:g}",
                "board": f"{with_.board_s:g}",
                "left": text.count(int(left)),
            }
        told.append(text.get(f"note.{service.way}", lang, **words))
    return told


def tables(buses: Mapping[str, SchoolBuses]) -> dict[str, pd.DataFrame]:
    """Return what is written of all services' buses: minutes and kilometres, by service."""
    if not buses:
        return {}
    parts = {
        "bus_routes": {name: found.routes for name, found in buses.items()},
        "bus_lines": {name: found.lines for name, found in buses.items()},
        "bus_pupils": {name: found.pupils for name, found in buses.items()},
    }
    return {key: _shown(stacked(of)) for key, of in parts.items()}


def stacked(of: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Stack tables by service."""
    named = []
    for name, table in of.items():
        copy = table.copy()
        copy.insert(0, "service", name)
        named.append(copy)
    return pd.concat(named, ignore_index=True)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return milliseconds as minutes and millimetres as kilometres; missing where there is none."""
    shown = table.copy()
    times = [str(c) for c in shown.columns if str(c).endswith("_ms")]
    for column in times:
        shown[column] = shown[column].where(shown[column] >= 0) / MS_PER_MIN
    if "length_mm" in shown:
        shown["length_mm"] = shown["length_mm"] / 1e6
    in_minutes = {c: c.removesuffix("_ms") + "_min" for c in times}
    return shown.rename(columns=in_minutes | {"length_mm": "length_km"})


def by_bus(
    study: Study,
    inputs: Inputs,
    name: str,
    direct: TravelTimes,
    *,
    speed: Rule,
    persons: pd.Series[int] | None,
    homes_at: Mapping[str, pd.DataFrame],
    sites_at: Mapping[str, pd.DataFrame],
    barriers: gpd.GeoSeries | None,
) -> tuple[TravelTimes, Rule, SchoolBuses | None]:
    """Return the travel times of a service by bus, their range of speed, and its routes.

    Parameters
    ----------
    direct
        Direct driving times to all its sites.
    speed
        The range of driving speed.
    persons
        Pupils by home; everybody where None.
    homes_at, sites_at
        Attachments by network.
    barriers
        What no access leg crosses.
    """
    bus = study.services[name].bus
    assert bus is not None
    if bus.how == "direct":
        return school_bus.lower_bound(direct), speed, None
    if bus.how == "detour":
        factor = inputs.rules["bus.detour_factor"]
        times = school_bus.by_detour(
            direct,
            factor,
            walk_ms=round(inputs.rules["bus.stop_walk"].strict * MS_PER_MIN),
            wait_ms=terms(bus, inputs.rules).wait_ms,
        )
        return times, school_bus.ranged(speed, factor), None
    pupils = persons
    if pupils is None:
        pupils = inputs.demand.set_index("demand_id")["population"]
    found = _routes(study, inputs, name, direct, pupils[pupils > 0], homes_at, sites_at, barriers)
    return school_bus.by_routes(direct, found.pupils), speed, found


def by_bus_ahead(bus: Bus, rules: Mapping[str, Rule], speed: Rule, cutoff: int) -> tuple[Rule, int]:
    """Return what :func:`by_bus` will make of the range of speed and of the cutoff (ms)."""
    if bus.how != "detour":
        return speed, cutoff
    factor = rules["bus.detour_factor"]
    more = round(rules["bus.stop_walk"].strict * MS_PER_MIN) + terms(bus, rules).wait_ms
    farthest = math.floor(coverage.exact(factor.strict) * cutoff)
    return school_bus.ranged(speed, factor), min(farthest + more, LARGEST)


def _routes(
    study: Study,
    inputs: Inputs,
    name: str,
    direct: TravelTimes,
    pupils: pd.Series[int],
    homes_at: Mapping[str, pd.DataFrame],
    sites_at: Mapping[str, pd.DataFrame],
    barriers: gpd.GeoSeries | None,
) -> SchoolBuses:
    asked = study.services[name]
    bus = asked.bus
    assert bus is not None
    assert bus.seats is not None
    with_ = terms(bus, inputs.rules)
    existing = set(inputs.sites[name].sites["site_id"])
    drive, walk = inputs.networks["drive"], asked.walk
    school_at = {way: at[at["point_id"].isin(existing)] for way, at in sites_at.items()}
    home_at = homes_at[walk]

    # who can walk to a school in no more than one may walk to a stop goes on foot
    near = _on_foot(
        inputs, walk, home_at[home_at["point_id"].isin(pupils.index)], school_at[walk], pupils,
        with_, choose=False,
    )  # fmt: skip
    walkers = near.walks.rename(columns={"stop_id": "site_id"})
    walkers = walkers.assign(total_ms=walkers["walk_ms"], wait_ms=0, ride_ms=0)
    riders = pupils[~pupils.index.isin(walkers["demand_id"])]
    nearest = direct.reach(existing).loc[riders.index]
    nowhere = nearest["site_id"].isna().to_numpy()
    lost = riders[nowhere].rename("persons").rename_axis("demand_id").reset_index()
    lost = lost.assign(why=nearest["state"].to_numpy()[nowhere], total_ms=-1)
    riders, school_of = riders[~nowhere], nearest.loc[~nowhere, "site_id"]

    def attached(way: str, points: gpd.GeoSeries) -> pd.DataFrame:
        return network.attach(
            inputs.networks[way],
            points,
            max_access_m=study.network.max_access_m,
            min_component_km=study.network.min_component_km,
            barriers=barriers,
        )

    given = inputs.bus_stops.get(name)
    if given is None:
        beside = homes_at["drive"][homes_at["drive"]["point_id"].isin(riders.index)]
    else:
        beside = attached("drive", gpd.GeoSeries(given.set_index("site_id").geometry))
    places = school_bus.kerbsides(drive, beside)
    stop_at = attached("drive", places)
    stop_at = stop_at[stop_at["edge_id"] >= 0]
    places = places[places.index.isin(stop_at["point_id"])]
    chosen = _on_foot(
        inputs, walk, home_at[home_at["point_id"].isin(riders.index)], attached(walk, places),
        riders, with_, choose=given is None,
    )  # fmt: skip
    stop_at = stop_at[stop_at["point_id"].isin(chosen.stop_id)]
    plans = _plans(study, bus, with_, inputs, chosen, school_of, stop_at, school_at["drive"])
    routes = pd.concat([plan.routes for plan in plans], ignore_index=True) if plans else _none()
    mornings = school_bus.journeys(chosen, plans, school_of, wait_ms=with_.wait_ms)
    every = pd.concat([walkers, mornings, lost], ignore_index=True)[mornings.columns]
    words = ["site_id", "stop_id", "route_id", "why"]
    every[words] = every[words].fillna("")
    every[list(MORNING)] = every[list(MORNING)].fillna(-1).astype("int64")
    every = every.sort_values(["demand_id", "route_id"], kind="stable")
    halts = gpd.GeoDataFrame(
        {"stop_id": list(chosen.stop_id)},
        geometry=places.loc[list(chosen.stop_id)].to_numpy(),
        crs=inputs.crs,
    )
    return SchoolBuses(
        routes=routes,
        pupils=every.reset_index(drop=True),
        lines=school_bus.along(drive, stop_at, school_at["drive"], routes),
        stops=halts.assign(persons=halts["stop_id"].map(chosen.boarding).astype("int64")),
    )


def _none() -> pd.DataFrame:
    return pd.DataFrame(columns=list(school_bus.ROUTE_COLUMNS))


def _on_foot(
    inputs: Inputs,
    walk: str,
    homes: pd.DataFrame,
    places: pd.DataFrame,
    pupils: pd.Series[int],
    with_: Terms,
    *,
    choose: bool,
) -> school_bus.Stops:
    """Send pupils to places on foot."""
    roads = inputs.networks[walk]
    longest = round(with_.max_walk_m * 1_000)
    length = travel_time.table(roads, homes, places, impedance="length", cutoff=longest, k=0)
    # slopes and lights make a walk slow: far enough for everyone who is near by length
    cutoff = 2 * int(travel_ms(np.array([longest + 1]), roads.access_kph)[0])
    while True:
        time = travel_time.table(roads, homes, places, impedance="time", cutoff=cutoff, k=0)
        if cutoff == LARGEST or np.isin(_pairs(length), _pairs(time)).all():
            break
        cutoff = min(2 * cutoff, LARGEST)
    return school_bus.stops(length, time, pupils, max_walk_m=with_.max_walk_m, choose=choose)


def _pairs(times: TravelTimes) -> npt.NDArray[np.int64]:
    """Return the pairs of a table, each as one number."""
    row = np.repeat(np.arange(len(times.demand_id)), np.diff(times.indptr))
    result: npt.NDArray[np.int64] = row * len(times.site_id) + times.site
    return result


def _plans(
    study: Study,
    bus: Bus,
    with_: Terms,
    inputs: Inputs,
    chosen: school_bus.Stops,
    school_of: pd.Series[str],
    stop_at: pd.DataFrame,
    school_at: pd.DataFrame,
) -> list[BusRoutes]:
    """Build the routes of every school; schools share stops, not buses."""
    assert bus.seats is not None
    drive = inputs.networks["drive"]
    limit = min(bus.max_ride_min or study.network.cutoff_min, study.network.cutoff_min)
    to_school = travel_time.table(
        drive, stop_at, school_at, impedance="time", cutoff=round(limit * MS_PER_MIN), k=0
    )
    # a way between stops longer than any stop's way to school saves no driving; it may save a bus
    farthest = to_school.cutoff if bus.buses else int(to_school.value.max(initial=0))
    between = travel_time.table(drive, stop_at, stop_at, impedance="time", cutoff=farthest, k=0)
    walks = chosen.walks.assign(site_id=chosen.walks["demand_id"].map(school_of))
    plans = []
    for school, boarding in walks.groupby("site_id", sort=True):
        plans.append(
            school_bus.routes(
                between,
                to_school,
                boarding.groupby("stop_id", sort=True)["persons"].sum(),
                school=str(school),
                seats=bus.seats,
                dwell_s=with_.dwell_s,
                board_s=with_.board_s,
                max_ride_min=limit,
                buses=bus.buses,
            )
        )
    return plans
