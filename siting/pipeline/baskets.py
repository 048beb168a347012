"""The baskets a study asks for: who has all of each, by level and by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from siting import baskets as data
from siting import coverage, maps, text
from siting.errors import DataError, Problem
from siting.evaluate import Service
from siting.maps import Card, Sheet
from siting.pipeline import parks
from siting.pipeline.region import Region
from siting.rules import Rule
from siting.study import Filled, Study, parks_called

APART = {"walk": "circle.no_substitute", "": "circle.rural_apart"}
"""What to know about baskets on foot, and about those by each service's own way."""


@dataclass(frozen=True, eq=False)
class Baskets:
    """What was found: tables ``baskets`` and ``basket_services``, all baskets stacked."""

    table: pd.DataFrame
    services: pd.DataFrame


def baskets(
    study: Study, here: Region, gates: parks.Entrances | None, *, max_not_assessed: float
) -> Baskets | None:
    """Return who has the whole of each basket with today's sites; None where none is asked.

    ``gates`` are the entrances of the study's parks, ``None`` where no basket takes parks.

    Raises
    ------
    DataError
        Groups of one basket that are more people than there are.
    """
    found = [
        _of_basket(study, here, made, gates, max_not_assessed=max_not_assessed)
        for made in study.filled_baskets()
    ]
    if not found:
        return None
    return Baskets(
        pd.concat([basket.table for basket in found], ignore_index=True),
        pd.concat([basket.services for basket in found], ignore_index=True),
    )


def rules_used(study: Study) -> set[str]:
    """Return the rules that pages of baskets print beside those that judge services."""
    asked = study.filled_baskets()
    kinds = data.kinds()
    used = {made.basket.rule for made in asked}
    used |= {kinds[kind].norm for made in asked for kind in made.basket.kinds} - {""}
    used |= {least for made in asked for least in made.parks.values()}
    return used | {APART[made.basket.mode] for made in asked if made.basket.mode in APART}


def _of_basket(
    study: Study,
    here: Region,
    made: Filled,
    gates: parks.Entrances | None,
    *,
    max_not_assessed: float,
) -> coverage.Basket:
    rule = here.inputs.rules[made.basket.rule]
    people = _people(here, made)
    judged = {
        kind: [
            _judged(here.service(name), here.today.open_sites(name), rule, people) for name in names
        ]
        for kind, names in made.services.items()
    }
    if made.parks:
        assert gates is not None
        green = parks.as_service(study, here, gates, way=made.walked, rule=rule)
        for kind, least in made.parks.items():
            large = parks.at_least(here.inputs.parks, here.inputs.rules[least])["park_id"]
            opened = sorted(set(large) & set(green.existing))
            judged[kind] = [_judged(green, opened, rule, people)]
    kinds = {kind: coverage.any_of(judged[kind]) for kind in made.offered}
    found = coverage.basket(
        kinds,
        here.member,
        name=made.basket.id,
        rule=rule,
        max_not_assessed=max_not_assessed,
        missing=made.missing,
    )
    named = {kind: ";".join(names) for kind, names in made.offered.items()}
    services = found.services.copy()
    place = services.columns.tolist().index("kind") + 1
    services.insert(place, "service", services["kind"].map(named).fillna("").astype("str"))
    return coverage.Basket(found.table, services)


def _people(here: Region, made: Filled) -> gpd.GeoDataFrame:
    """Return demand with those whom the basket counts as its population."""
    demand = here.inputs.demand
    if not made.groups:
        return demand
    cohorts = here.inputs.cohorts
    chosen = cohorts[cohorts["group"].isin(made.groups)]
    persons = chosen.groupby("demand_id")["persons"].sum()
    if (many := int(persons.sum())) > (every := int(demand["population"].sum())):
        raise DataError(
            Problem(
                f"baskets.{made.basket.id}.groups",
                f"{', '.join(made.groups)} are {many} people of {every}",
                "Groups that overlap count somebody twice: name groups that do not.",
            )
        )
    return demand.assign(population=coverage.whole_persons(persons, demand["demand_id"].to_numpy()))


def _judged(
    service: Service, opened: Sequence[str], rule: Rule, people: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Judge everybody by one service, as its coverage is judged, without seats."""
    impedance = coverage.thresholds(rule, speed=service.speed).impedance
    times = service.times(impedance)
    line = None
    if rule.measure == "straight_m":
        line = coverage.straight_mm(people, service.sites, opened)
    return coverage.assess(
        people,
        times.reach(opened),
        rule=rule,
        islands=service.off_the_map(times),
        speed=service.speed,
        straight=line,
        spread=service.spread.get(impedance),
        leg=service.leg,
    )


def drawn_parks(study: Study, here: Region) -> dict[str, gpd.GeoDataFrame]:
    """Return the parks that fill kinds of baskets, by what tables call them."""
    found = here.inputs.parks
    return {
        parks_called(least): parks.at_least(found, here.inputs.rules[least])
        for made in study.filled_baskets()
        for least in made.parks.values()
        if found is not None
    }


def labels_of_parks(study: Study, rules: Mapping[str, Rule]) -> dict[str, str]:
    """Return what pages call them."""
    return {
        parks_called(least): text.get(
            "basket.parks",
            study.language,
            least=text.with_unit(rules[least].strict, rules[least].unit, study.language),
        )
        for made in study.filled_baskets()
        for least in made.parks.values()
    }


def shown(study: Study, sheet: Sheet) -> list[maps.ShownBasket]:
    """Return what pages say about each basket besides its figures."""
    return [
        maps.ShownBasket(
            key=made.basket.id,
            label=study.baskets[made.basket.id].label(sheet.lang)
            or sheet.say(f"basket.{made.basket.id}"),
            rule_id=made.basket.rule,
            people=_who(study, made, sheet),
            walkers=made.basket.walkers,
            services=made.offered,
            missing=dict(made.missing),
            source=made.basket.source,
            status=made.basket.status,
            reason=made.reason,
        )
        for made in study.filled_baskets()
    ]


def _who(study: Study, made: Filled, sheet: Sheet) -> str:
    groups = study.people.groups
    named = [groups[group].label(sheet.lang) or group for group in made.groups]
    return text.joined(named, sheet.lang) if named else sheet.say("people.all")


def cards(
    found: pd.DataFrame, services: pd.DataFrame, asked: list[maps.ShownBasket], sheet: Sheet
) -> list[Card]:
    """Return what the first page says: of the first basket, and of the elderly and children."""
    told = []
    for basket in asked:
        if basket is asked[0] or basket.walkers:
            row = maps.basket_row(found, basket.key)
            share = row["complete_share_assessed"] if row is not None and not row["why"] else None
            note = "" if row is None else text.percent_range(row["share_low"], row["share_high"])
            told.append(
                Card(
                    "baskets",
                    text.percent(share),
                    maps.basket_finding(found, services, basket, sheet),
                    f"{note} · {sheet.rule_note(basket.rule_id)}",
                )
            )
    return told
