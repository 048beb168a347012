"""Whom a programme hits: the worst-hit places first, then groups, then how unequal it is."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import pandas as pd

from siting import text
from siting.maps import geometry
from siting.maps.base import number
from siting.maps.mergers.shown import Register, ShownProgramme

PLACES: Final = 30
"""Places a page lists; the table of the run holds all."""
GROUPS: Final = ("zone", "grade", "boarding", "distance_quintile")


def fair(
    programme: ShownProgramme, homes: gpd.GeoDataFrame | None, book: Register
) -> dict[str, Any] | None:
    """Return places, groups by kind, and Gini and Palma before and after; ``None`` if not asked."""
    told = programme.fairness
    if told is None:
        return None
    say = book.sheet.say
    spots: dict[str, list[float]] = {}
    listed = told.places.head(PLACES)
    zone_of: dict[str, str] = {}
    if homes is not None:
        here = homes[homes["demand_id"].isin(listed["demand_id"])]
        spots = dict(zip(here["demand_id"].astype(str), geometry.places(here), strict=True))
        if "zone_name" in here:
            names = here["zone_name"].fillna("").astype(str)
            zone_of = dict(zip(here["demand_id"].astype(str), names, strict=True))
    places = [
        {
            "id": str(row["demand_id"]),
            "zone": zone_of.get(str(row["demand_id"]), ""),
            "at": spots.get(str(row["demand_id"])),
            "n": int(row["children"]),
            "added": f"+{text.decimal(number(row['added_min']))}",
            "mean": text.decimal(number(row["mean_after_min"])),
            "max": text.decimal(number(row["max_after_min"])),
        }
        for row in listed.to_dict("records")
    ]
    groups = [
        {
            "key": by,
            "label": say(f"mergers.by.{by}"),
            "rows": [
                _group(row, by, book)
                for row in told.groups[told.groups["by"] == by].to_dict("records")
            ],
        }
        for by in GROUPS
    ]
    return {
        "places": places,
        "more": max(len(told.places) - PLACES, 0),
        "groups": [group for group in groups if group["rows"]],
        "gini": [text.decimal(number(v), 3) for v in (told.gini_before, told.gini_after)],
        "palma": [text.decimal(number(v), 2) for v in (told.palma_before, told.palma_after)],
    }


def _group(row: dict[Any, Any], by: str, book: Register) -> dict[str, Any]:
    added = number(row["added_min"])
    return {
        "label": _label(str(row["group"]), by, book),
        "n": int(row["children"]),
        "moved": int(row["moved"]),
        "boarding": int(row["boarding"]),
        "before": text.decimal(number(row["mean_before_min"])),
        "after": text.decimal(number(row["mean_after_min"])),
        "max": text.decimal(number(row["max_after_min"])),
        "added": text.DASH if added is None else f"{added:+,.1f}",
    }


def _label(group: str, by: str, book: Register) -> str:
    say = book.sheet.say
    if group == "":
        return say("mergers.group.unknown")
    if by == "zone":
        zones = book.atlas.zones
        names = zones.loc[zones["zone_id"].astype(str) == group, "name"]
        return str(names.iloc[0]) if len(names) else group
    if by == "boarding":
        return say(f"mergers.group.{group}")
    return say(f"mergers.group.{by}", n=group)


def front(
    pareto: pd.DataFrame | None, programmes: list[ShownProgramme], book: Register
) -> dict[str, Any] | None:
    """Return the points of each area's front, cheapest first, and where the programmes stand.

    Programmes are of all areas together, so they stand on the front only where there is one.
    """
    if pareto is None or pareto.empty:
        return None
    sheet = book.sheet
    by = [("", pareto)]
    if "area" in pareto:
        by = [(str(area), part) for area, part in pareto.groupby("area", sort=True)]
    marks = [
        {
            "key": p.key,
            "label": sheet.label("programme", p.key),
            "x": float(p.money),
            "y": float(p.person_min),
            "money": text.count(p.money),
            "minutes": text.count(p.person_min),
        }
        for p in programmes
        if p.money is not None and p.person_min is not None and len(by) == 1
    ]
    areas = [
        {"label": _label(area, "zone", book) if area else "", "points": _points(part, book)}
        for area, part in by
    ]
    return {"areas": areas, "marks": marks}


def _points(pareto: pd.DataFrame, book: Register) -> list[dict[str, Any]]:
    return [
        {
            "x": float(row["money"]),
            "y": float(row["person_min"]),
            "bound": float(row["person_min_bound"]),
            "money": text.count(row["money"]),
            "minutes": text.count(row["person_min"]),
            "low": text.count(row["person_min_bound"]),
            "gap": text.percent(number(row["gap"])) if row["gap"] != float("inf") else text.DASH,
            "status": book.sheet.say(f"solver.{row['status']}"),
        }
        for row in pareto.sort_values("point").to_dict("records")
    ]
