"""From results to files: tables, layers, pages and the run's record, all from the same tables."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

import siting
from siting import green as green_room
from siting import maps, report, text
from siting.errors import StudyError
from siting.maps import Card, Sheet
from siting.pipeline import buses, equity, forecast, people, road_layer, safety
from siting.pipeline.inputs import CANDIDATES
from siting.pipeline.region import LEG_RULE
from siting.pipeline.roads import SPEED_RULE, ways
from siting.rules import Rule
from siting.study import Study

if TYPE_CHECKING:
    from siting.pipeline import Results

MAX_NOT_ASSESSED = "judge.max_not_assessed"
CLOSURE_RULES = ("school.keep_needed_small", "school.build_before_closing", "school.hearing")
GREEN_LABELS = {"see_green_300", "park_500", "park_radius_rate"}
LIBRARIES = (
    "exactextract", "geopandas", "highspy", "numba", "numpy", "osmium", "pandas", "pyproj",
    "rasterio", "shapely",
)  # fmt: skip
MAJOR_FIRST = ("drive", "walk")  # which network draws the base map: the drivers' has motorways


def write(
    results: Results, *, tables_folder: Path, maps_folder: Path, seconds: Callable[[], float]
) -> tuple[str, ...]:
    """Write everything at once, or nothing; return the findings in sentences.

    Parameters
    ----------
    results
        From :func:`siting.run`.
    tables_folder, maps_folder
        Where tables and pages go.
    seconds
        Time since the run began, asked when the record is made.
    """
    study, inputs = results.study, results.region.inputs
    rules = _rules_used(results)
    sheet = _sheet(results, rules)
    limit = inputs.rules[MAX_NOT_ASSESSED].strict
    tables = _tables(results, limit)
    pages, cards = _pages(results, sheet, tables, limit)
    pages["index"] = maps.index_page(
        cards, sheet=sheet, files=[f"tables/{name}.csv" for name in tables]
    )
    record = _record(results, rules, tables, seconds())
    try:
        report.write_outputs(
            tables_folder,
            tables=tables,
            layers=_layers(results, tables),
            pages=pages,
            run=record,
            lang=study.language,
            title=sheet.title,
            rules=rules,
            sources=sheet.sources,
            notes=sheet.notes,
            made_up=study.made_up,
            maps_dir=maps_folder,
        )
    except (
        OSError,
        DataSourceError,
        DataLayerError,
        FeatureError,
    ) as error:  # a full or a vanished disk, a file held open
        why = getattr(error, "strerror", None) or str(error)
        raise StudyError(
            f"results: {tables_folder} cannot be written: {why}. Free some space, close what "
            "holds the files open, or name another folder with --out; earlier results are as they "
            "were."
        ) from error
    return tuple(card.finding for card in cards)


def _rules_used(results: Results) -> tuple[Rule, ...]:
    """Return every rule whose number entered a figure, in the order of the rule files."""
    inputs = results.region.inputs
    used = {rule.id for service in results.region.services for rule in service.rules}
    used |= {service.target for service in results.study.services.values() if service.target}
    used |= {MAX_NOT_ASSESSED, LEG_RULE}
    # access legs are walked by adults, whatever the mode
    used |= {"walk.speed"} | {SPEED_RULE[way] for way in ways(results.study)}
    by_bus = [service.bus for service in results.study.services.values() if service.bus]
    used |= {rule_id for bus in by_bus for rule_id in buses.rules_used(bus)}
    used |= people.rules_used(inputs.demand)
    used |= set(inputs.forecast.rules) if inputs.forecast is not None else set()
    if results.green is not None:
        used |= {rule_id for rule_id in inputs.rules if rule_id.startswith("green.")}
        used -= {"green.park_m2_per_person"}  # needs people by park, which no figure here has
    if results.accessibility is not None:
        used |= set(equity.WEIGHTS)
    if results.provision is not None:
        used |= set(results.provision["rule_id"])
    if results.crossings is not None:
        used |= {"school.crossings", "crossing.same_road", "crossing.same_direction"}
        used |= {"crossing.lights"}
    if results.study.crossings is not None and results.study.barriers:
        used |= {"crossing.gate"}
    if results.closures is not None:
        used |= set(CLOSURE_RULES)
    return tuple(rule for rule_id, rule in inputs.rules.items() if rule_id in used)


def _sheet(results: Results, rules: tuple[Rule, ...]) -> Sheet:
    study, inputs = results.study, results.region.inputs
    lang = study.language
    title = study.title_en if lang == "en" and study.title_en else study.title
    region = study.region_en if lang == "en" and study.region_en else study.region
    labels = {
        name: label for name, service in study.services.items() if (label := service.label(lang))
    }
    groups = {
        name: study.people.groups[service.group].label(lang) or service.group
        for name, service in study.services.items()
        if service.group is not None
    }
    pages = ["coverage"]
    pages += ["gaps"] if results.gaps is not None else []
    pages += ["green"] if results.green is not None else []
    pages += ["schools"] if results.closures is not None else []
    pages += ["new_sites"] if results.new_sites is not None else []
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
    notes += people.notes(inputs.demand, lang)
    notes += people.spread_notes(study, inputs.demand, lang)
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
        pages=tuple(pages),
        labels=labels,
        modes={name: service.way for name, service in study.services.items()},
        groups=groups,
        seated=tuple(name for name, service in study.services.items() if service.seats),
        approval_number=study.approval_number,
        made_up=study.made_up,
        notes=tuple(notes),
        tiles=None if study.basemap is None else maps.Tiles(
            study.basemap.url, study.basemap.attribution
        ),
    )  # fmt: skip


def _people_year(study: Study, lang: str) -> str:
    people = study.people
    if people.scenario is None:
        return str(people.year or "")
    name = people.scenarios[people.scenario].label(lang) or people.scenario
    return text.get("forecast.date", lang, year=str(people.scenario_year), name=name)


def _shown_layer(name: str) -> str:
    return "candidates" if name == CANDIDATES else name.removeprefix("services.")


def _tables(results: Results, max_not_assessed: float) -> dict[str, pd.DataFrame]:
    """Return every table that is written as CSV, by file name."""
    here, inputs = results.region, results.region.inputs
    names = inputs.zones.set_index(["zoning", "zone_id"])["name"]
    tables = {
        "coverage": _named(
            report.coverage_figures(
                results.coverage,
                max_not_assessed=max_not_assessed,
                targets={
                    name: inputs.rules[service.target]
                    for name, service in results.study.services.items()
                    if service.target is not None
                },
            ),
            names,
        ),
        "comparison": results.comparison,
    }
    for name in ("coverage", "comparison"):
        tables[name] = buses.marked(tables[name], here.services, inputs.rules)
    apart = equity.between_zones(here, tables["coverage"], results.accessibility)
    if len(apart):
        tables["equity"] = apart
    if (shared := results.accessibility) is not None:
        tables["accessibility"] = _named(shared.zones, names)
        tables["accessibility_sites"] = shared.sites
    if results.gaps is not None:
        tables["gaps"] = _named(results.gaps, names)
    if results.losses is not None:
        tables["losses"] = results.losses
    if results.provision is not None:
        tables["provision"] = _named(results.provision, names)
    if results.crossings is not None:
        tables["crossings"] = _named(results.crossings, names)
    if results.green is not None:
        tables["green"] = _named(
            report.green_figures(
                results.green.table,
                targets=green_room.targets(inputs.rules),
                max_not_assessed=max_not_assessed,
            ),
            names,
        )
    if results.closures is not None:
        tables["closures"] = buses.marked(results.closures.ranking, here.services, inputs.rules)
        tables["closures_receivers"] = results.closures.receivers
        tables["closures_limits"] = results.closures.limits
    if results.new_sites is not None:
        tables["new_sites"] = results.new_sites.candidates
    tables |= buses.tables(here.buses)
    tables["people"] = _named(people.table(inputs.demand, inputs.membership), names)
    tables["sites"] = here.places.sites.merge(here.places.offers, on="site_id", how="left")
    tables["access"] = here.access
    tables["road_defects"] = road_layer.placed(here.road_defects)
    tables["drops"] = inputs.drops
    return tables


def _named(table: pd.DataFrame, names: pd.Series[str]) -> pd.DataFrame:
    """Put the zone's name behind its id."""
    keys = pd.MultiIndex.from_frame(table[["zoning", "zone_id"]].astype(str))
    named = table.copy()
    place = named.columns.tolist().index("zone_id") + 1
    named.insert(place, "zone_name", names.reindex(keys).fillna("").to_numpy())
    return named


def _pages(
    results: Results, sheet: Sheet, tables: Mapping[str, pd.DataFrame], max_not_assessed: float
) -> tuple[dict[str, str], list[Card]]:
    """Return pages by key, and what the first page says of each."""
    here, inputs = results.region, results.region.inputs
    base: dict[str, Any] = {
        "sheet": sheet,
        "water": inputs.water,
        "roads": maps.drawn_roads(_roads(results)),
    }
    existing = here.places.sites[here.places.sites["status"] == "existing"]
    shown = {"sites": existing, "offers": here.offers}
    today = tables["coverage"][tables["coverage"]["plan"] == here.today.name]
    pages = {
        "coverage": maps.coverage_page(
            today,
            inputs.zones,
            max_not_assessed=max_not_assessed,
            areas=results.areas,
            accessibility=tables.get("accessibility"),
            equity=tables.get("equity"),
            provision=tables.get("provision"),
            **shown,
            **base,
        )
    }
    cards = _coverage_cards(results, today, sheet)
    if results.gaps is not None:
        pages["gaps"] = maps.gaps_page(
            results.gaps, inputs.zones, losses=results.losses, **shown, **base
        )
    if results.green is not None:
        pages["green"] = maps.green_page(
            tables["green"],
            inputs.zones,
            cells=results.green.cells,
            cell_m=results.study.people.cell_m,
            parks=inputs.parks,
            entrances=results.park_entrances,
            **base,
        )
        cards += _green_cards(tables["green"], here.zoning, sheet)
    if results.closures is not None:
        found = results.closures
        pages["schools"] = maps.schools_page(
            found.ranking, found.receivers, existing, inputs.zones, limits=found.limits, **base
        )
        cards.append(_closures_card(found.ranking, sheet))
    if (new := results.new_sites) is not None:
        pages["new_sites"] = maps.new_sites_page(
            new.solution,
            new.candidates,
            here.places.sites,
            inputs.zones,
            service=new.service,
            rule_id=new.rule.id,
            persons=new.persons,
            newly=new.newly,
            offers=here.offers,
            **base,
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


def _coverage_cards(results: Results, today: pd.DataFrame, sheet: Sheet) -> list[Card]:
    cards = []
    rows = today[
        (today["level"] == "region")
        & (today["settlement"] == "judged")
        & (today["zoning"] == results.region.zoning)
    ].set_index(["service", "rule_id"])
    for name, service in results.study.services.items():
        for rule_id in service.rules[:1]:
            if (name, rule_id) not in rows.index:
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


def _green_cards(figures: pd.DataFrame, zoning: str, sheet: Sheet) -> list[Card]:
    rows = figures[
        (figures["level"] == "region")
        & (figures["zoning"] == zoning)
        & figures["judged"]
        & (figures["quarter"] == "all")
    ].drop_duplicates("indicator")
    return [
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


def _layers(results: Results, tables: Mapping[str, pd.DataFrame]) -> dict[str, gpd.GeoDataFrame]:
    """Return the layers of the GeoPackage."""
    here, inputs = results.region, results.region.inputs
    layers = {"zones": inputs.zones, "demand": inputs.demand, "sites": here.places.sites}
    figures = tables["coverage"]
    zoned = figures[(figures["level"] == "zone") & (figures["plan"] == here.today.name)]
    layers["coverage_zones"] = inputs.zones[["zoning", "zone_id", "geometry"]].merge(
        pd.DataFrame(zoned), on=["zoning", "zone_id"]
    )
    if here.buses:
        layers["bus_lines"] = gpd.GeoDataFrame(tables["bus_lines"], crs=inputs.crs)
        layers["bus_stops"] = gpd.GeoDataFrame(
            buses.stacked({name: found.stops for name, found in here.buses.items()}),
            crs=inputs.crs,
        )
    if results.areas is not None and len(results.areas):
        layers["service_areas"] = results.areas
    if results.gaps is not None:
        layers["gaps"] = results.gaps
    if results.green is not None:
        layers["green_cells"] = results.green.cells
    if results.park_entrances is not None:
        layers["park_entrances"] = results.park_entrances
    if inputs.parks is not None:
        layers["parks"] = inputs.parks
    layers["road_defects"] = here.road_defects
    return layers


def _record(
    results: Results, rules: tuple[Rule, ...], tables: Mapping[str, pd.DataFrame], seconds: float
) -> dict[str, Any]:
    """Return ``run.json``: enough to defend every figure, or to make it again."""
    here, inputs = results.region, results.region.inputs
    record: dict[str, Any] = {
        "siting": siting.__version__,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "made_on": date.today().isoformat(),
        "seconds": round(seconds, 1),
        "study": results.study.model_dump(mode="json"),
        "crs": inputs.crs.to_string(),
        "inputs": list(inputs.layers),
        "rows": {name: len(table) for name, table in tables.items()},
        "forecast": None if inputs.forecast is None else asdict(inputs.forecast),
        "persons": int(inputs.demand["population"].sum()),
        "demand_points": len(inputs.demand),
        "networks": {
            way: {
                "version": roads.version,
                "nodes": len(roads.node_id),
                "edges": len(roads.tail),
                "km": round(int(roads.length_mm.sum()) / 1e6, 3),
                "components": len(roads.component_km),
            }
            for way, roads in inputs.networks.items()
        },
        "drops": {
            f"{table}: {what}": len(rows)
            for (table, what), rows in inputs.drops.groupby(["table", "what"])
        },
        "access": {
            f"{mode}: {what}: {why}": {
                "points": len(rows),
                "persons": int(rows["persons"].fillna(0).sum()),
            }
            for (mode, what, why), rows in here.access.groupby(["mode", "table", "why"])
        },
        "road_defects": {
            f"{mode or 'layer'}: {kind}: {done}": {
                "places": len(rows),
                "persons": int(rows["persons"].fillna(0).sum()),
            }
            for (mode, kind, done), rows in here.road_defects.groupby(["mode", "kind", "done"])
        },
        "rules": [rule.model_dump(mode="json") for rule in rules],
        "plans": [evaluation.plan for evaluation in results.evaluations],
    }
    if (new := results.new_sites) is not None:
        found = new.solution
        record["new_sites"] = {
            name: getattr(found, name)
            for name in (
                "model", "chosen", "objective", "already", "bound", "gap", "status", "unique",
                "tie_break", "useless", "uncoverable",
            )
        }  # fmt: skip
        if found.plan is not None:
            record["new_sites"]["plan"] = found.plan.model_dump(mode="json")
    return record
