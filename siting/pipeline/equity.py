"""Supply per 1,000 persons of each service that asks, and how far zones are apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from siting import access, coverage, text
from siting.access import FloatingCatchment
from siting.coverage import PER_UNIT
from siting.evaluate import Service, spread
from siting.pipeline.region import MAX_NOT_ASSESSED, Region
from siting.study import Study

WEIGHTS = ("e2sfca.weight_near", "e2sfca.weight_middle", "e2sfca.weight_far")
FIGURES = ("covered_share_assessed", "per_1000_2sfca", "per_1000_e2sfca", "mean_time_min")
ZONES = (
    *("level", "service", "zoning", "zone_id", "catchment", "persons", "not_assessed"),
    *("per_1000_2sfca", "per_1000_e2sfca", "why", "supply", "unreached_supply"),
)
SITES = (
    *("service", "site_id", "name", "catchment", "supply", "reached"),
    *("demand_persons", "per_1000_2sfca", "per_1000_e2sfca"),
)
EQUITY = (
    *("figure", "service", "rule_id", "zoning", "zones", "persons", "left_out_persons"),
    *("gini", "ratio", "ratio_of", "why"),
)


@dataclass(frozen=True, eq=False)
class Accessibility:
    """2SFCA and E2SFCA of today's sites, all services that ask for it stacked.

    ``zones`` has a row a zone and one for the whole region (``level``), which also says how much
    supply there is and how much of it nobody has within the catchment; ``sites`` a row a site.
    ``why`` is ``not_assessed`` where that is more than ``judge.max_not_assessed`` of the people:
    the figure of the others is no figure of the zone, and pages show none.
    """

    zones: pd.DataFrame
    sites: pd.DataFrame


def supplies(study: Study, here: Region) -> dict[str, pd.Series[int]]:
    """Return the supply by site of each service that asks for accessibility.

    Raises
    ------
    DataError
        An open site whose capacity is unknown.
    """
    return {
        service.name: access.supply_of(
            here.offers, service.name, here.today.open_sites(service.name)
        )
        for service in here.services
        if study.services[service.name].access is not None
    }


def accessibility(study: Study, here: Region) -> Accessibility | None:
    """Return supply per 1,000 persons by zone and site, or None where no service asks."""
    weights = tuple(here.inputs.rules[name].strict for name in WEIGHTS)
    zones, sites = [], []
    for name, supply in supplies(study, here).items():
        asked = study.services[name].access
        assert asked is not None
        number, unit = asked.catchment.split()
        end = math.floor(Fraction(number) * PER_UNIT[unit])
        service = here.service(name)
        times = service.times("time" if unit == "min" else "length")
        plain, weighted = (
            access.floating_catchment(
                times,
                supply,
                here.persons(service),
                bands=access.bands(end, told),
                islands=times.islands(service.existing),
            )
            for told in ((1.0,), weights)
        )
        zones.append(_zones(here, plain, weighted).assign(service=name, catchment=asked.catchment))
        named = here.places.sites.set_index("site_id")["name"]
        sites.append(
            plain.sites.rename(columns={"per_1000": "per_1000_2sfca"}).assign(
                per_1000_e2sfca=weighted.sites["per_1000"],
                demand_persons=plain.sites["demand_persons"].astype("int64"),
                service=name,
                catchment=asked.catchment,
                name=plain.sites["site_id"].map(named),
            )
        )
    if not zones:
        return None
    return Accessibility(
        zones=pd.concat(zones, ignore_index=True)[list(ZONES)],
        sites=pd.concat(sites, ignore_index=True)[list(SITES)],
    )


def _zones(here: Region, plain: FloatingCatchment, weighted: FloatingCatchment) -> pd.DataFrame:
    """Return both figures by zone, and for the region of each zoning."""
    limit = here.inputs.rules[MAX_NOT_ASSESSED].strict
    member = here.inputs.membership
    member = member[member["demand_id"].isin(set(plain.points["demand_id"]))]
    whole = member.assign(zone_id="")
    found = []
    for level, of in (("region", whole), ("zone", member)):
        table = access.by_zone(plain.points, of).rename(columns={"per_1000": "per_1000_2sfca"})
        table["per_1000_e2sfca"] = access.by_zone(weighted.points, of)["per_1000"]
        table["why"] = [
            "not_assessed" if coverage.too_many(left, persons, limit) else ""
            for left, persons in zip(table["not_assessed"], table["persons"], strict=True)
        ]
        table["level"] = level
        for column, amount in (("supply", plain.supply), ("unreached_supply", plain.unreached)):
            table[column] = pd.array(
                [amount if level == "region" else pd.NA] * len(table), dtype="Int64"
            )
        found.append(table)
    return pd.concat(found, ignore_index=True)


def between_zones(
    here: Region, figures: pd.DataFrame, found: Accessibility | None, *, max_not_assessed: float
) -> pd.DataFrame:
    """Return Gini and Palma of every figure between the zones of every zoning of two or more.

    A zone is compared if its figure may be stated: no more than ``max_not_assessed`` of its people
    are left out of it. Where more than that share of the people the figure is about are left out,
    nothing is compared.

    Parameters
    ----------
    here
        The region, whose services and today's plan are compared.
    figures
        From :func:`siting.report.coverage_figures`.
    found
        From :func:`accessibility`.
    max_not_assessed
        Share of people (0–1).

    Returns
    -------
    DataFrame
        ``figure`` (a column of the coverage or accessibility table, or ``mean_time_min``: to the
        nearest site, of those who reach one), ``service``, ``rule_id`` (``""`` where the figure is
        of no rule), ``zoning``; ``zones`` and ``persons`` compared, ``left_out_persons`` (not
        judged by the rule, not assessed, not reached, in a zone that is not compared, or outside
        every zone); ``gini``, ``ratio``, ``ratio_of``; ``why``, ``left_out`` where they are too
        many to compare the rest.
    """
    shares = figures[
        (figures["plan"] == here.today.name)
        & (figures["level"] == "zone")
        & (figures["settlement"] == "judged")
    ]
    parts = [
        shares.assign(
            figure=FIGURES[0],
            value=shares[FIGURES[0]],
            counted=shares["persons"] - shares["not_assessed"],
        )
    ]
    if found is not None:
        zones = found.zones[found.zones["level"] == "zone"]
        counted = zones["persons"] - zones["not_assessed"]
        parts += [
            zones.assign(figure=name, rule_id="", value=zones[name], counted=counted)
            for name in FIGURES[1:3]
        ]
    parts += [_times(here, service) for service in here.services if service.time is not None]
    columns = ["figure", "service", "rule_id", "zoning", "zone_id", "value", "counted", "persons"]
    table = pd.concat([part[columns] for part in parts], ignore_index=True)
    silent = [
        coverage.too_many(whole - counted, whole, max_not_assessed)
        for counted, whole in zip(table["counted"], table["persons"], strict=True)
    ]
    table.loc[silent, "value"] = np.nan
    order = pd.Categorical(table["figure"], FIGURES, ordered=True)
    table = table.assign(figure=order)
    # shares are of whom the rule judges: who is not judged is left out of them like the others
    everybody = {s.name: int(here.persons(s).sum()) for s in here.services}
    rows = []
    for keys, part in table.groupby(columns[:4], sort=True, observed=True):
        inside = part[part["zone_id"] != ""]
        if len(inside) < 2:
            continue
        told = access.equity(inside["value"].tolist(), inside["counted"].tolist())
        left, why = everybody[str(keys[1])] - told.persons, ""
        whole = int(part["persons"].sum())
        if coverage.too_many(whole - told.persons, whole, max_not_assessed):
            told, why = told._replace(gini=math.nan, ratio=math.nan, ratio_of=""), "left_out"
        rows.append((*map(str, keys), told.zones, told.persons, left, *told[2:], why))
    return pd.DataFrame(rows, columns=list(EQUITY))


def _times(here: Region, service: Service) -> pd.DataFrame:
    """Return the mean time to the nearest site open today, by zone, of those who reach one."""
    times = service.times("time")
    reach = times.reach(here.today.open_sites(service.name))
    persons = coverage.whole_persons(here.persons(service), times.demand_id)
    member = coverage.members(pd.Series(reach.index), here.member)
    counted = persons * (reach["state"] == "reached").to_numpy(dtype=bool)
    everybody = pd.Series("", index=reach.index)  # of all classes together
    table = member.summed(pd.DataFrame({"persons": persons, "counted": counted}), everybody)
    table["value"] = spread(
        reach["impedance"].to_numpy(dtype=np.int64)[member.at],
        counted[member.at],
        group=member.zone,
        groups=len(table),
    ).mean
    return table.assign(figure=FIGURES[3], service=service.name, rule_id="")


def notes(study: Study, here: Region, lang: str) -> list[str]:
    """Say whose supply is counted, and how far; and what figures between zones mean."""
    apart = here.inputs.zones.groupby("zoning").size().max() >= 2
    told = [text.get("note.equity", lang)] if apart else []
    asked = [
        f"{service.label(lang) or name} {service.access.catchment}"
        for name, service in study.services.items()
        if service.access is not None
    ]
    if asked:
        told.append(text.get("note.accessibility", lang, services=text.joined(asked, lang)))
    return told
