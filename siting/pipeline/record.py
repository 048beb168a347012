"""What a run used and how it went: the rules whose numbers entered a figure, and ``run.json``."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pandas as pd

import siting
from siting.pipeline import baskets, buses, equity, parks, people, schools, zoned
from siting.pipeline.region import LEG_RULE, MAX_NOT_ASSESSED
from siting.pipeline.roads import SPEED_RULE, ways
from siting.rules import Rule

if TYPE_CHECKING:
    from siting.pipeline import Results

CLOSURE_RULES = ("school.keep_needed_small", "school.build_before_closing", "school.hearing")
LIBRARIES = (
    "exactextract", "geopandas", "highspy", "numba", "numpy", "osmium", "pandas", "pyproj",
    "rasterio", "shapely",
)  # fmt: skip


def rules_used(results: Results) -> tuple[Rule, ...]:
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
    used |= parks.rules_used(results)
    if results.accessibility is not None:
        used |= set(equity.WEIGHTS)
    if results.provision is not None:
        used |= set(results.provision["rule_id"])
    if results.baskets is not None:
        used |= baskets.rules_used(results.study)
    if results.crossings is not None:
        used |= {"school.crossings", "crossing.same_road", "crossing.same_direction"}
        used |= {"crossing.lights"}
    if results.study.crossings is not None and results.study.barriers:
        used |= {"crossing.gate"}
    if inputs.schools is not None:
        used |= set(schools.RULES)
    if results.closures is not None:
        used |= set(CLOSURE_RULES)
    return tuple(rule for rule_id, rule in inputs.rules.items() if rule_id in used)


def record_of(
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
        "uncounted_persons": dict(inputs.uncounted),
        "in_no_zone_persons": zoned.outside(inputs.demand, inputs.membership),
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
        "baskets": {
            made.basket.id: asdict(made.basket)
            | {"services": dict(made.offered), "missing": dict(made.missing)}
            | {"groups": made.groups, "reason": made.reason}
            for made in results.study.filled_baskets()
        },
        "rules": [rule.model_dump(mode="json") for rule in rules],
        "plans": [evaluation.plan for evaluation in results.evaluations],
    }
    if inputs.schools is not None:
        record["schools"] = dict(inputs.schools.assumptions) | {
            "findings": inputs.schools.findings["what"].value_counts().sort_index().to_dict()
        }
    if results.pocket is not None:
        record["pocket_parks"] = parks.record(results.pocket)
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
