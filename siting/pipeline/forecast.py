"""People of a scenario's year in the place of today's, as the study asks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import geopandas as gpd
import pandas as pd

from siting import demand as demand_room
from siting import tables, text
from siting.errors import StudyError
from siting.rules import Rule
from siting.study import Study


@dataclass(frozen=True)
class Forecast:
    """What a scenario assumes of the year that is shown, and what came of it."""

    scenario: str
    year: int
    town_share: float
    rules: tuple[str, ...]
    total_before: int
    towns_before: int
    total: int
    towns: int
    moved: int
    staying: tuple[str, ...]


def forecast(
    study: Study,
    demand: gpd.GeoDataFrame,
    cohorts: pd.DataFrame,
    zones: gpd.GeoDataFrame,
    rules: Mapping[str, Rule],
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame, Forecast | None]:
    """Return people and age groups of the year asked for, drops, and what was assumed."""
    people = study.people
    if people.scenario is None or people.scenario_year is None or people.year is None:
        return demand, cohorts, tables.drops_table(), None
    asked, year = people.scenarios[people.scenario], people.scenario_year
    everybody = int(demand["population"].sum())
    towns = int(demand.loc[demand["settlement"].isin(demand_room.TOWNS), "population"].sum())
    if not everybody:
        raise StudyError(
            f'study: people.scenario = "{people.scenario}" has nobody to move: the layers of '
            "people hold 0 persons. Give people, or leave scenario out."
        )
    shares: dict[int, float | Fraction] = {people.year: Fraction(towns, everybody)}
    shares |= {step.year: rules[step.town_share].strict for step in asked.years}
    totals: dict[int, float | Fraction] = {people.year: Fraction(everybody)}
    totals |= {s.year: Fraction(s.total) for s in asked.years if s.total is not None}
    if year <= people.year:
        raise StudyError(
            f"study: people.scenario_year = {year} is not after {people.year}, the year of today's "
            "people. Leave scenario out for today."
        )
    share = demand_room.on_path(shares, year)
    total = everybody if len(totals) == 1 else math.floor(
        demand_room.on_path(totals, year) + Fraction(1, 2)
    )  # fmt: skip
    zone_of = None
    if asked.within is not None:
        own = zones[zones["zoning"] == asked.within]
        zone_of = demand_room.membership(demand, own).set_index("demand_id")["zone_id"]
    found = demand_room.project(
        demand, cohorts, town_share=share, year=year, total=total, zone_of=zone_of
    )
    drops = tables.drops_table(
        [("people.scenario", z, "no town in it: its villagers stay", "kept") for z in found.staying]
    )
    # the rules of the years that the year asked for lies between
    after = next(s for s in asked.years if s.year >= year)
    before = [s for s in asked.years if s.year < year and after.year != year]
    used = dict.fromkeys([*(s.town_share for s in before[-1:]), after.town_share])
    made = Forecast(
        people.scenario, year, float(share), tuple(used), found.total_before, found.towns_before,
        found.total, found.towns, found.moved, found.staying,
    )  # fmt: skip
    return found.demand, found.cohorts, drops, made


def notes(study: Study, made: Forecast | None, rules: Mapping[str, Rule], lang: str) -> list[str]:
    """Say what was assumed of the people, for the pages."""
    if made is None:
        return []
    asked = study.people.scenarios[made.scenario]
    status = {i: text.get(f"status.{rules[i].status}", lang) for i in made.rules}
    named = [i + text.get("list.bracket", lang, x=word) for i, word in status.items()]
    within = (
        text.get("forecast.anywhere", lang) if asked.within is None
        else text.get("forecast.within", lang, zoning=_zoning(asked.within, lang))
    )  # fmt: skip
    return [
        text.get(
            "note.forecast",
            lang,
            name=asked.label(lang) or made.scenario,
            year=str(made.year),
            base=str(study.people.year),
            total=text.count(made.total),
            total_before=text.count(made.total_before),
            share=text.percent(made.towns / made.total if made.total else None),
            share_before=text.percent(made.towns_before / made.total_before),
            rules=text.joined(named, lang),
            moved=text.count(made.moved),
            within=within,
            source=asked.source or text.DASH,
        )
    ]


def _zoning(name: str, lang: str) -> str:
    return text.get(f"zoning.{name}", lang) if text.has(f"zoning.{name}") else name
