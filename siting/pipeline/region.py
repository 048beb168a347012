"""The inputs of a study joined: homes and sites on the networks, travel times computed once."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import (
    coverage,
    demand,
    kernels,
    load,
    network,
    plan,
    travel_time,
)
from siting.errors import StudyError
from siting.evaluate import Service
from siting.load import Sites
from siting.network import RoadNetwork
from siting.pipeline import seats
from siting.pipeline.buses import SchoolBuses, by_bus, by_bus_ahead
from siting.pipeline.inputs import Inputs
from siting.pipeline.road_layer import road_defects, walls
from siting.pipeline.roads import SPEED_RULE, ways
from siting.pipeline.steps import Steps
from siting.pipeline.workers import side_by_side
from siting.plan import Plan
from siting.rules import Rule
from siting.study import Study

LEG_RULE = "attach.leg_detour"
MAX_NOT_ASSESSED = "judge.max_not_assessed"


@dataclass(frozen=True, eq=False)
class Region:
    """The inputs with everything joined that all questions share.

    ``places`` are all sites of all services, candidates included; ``offers`` those of existing
    sites; ``homes_at`` is by way of travelling and has demand and residential land, ``sites_at``
    the entrances of ``places``; ``access``
    lists points that are not on their nearest road; ``buses`` are the routes of services that have
    them.
    """

    inputs: Inputs
    places: Sites
    offers: pd.DataFrame
    today: Plan
    services: tuple[Service, ...]
    buses: Mapping[str, SchoolBuses]
    homes_at: Mapping[str, pd.DataFrame]
    sites_at: Mapping[str, pd.DataFrame]
    access: pd.DataFrame
    road_defects: gpd.GeoDataFrame
    zoning: str

    def service(self, name: str) -> Service:
        """Return the service of that name."""
        return next(s for s in self.services if s.name == name)

    def people(self, service: Service) -> gpd.GeoDataFrame:
        """Return demand with the people of the service's group as its population."""
        return service.people(self.inputs.demand)

    @cached_property
    def member(self) -> coverage.Members:
        """The zones of demand points, looked up once for all questions."""
        return coverage.members(self.inputs.demand["demand_id"], self.inputs.membership)

    def persons(self, service: Service) -> pd.Series[int]:
        """Return the people of the service's group by demand id."""
        counted: pd.Series[int] = self.people(service).set_index("demand_id")["population"]
        return counted


class _Attached(NamedTuple):
    """Homes and entrances on a network, and homes in however small a part of it."""

    homes: pd.DataFrame
    sites: pd.DataFrame
    nearest: pd.DataFrame

    @property
    def ids(self) -> pd.Series[str]:
        """The homes that are there."""
        return self.homes["point_id"]

    def of(self, homes: gpd.GeoSeries) -> _Attached:
        """Return the same of some of the homes, in the order they have here."""
        parts = (part[coverage.among(part["point_id"], homes.index)] for part in self[::2])
        few, nearest = (part.reset_index(drop=True) for part in parts)
        return _Attached(few, self.sites, nearest)


def _attached(
    study: Study, inputs: Inputs, roads: RoadNetwork, homes: gpd.GeoSeries, gates: gpd.GeoSeries
) -> _Attached:
    """Attach homes and entrances to a network."""
    options, barriers = study.network, walls_of(inputs)

    def on(points: gpd.GeoSeries, min_component_km: float) -> pd.DataFrame:
        return network.attach(
            roads,
            points,
            max_access_m=options.max_access_m,
            min_component_km=min_component_km,
            barriers=barriers,
        )

    homes_at = on(homes, options.min_component_km)
    sites_at = on(gates, options.min_component_km)
    # who lives on an island too small to attach to is counted there in the list of defects
    other = (homes_at["why"] != "").to_numpy()
    nearest = [homes_at[~other], on(homes[other], 0)]
    return _Attached(homes_at, sites_at, pd.concat(nearest, ignore_index=True))


def steps_of(study: Study) -> int:
    """Return how many steps :func:`region` takes."""
    return len(ways(study)) + len(study.services)


def join(study: Study, inputs: Inputs, *, step: Steps, workers: int | None = None) -> Region:
    """Attach everything to the networks and compute travel times once for all questions.

    ``workers`` as in :func:`siting.pipeline.workers.side_by_side`.

    Raises
    ------
    StudyError
        Searches stop short of what the rules look at; all services at once, before the first step.
    """
    _check_cutoffs(study, inputs)
    every = [*inputs.sites.values(), *([inputs.candidates] if inputs.candidates else [])]
    joined = load.join_sites(every)
    existing = joined.sites[joined.sites["status"] == "existing"]
    offers = pd.concat([s.offers for s in inputs.sites.values()], ignore_index=True)
    at: dict[str, _Attached] = {}
    losses = []
    for way, roads in inputs.networks.items():
        step(f"attach: {way}")
        homes, gates = points_of(study, inputs, joined, way)
        twins = (w for w in at if network.same_streets(inputs.networks[w], roads))
        # whoever walks slower stands on the same street; land is attached to some ways only
        twin = next((at[w] for w in twins if coverage.among(homes.index, at[w].ids).all()), None)
        at[way] = _attached(study, inputs, roads, homes, gates) if twin is None else twin.of(homes)
        losses += [
            _losses(points, what, way, inputs.demand)
            for what, points in (("demand", at[way].homes), ("sites", at[way].sites))
        ]
    homes_at = {way: found.homes for way, found in at.items()}
    sites_at = {way: found.sites for way, found in at.items()}
    names = sorted(study.services)
    found = []
    with contextlib.closing(
        services_on(study, inputs, names, homes_at, sites_at, workers=workers)
    ) as timed:
        for name in names:
            step(f"travel times: {name}")
            found.append(next(timed))
    return Region(
        inputs=inputs,
        places=joined,
        offers=offers,
        today=plan.today(offers, existing),
        services=tuple(service for service, _ in found),
        buses={service.name: lines for service, lines in found if lines is not None},
        homes_at=homes_at,
        sites_at=sites_at,
        access=pd.concat(losses, ignore_index=True),
        road_defects=road_defects(
            inputs.networks,
            inputs.road_lines,
            homes_at={way: found.nearest for way, found in at.items()},
            persons=inputs.demand.set_index("demand_id")["population"],
        ),
        zoning=str(inputs.zones["zoning"].iloc[0]),
    )


def points_of(
    study: Study, inputs: Inputs, places: Sites, way: str
) -> tuple[gpd.GeoSeries, gpd.GeoSeries]:
    """Return what is attached to the network of a way of travelling: homes, and entrances."""
    homes = inputs.demand.set_index("demand_id").geometry
    if way == "walk" and inputs.land is not None and study.people.spread != "residential":
        homes = pd.concat([homes, inputs.land.set_index("demand_id").geometry])
    gates = places.entrances.set_index("site_id").geometry
    return gpd.GeoSeries(homes, crs=inputs.crs), gpd.GeoSeries(gates, crs=inputs.crs)


def services_on(
    study: Study,
    inputs: Inputs,
    names: Sequence[str],
    homes_at: Mapping[str, pd.DataFrame],
    sites_at: Mapping[str, pd.DataFrame],
    *,
    workers: int | None = None,
) -> Generator[tuple[Service, SchoolBuses | None], None, None]:
    """Yield the services with their travel times, in this order, computed side by side.

    ``workers`` as in :func:`siting.pipeline.workers.side_by_side`; the cores are shared out among
    them, so that searches do not stand in each other's way.
    """
    cores = kernels.default_threads()
    threads = max(1, cores // max(1, min(workers or cores, len(names))))
    return side_by_side(
        lambda name: _service_on(study, inputs, name, homes_at, sites_at, threads),
        names,
        workers=workers,
    )


def _service_on(
    study: Study,
    inputs: Inputs,
    name: str,
    homes_at: Mapping[str, pd.DataFrame],
    sites_at: Mapping[str, pd.DataFrame],
    threads: int,
) -> tuple[Service, SchoolBuses | None]:
    """Compute the travel times of one service to all its sites, candidates included."""
    asked = study.services[name]
    capacity = seats.of_service(study, inputs, name)
    parts = [inputs.sites[name]]
    new = study.decide.new_sites
    if new is not None and new.service == name and inputs.candidates is not None:
        parts.append(inputs.candidates)
    sites = load.join_sites(parts).sites
    existing = tuple(sorted(inputs.sites[name].sites["site_id"]))
    judged_by = _judged_by(study, inputs, name)
    speed = inputs.rules[SPEED_RULE[asked.road]]
    by_length = asked.access is not None and asked.access.catchment.endswith(" m")
    at = sites_at[asked.road]
    at = at[coverage.among(at["point_id"], sites["site_id"])]
    homes = homes_at[asked.road]
    homes = homes[coverage.among(homes["point_id"], inputs.demand["demand_id"])]
    roads = inputs.networks[asked.road]
    time = travel_time.table(
        roads,
        homes,
        at,
        impedance="time",
        cutoff=round(study.network.cutoff_min * 60_000),
        threads=threads,
    )
    length = None
    if by_length or any(rule.measure in ("network_m", "straight_m") for rule in judged_by):
        length = travel_time.table(
            roads,
            homes,
            at,
            impedance="length",
            cutoff=round(study.network.cutoff_km * 1_000_000),
            threads=threads,
        )
    persons = None
    if asked.group is not None:
        group = inputs.cohorts[inputs.cohorts["group"] == asked.group]
        persons = group.set_index("demand_id")["persons"]
    lines = None
    if asked.bus is not None:
        time, speed, lines = by_bus(
            study, inputs, name, time, speed=speed, persons=persons, homes_at=homes_at,
            sites_at=sites_at, barriers=walls_of(inputs),
        )  # fmt: skip
    service = Service(
        name=name,
        rules=judged_by,
        existing=existing,
        sites=sites,
        time=time,
        length=length,
        persons=persons,
        speed=speed,
        spread=spread_on(study, inputs, roads),
        leg=inputs.rules[LEG_RULE],
        capacity=capacity,
    )
    return service, lines


def spread_on(
    study: Study, inputs: Inputs, roads: network.RoadNetwork
) -> dict[str, pd.Series[int]]:
    """Return by ``length`` and ``time`` how far people may live from their point, in mm and ms."""
    apart = demand.spread_mm(inputs.demand, within_m=study.people.within_m)
    # at the pace of access legs, whatever people take afterwards
    walked = network.travel_ms(np.asarray(apart, dtype=np.int64), roads.access_kph)
    return {"length": apart, "time": pd.DataFrame({"ms": walked}, index=apart.index)["ms"]}


def walls_of(inputs: Inputs) -> gpd.GeoSeries | None:
    """Return what no access leg may cross: water surfaces and the study's barriers."""
    return walls(inputs.water, inputs.barriers)


def _judged_by(study: Study, inputs: Inputs, name: str) -> tuple[Rule, ...]:
    """Return the rules of a service, that of new sites for it included."""
    rules = list(study.rules_of(name))
    new = study.decide.new_sites
    if new is not None and new.service == name and new.rule not in rules:
        rules.append(new.rule)
    return tuple(inputs.rules[rule_id] for rule_id in rules)


def _check_cutoffs(study: Study, inputs: Inputs) -> None:
    """Refuse searches that stop short of what a rule looks at.

    Where seats are counted every pair matters up to the loose end, where people live as near as may
    be and walk no access leg: the most that this can come to is asked for.
    """
    options = study.network
    apart = demand.spread_mm(inputs.demand, within_m=study.people.within_m)
    nearer_mm = int(apart.max() if len(apart) else 0) + round(options.max_access_m * 1_000)
    told = []
    for name, asked in sorted(study.services.items()):
        speed = inputs.rules[SPEED_RULE[asked.road]]
        pace = inputs.networks[asked.road].access_kph
        # a part and the whole of a way are rounded each by itself
        nearer_ms = int(network.travel_ms(np.array([nearer_mm]), pace)[0]) + 1
        for rule in _judged_by(study, inputs, name):
            by_time = coverage.thresholds(rule, speed=speed).impedance == "time"
            key, stops, unit, per, nearer = (
                ("cutoff_min", options.cutoff_min, "min", 60_000, nearer_ms)
                if by_time
                else ("cutoff_km", options.cutoff_km, "km", 1_000_000, nearer_mm)
            )
            cutoff = round(stops * per)
            judged = coverage.thresholds(rule, speed=speed).judged
            short = f"network.{key} = {stops:g} stops short of services.{name}: "
            if judged > cutoff:
                told.append(
                    f"{short}rule {rule.id} looks {judged / per:g} {unit} far. "
                    "Set it to that or more."
                )
            elif asked.seats is not None:
                pace_of = speed
                if by_time and asked.bus is not None:
                    pace_of, cutoff = by_bus_ahead(asked.bus, inputs.rules, speed, cutoff)
                loose = coverage.thresholds(rule, speed=pace_of).high + nearer
                if loose > cutoff:
                    more = math.ceil((loose - cutoff + round(stops * per)) / per * 10) / 10
                    told.append(
                        f"{short}its seats are counted, and the loose end of rule {rule.id} may "
                        f"look {loose / per:.1f} {unit} far. Set it to {more:g} or more."
                    )
        told += _short_catchment(study, name)
    if told:
        raise StudyError("\n".join(told))


def _short_catchment(study: Study, name: str) -> list[str]:
    """Say where the search stops short of a service's catchment."""
    access, options = study.services[name].access, study.network
    if access is None:
        return []
    number, unit = access.catchment.split()
    key, stops = (
        ("cutoff_min", options.cutoff_min) if unit == "min" else ("cutoff_km", options.cutoff_km)
    )
    end = float(number) if unit == "min" else float(number) / 1_000
    told = (
        f"network.{key} = {stops:g} stops short of services.{name}: its access.catchment "
        f"is {access.catchment}. Set it to {end:g} or more, or the catchment nearer."
    )
    return [told] if end > stops else []


def _losses(at: pd.DataFrame, what: str, way: str, demand: gpd.GeoDataFrame) -> pd.DataFrame:
    """List points that are not attached, or not to their nearest road."""
    lost = at[at["why"] != ""]
    persons = demand.set_index("demand_id")["population"]
    return pd.DataFrame(
        {
            "mode": way,
            "table": what,
            "point_id": lost["point_id"].to_numpy(),
            "why": lost["why"].to_numpy(),
            "access_m": np.where(lost["access_mm"] >= 0, lost["access_mm"] / 1_000, np.nan),
            "persons": lost["point_id"].map(persons).astype("Int64").to_numpy(),
        }
    )
