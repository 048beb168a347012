"""The pages of a run: what they say of it, what is drawn on each, and the first page's cards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

import siting
from siting import maps, text
from siting.maps import Card, Sheet
from siting.pipeline import baskets, buses, equity, forecast, parks, people, safety, zoned
from siting.pipeline.inputs import CANDIDATES, PLACES
from siting.rules import Rule
from siting.study import Study

if TYPE_CHECKING:
    from siting.pipeline import Results

MAJOR_FIRST = ("drive", "walk")  # which network draws the base map: the drivers' has motorways


def sheet_of(results: Results, rules: tuple[Rule, ...]) -> Sheet:
    """Return what stands on every page: title, sources, rules and notes."""
    study, inputs = results.study, results.region.inputs
    lang = study.language
    title = study.title_en if lang == "en" and study.title_en else study.title
    region = study.region_en if lang == "en" and study.region_en else study.region
    labels = {
        name: label for name, service in study.services.items() if (label := service.label(lang))
    }
    labels |= baskets.labels_of_parks(study, inputs.rules)
    groups = {
        name: study.people.groups[service.group].label(lang) or service.group
        for name, service in study.services.items()
        if service.group is not None
    }
    asked = {
        "baskets": results.baskets,
        "gaps": results.gaps,
        "green": results.green,
        "schools": results.closures,
        "new_sites": results.new_sites,
    }
    named = [
        maps.Source("people", "", _people_year(study, lang), study.people.source)
    ] if study.people.source else []  # fmt: skip
    layers = [
        maps.Source(_shown_layer(entry.layer), entry.file, entry.date, entry.source)
        for entry in inputs.layers
    ]
    notes = list(study.notes)
    if not study.zones:
        notes.append(text.get("note.one_region", lang))
    notes += forecast.notes(study, inputs.forecast, inputs.rules, lang)
    notes += people.notes(study, inputs.demand, inputs.uncounted, lang)
    notes += people.totals_notes(study, inputs.zones, lang)
    notes += zoned.notes(inputs.demand, inputs.membership, inputs.zones, lang)
    notes += buses.notes(study, inputs.rules, results.region.buses, lang)
    notes += safety.notes(study, lang)
    notes += equity.notes(study, results.region, lang)
    dropped = inputs.drops[inputs.drops["action"] == "dropped"]
    if len(dropped):
        notes.append(text.get("note.drops", lang, n=text.count(len(dropped))))
    return Sheet(
        title=title,
        region=region or title,
        lang=lang,
        made_on=date.today().isoformat(),
        version=siting.__version__,
        sources=tuple(named + layers),
        rules=rules,
        pages=("coverage", *(key for key, found in asked.items() if found is not None)),
        labels=labels,
        modes={name: service.way for name, service in study.services.items()},
        groups=groups,
        seated=tuple(name for name, service in study.services.items() if service.seats),
        of_baskets=tuple(
            f"{name} {rule_id}"
            for name, service in study.services.items()
            for rule_id in study.rules_of(name)
            if rule_id not in service.rules
        ),
        approval_number=study.approval_number,
        made_up=study.made_up,
        notes=tuple(notes),
        tiles=None if study.basemap is None else maps.Tiles(
            study.basemap.url, study.basemap.attribution
        ),
    )  # fmt: skip


def pages_of(
    results: Results, sheet: Sheet, tables: Mapping[str, pd.DataFrame]
) -> tuple[dict[str, str], list[Card]]:
    """Return pages by key, and what the first page says of each."""
    here, inputs = results.region, results.region.inputs
    atlas = maps.Atlas(
        sheet, inputs.zones, here.places.sites, here.offers, inputs.water, _roads(results)
    )
    today = tables["coverage"][tables["coverage"]["plan"] == here.today.name]
    pages = {
        "coverage": maps.coverage_page(
            atlas,
            today,
            areas=results.areas,
            accessibility=tables.get("accessibility"),
            equity=tables.get("equity"),
            provision=tables.get("provision"),
        )
    }
    cards = _coverage_cards(results, today, sheet)
    if results.baskets is not None:
        asked = baskets.shown(results.study, sheet)
        figures, lacks = tables["baskets"], tables["basket_services"]
        pages["baskets"] = maps.baskets_page(
            atlas, figures, lacks, asked=asked, provision=tables.get("provision"),
            parks=baskets.drawn_parks(results.study, here),
        )  # fmt: skip
        cards += baskets.cards(figures, lacks, asked, sheet)
    if results.gaps is not None:
        pages["gaps"] = maps.gaps_page(atlas, results.gaps, losses=results.losses, figures=today)
    if results.green is not None:
        pages["green"] = maps.green_page(
            atlas,
            tables["green"],
            cells=results.green.cells,
            cell_m=results.study.people.cell_m,
            parks=inputs.parks,
            entrances=results.park_entrances,
            **parks.page_parts(results),
        )
        cards += parks.cards(results, tables["green"], sheet)
    if results.closures is not None:
        found = results.closures
        pages["schools"] = maps.schools_page(
            atlas, found.ranking, found.receivers, limits=found.limits
        )
        cards.append(_closures_card(found.ranking, sheet))
    if (new := results.new_sites) is not None:
        pages["new_sites"] = maps.new_sites_page(
            atlas,
            new.solution,
            new.candidates,
            service=new.service,
            rule_id=new.rule.id,
            persons=new.persons,
            newly=new.newly,
        )
        gained = new.solution.objective - new.solution.already
        cards.append(
            Card(
                "new_sites",
                f"+{text.count(gained)}",
                maps.new_sites_finding(new.solution, new.persons, new.service, new.rule.id, sheet),
                sheet.rule_note(new.rule.id),
            )
        )
    return pages, cards


def _people_year(study: Study, lang: str) -> str:
    people = study.people
    if people.scenario is None:
        return str(people.year or "")
    name = people.scenarios[people.scenario].label(lang) or people.scenario
    return text.get("forecast.date", lang, year=str(people.scenario_year), name=name)


def _shown_layer(name: str) -> str:
    return "candidates" if name in (CANDIDATES, PLACES) else name.removeprefix("services.")


def _coverage_cards(results: Results, today: pd.DataFrame, sheet: Sheet) -> list[Card]:
    cards = []
    rows = today[
        (today["level"] == "region")
        & (today["settlement"] == "judged")
        & (today["zoning"] == results.region.zoning)
    ].set_index(["service", "rule_id"])
    for name, service in results.study.services.items():
        for rule_id in service.rules[:1]:
            if (name, rule_id) not in rows.index:  # the rule judges nobody here
                said = maps.finding(today, name, rule_id, sheet)
                cards.append(Card("coverage", text.DASH, said, sheet.rule_note(rule_id)))
                continue
            row: Any = rows.loc[(name, rule_id)]
            note = text.percent_range(row["share_low"], row["share_high"])
            if pd.notna(row["target_share"]):
                verdict = sheet.say(f"verdict.{row['verdict']}")
                target = text.percent(row["target_share"])
                note += f" · {sheet.say('finding.target', target=target, verdict=verdict)}"
            if pd.notna(row["straight_share_assessed"]):
                straight = text.percent(row["straight_share_assessed"])
                note += f" · {sheet.say('figure.straight_share_assessed')} {straight}"
            cards.append(
                Card(
                    "coverage",
                    text.percent(row["covered_share_assessed"])
                    if maps.is_judged(row, sheet)
                    else text.DASH,
                    maps.finding(today, name, rule_id, sheet),
                    f"{note} · {sheet.rule_note(rule_id)}",
                )
            )
    return cards


def _closures_card(ranking: pd.DataFrame, sheet: Sheet) -> Card:
    kept = int((ranking["unserved_after"] > 0).sum())
    service = str(ranking["service"].iloc[0]) if len(ranking) else ""
    return Card(
        "schools",
        f"{text.count(kept)} / {text.count(len(ranking))}",
        maps.schools_finding(ranking, service, sheet),
        sheet.rule_note("school.keep_needed_small"),
    )


def _roads(results: Results) -> gpd.GeoDataFrame:
    """Return the roads of the base map."""
    networks = results.region.inputs.networks
    drawn = next(networks[way] for way in (*MAJOR_FIRST, *networks) if way in networks)
    return gpd.GeoDataFrame({"highway": drawn.highway}, geometry=drawn.geometry, crs=drawn.crs)
