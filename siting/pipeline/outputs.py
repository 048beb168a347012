"""From results to files: tables and layers, written with pages and the record, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from siting import green as green_room
from siting import maps, report
from siting.errors import StudyError
from siting.pipeline import buses, equity, parks, people, road_layer, schools

if TYPE_CHECKING:
    from siting.pipeline import Results

from siting.pipeline.pages import pages_of, sheet_of
from siting.pipeline.record import record_of, rules_used
from siting.pipeline.region import MAX_NOT_ASSESSED


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
    rules = rules_used(results)
    sheet = sheet_of(results, rules)
    limit = inputs.rules[MAX_NOT_ASSESSED].strict
    tables = tables_of(results, limit)
    pages, cards = pages_of(results, sheet, tables)
    pages["index"] = maps.index_page(
        cards, sheet=sheet, files=[f"tables/{name}.csv" for name in tables]
    )
    record = record_of(results, rules, tables, seconds())
    try:
        report.write_outputs(
            tables_folder,
            tables=tables,
            layers=layers_of(results, tables),
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


def tables_of(results: Results, max_not_assessed: float) -> dict[str, pd.DataFrame]:
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
    apart = equity.between_zones(
        here, tables["coverage"], results.accessibility, max_not_assessed=max_not_assessed
    )
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
    if results.baskets is not None:
        tables["baskets"] = _named(results.baskets.table, names)
        tables["basket_services"] = _named(results.baskets.services, names)
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
    tables |= {name: _named(table, names) for name, table in parks.tables(results).items()}
    if results.closures is not None:
        tables["closures"] = buses.marked(results.closures.ranking, here.services, inputs.rules)
        tables["closures_receivers"] = results.closures.receivers
        tables["closures_limits"] = results.closures.limits
    if results.new_sites is not None:
        tables["new_sites"] = results.new_sites.candidates
    tables |= buses.tables(here.buses)
    tables |= schools.written(inputs, results.study.language)
    if "children" in tables:
        tables["children"] = _named(tables["children"], names)
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


def layers_of(results: Results, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the layers of the GeoPackage; those without geometry are tables to join by zone."""
    here, inputs = results.region, results.region.inputs
    layers = {"zones": inputs.zones, "demand": inputs.demand, "sites": here.places.sites}
    figures = tables["coverage"]
    zoned = figures[(figures["level"] == "zone") & (figures["plan"] == here.today.name)]
    layers["coverage"] = pd.DataFrame(zoned)
    layers["coverage_zones"] = _by_zone(zoned, inputs.zones)
    if results.baskets is not None:
        layers["baskets"] = tables["baskets"][tables["baskets"]["level"] == "zone"]
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
    if results.pocket is not None:
        layers["pocket_parks"] = results.pocket.table
    if results.park_entrances is not None:
        layers["park_entrances"] = results.park_entrances
    if inputs.parks is not None:
        layers["parks"] = inputs.parks
    layers["road_defects"] = here.road_defects
    return layers


def _by_zone(zoned: pd.DataFrame, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the zones with a few columns a service and rule, of the people the rule judges.

    A polygon a row of the coverage table would be as many copies of it as there are rows.
    """
    keys = ["zoning", "zone_id"]
    judged = zoned[zoned["settlement"] == "judged"]
    shown = {column: column for column in ("persons", "covered", "not_assessed")}
    shown |= {
        "covered_share_assessed": "share",
        "share_low": "share_low",
        "share_high": "share_high",
    }
    base = zones[[*keys, "name", "geometry"]].reset_index(drop=True)
    at = pd.MultiIndex.from_frame(base[keys])
    wide = {}
    for (service, rule_id), rows in judged.groupby(["service", "rule_id"], sort=True):
        found = rows.set_index(keys)[list(shown)].reindex(at)
        for column, name in shown.items():
            wide[f"{service}: {rule_id}: {name}"] = found[column].to_numpy()
    return gpd.GeoDataFrame(pd.concat([base, pd.DataFrame(wide)], axis=1), crs=zones.crs)
