"""The questions of a study, asked of its inputs: every one goes through the same travel times."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import (
    coverage,
    evaluate,
    locate,
    merger,
    network,
)
from siting.errors import StudyError
from siting.evaluate import Evaluation, Service
from siting.locate import Solution
from siting.merger import LeaveOneOut
from siting.pipeline.region import Region
from siting.plan import Plan
from siting.rules import Rule
from siting.study import Study

GAP_LINK_M = 200.0  # neighbours of one gap: a short walk apart


@dataclass(frozen=True, eq=False)
class NewSites:
    """What the location question found, and who is covered by it who was not."""

    solution: Solution
    rule: Rule
    service: str
    persons: int
    candidates: pd.DataFrame
    newly: gpd.GeoDataFrame


def evaluated(here: Region, asked: Plan, *, today: Evaluation | None = None) -> Evaluation:
    """Evaluate one Plan for the services it decides about.

    ``today`` is the evaluation of today's Plan in the same region, where it is known: services that
    the Plan leaves as they are today are then not evaluated again.

    Raises
    ------
    StudyError
        The Plan opens other schools than today's where bus routes were built for these.
    """
    for name in sorted(here.buses.keys() & set(asked.services)):
        if asked.open_sites(name) != here.today.open_sites(name):
            raise StudyError(
                f"plan {asked.name}: services.{name} goes by bus routes, which are built for "
                'today\'s schools only. Set bus.how = "detour" to evaluate other schools.'
            )
    names = [
        name
        for name in asked.services
        if today is None
        or asked.open_sites(name) != here.today.open_sites(name)
        or asked.seats(name) != here.today.seats(name)
    ]
    found = evaluate.evaluate(
        asked,
        services=[s for s in here.services if s.name in names],
        demand=here.inputs.demand,
        membership=here.member,
        zoning=here.zoning,
    )
    return found if today is None else evaluate.as_before(asked, today, found)


def gaps(here: Region) -> gpd.GeoDataFrame:
    """Return the places that each service leaves out today, all rules stacked."""
    found = []
    for service in here.services:
        opened = here.today.open_sites(service.name)
        people = here.people(service)
        line = coverage.straight_mm(people, service.sites, opened)
        for rule in service.rules:
            limits = coverage.thresholds(rule, speed=service.speed)
            times = service.times(limits.impedance)
            found.append(
                coverage.gaps(
                    people,
                    here.member,
                    times.reach(opened),
                    zoning=here.zoning,
                    service=service.name,
                    rule=rule,
                    link_m=GAP_LINK_M,
                    islands=times.islands(service.existing),
                    speed=service.speed,
                    straight=line if rule.measure == "straight_m" else None,
                    crow=_crow(service, limits.impedance, line),
                    seats=_seats(here, service, limits.impedance),
                )
            )
    filled = [table for table in found if len(table)] or found[:1]
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), crs=here.inputs.crs)


def _crow(service: Service, impedance: str, line: pd.Series[int]) -> pd.Series[int] | None:
    """Return the straight line as an impedance; None for minutes of those who do not walk.

    How fast a road would be driven that is not there, nobody knows.
    """
    if impedance == "length":
        return line
    if service.speed is None or service.speed.measure != "speed_kph":
        return None
    mm = np.asarray(line.to_numpy(), dtype=np.int64)
    ms = np.where(mm >= 0, network.travel_ms(np.maximum(mm, 0), service.speed.strict), -1)
    return pd.DataFrame({"ms": ms}, index=line.index)["ms"]


def _seats(here: Region, service: Service, impedance: str) -> coverage.Seats | None:
    """Return today's seats of a service, None where it counts none."""
    if service.capacity is None:
        return None
    opened = here.today.open_sites(service.name)
    return coverage.Seats(service.times(impedance), opened, service.capacity)


def losses(here: Region) -> pd.DataFrame:
    """Return what is lost if each facility open today shuts alone, all services and rules."""
    found = []
    for service in here.services:
        for rule in service.rules:
            times = service.times(coverage.thresholds(rule).impedance)
            found.append(
                coverage.losses(
                    here.people(service),
                    here.member,
                    times,
                    zoning=here.zoning,
                    service=service.name,
                    rule=rule,
                    opened=here.today.open_sites(service.name),
                    sites=service.sites,
                    islands=times.islands(service.existing),
                    seats=_seats(here, service, times.impedance),
                )
            )
    return pd.concat(found, ignore_index=True)


def closures(here: Region, service_name: str) -> LeaveOneOut:
    """Close every open site of the service alone."""
    service = here.service(service_name)
    return merger.leave_one_out(
        service.times("time"),
        here.offers,
        here.persons(service),
        service=service_name,
        plan=here.today,
        rules=[r for r in service.rules if r.measure == "time_min"],
        sites=here.places.sites,
    )


def new_sites(study: Study, here: Region) -> NewSites:
    """Find the best new sites among the candidates, by maximal covering."""
    asked = study.decide.new_sites
    assert asked is not None
    assert here.inputs.candidates is not None
    service, rule = here.service(asked.service), here.inputs.rules[asked.rule]
    limits = coverage.thresholds(rule, speed=service.speed)
    times = service.times(limits.impedance)
    if not coverage.may_pass(rule, times.bound):
        raise StudyError(
            f"decide.new_sites: direct driving time is a lower bound for services.{service.name} "
            f'by bus and cannot show that the hard rule {rule.id} is kept. Set bus.how = "detour".'
        )
    people = here.people(service)
    opened = here.today.open_sites(service.name)
    before = coverage.assess(
        people,
        times.reach(opened),
        rule=rule,
        islands=times.islands(service.existing),
        speed=service.speed,
    )
    counts = (
        before["assessed"]
        & before["settlement"].isin(rule.judges)
        & (here.member.of(here.zoning) != "")
    ).to_numpy()
    persons = before.set_index("demand_id")["persons"][counts]
    candidates = here.inputs.candidates.sites
    candidates = candidates[~candidates["site_id"].isin(opened)]
    solution = locate.mclp(
        times,
        persons,
        threshold=limits.judged,
        n_new=asked.n_new,
        candidates=candidates["site_id"].tolist(),
        fixed=opened,
        time_limit_s=asked.time_limit_s,
        base=here.today,
        service=service.name,
        name="new_sites",
    )
    pairs = times.frame()
    within = coverage.is_covered(pairs["impedance"].to_numpy(), limits.judged)
    uncovered = set(before.loc[counts & ~before["covered"].to_numpy(), "demand_id"])
    pairs = pairs[within & pairs["demand_id"].isin(uncovered).to_numpy()]
    gained = pairs["demand_id"].map(persons)
    alone = gained.groupby(pairs["site_id"]).sum()
    table = candidates[["site_id", "name"]].assign(
        new_persons=candidates["site_id"].map(alone).fillna(0).astype("int64"),
        chosen=candidates["site_id"].isin(solution.chosen),
    )
    served = set(pairs.loc[pairs["site_id"].isin(solution.chosen), "demand_id"])
    newly = here.inputs.demand[here.inputs.demand["demand_id"].isin(served)]
    newly = newly.assign(persons=newly["demand_id"].map(persons).astype("int64"))
    return NewSites(
        solution=solution,
        rule=rule,
        service=service.name,
        persons=int(persons.sum()),
        candidates=table.reset_index(drop=True),
        newly=newly[["demand_id", "persons", "geometry"]].reset_index(drop=True),
    )
