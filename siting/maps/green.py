"""Green: three indicators that are never mixed, straight line and on foot side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import text
from siting.maps import geometry
from siting.maps.atlas import Atlas
from siting.maps.base import (
    base_map,
    finished,
    legend,
    legend_notes,
    need,
    number,
    only_plan,
    script_layer,
)
from siting.maps.park_per_person import Room, rooms
from siting.maps.pocket_parks import pocket_parks_data
from siting.maps.sheet import Sheet
from siting.tables import SETTLEMENTS

if TYPE_CHECKING:
    from siting.green import PocketParks

FOOT, STRAIGHT_ONLY, NEITHER, NOT_ASSESSED, NOT_JUDGED = range(5)
"""State of a cell for one indicator, as the script reads it."""

ROWS = ("land_m2", "straight_m2", "foot_m2", "foot_upper_m2", "not_assessed_m2")


def green_page(
    atlas: Atlas,
    green: pd.DataFrame,
    *,
    cells: gpd.GeoDataFrame | None = None,
    cell_m: float = 50.0,
    parks: gpd.GeoDataFrame | None = None,
    entrances: gpd.GeoDataFrame | None = None,
    per_person: pd.DataFrame | None = None,
    pocket: PocketParks | None = None,
    pocket_places: gpd.GeoDataFrame | None = None,
    left_out: Mapping[str, int] | None = None,
) -> str:
    """Return the page of green.

    Parameters
    ----------
    atlas
        What every page takes.
    green
        What :func:`siting.report.green_figures` returns.
    cells
        ``Green.cells`` of :func:`siting.green.green_coverage`.
    cell_m
        Side of a cell in metres.
    parks, entrances
        Tables ``parks`` and park entrances.
    per_person
        What :func:`siting.green.park_per_person` returns.
    pocket, pocket_places, left_out
        What :func:`siting.green.pocket_parks` returns, its places with ``zone_id`` and ``why``, and
        how many were not tried by why.
    """
    only_plan(green, "green")
    need(green, ["level", "zoning", "zone_id", "indicator", "rule_id", *ROWS, "verdict"], "green")
    sheet, zonings, ids = atlas.sheet, atlas.zonings, atlas.positions
    base = base_map(atlas, filled=False)
    indicators = list(dict.fromkeys(green["indicator"].astype(str)))
    drawn: list[str] = []
    if parks is not None and len(parks):
        drawn = geometry.polygons(parks[parks.geometry.area > 0])
        script_layer(base, "parks", sheet.say("layer.parks"))
    cells = _judged(cells, indicators, green, sheet)
    packed, states = _cells(cells, indicators, green, sheet)
    if packed:
        script_layer(base, "cells", sheet.say("layer.cells"))
    if entrances is not None and len(entrances):
        script_layer(base, "sites", sheet.say("layer.entrances"), show=False)
    if pocket is not None:
        script_layer(base, "pocket", sheet.say("layer.pocket"))
    script_layer(base, "picked", "")
    found_room = rooms(per_person, sheet)
    measures = [
        _measure(green[green["indicator"] == name], name, ids, found_room, sheet, pocket)
        for name in indicators
    ]
    data = {
        "measures": measures,
        "row_labels": [sheet.say(f"green.{name}") for name in ROWS],
        "parks": drawn,
        "cells": packed,
        "states": states,
        "cell_m": cell_m,
        "focus": _focus(cells, atlas.under["bounds"]),
        "pocket": None
        if pocket is None or pocket_places is None
        else pocket_parks_data(
            pocket, pocket_places, left_out or {}, _names(atlas, zonings[0]), sheet
        ),
        "entrances": [] if entrances is None else geometry.places(entrances),
    }
    return finished(
        base,
        "green",
        headline=measures[0]["finding"] if measures else sheet.say("finding.nothing"),
        data=data,
        rules_used=[
            *(i for m in measures for i in m["rule_ids"]),
            *([] if per_person is None else per_person["rule_id"].unique().tolist()),
        ],
        notes=(
            sheet.say("note.green"),
            *([] if per_person is None else [sheet.say("note.park_per_person")]),
            *([] if pocket is None else [sheet.say("note.pocket_parks")]),
        ),
    )


def _names(atlas: Atlas, zoning: str) -> dict[str, str]:
    return {i: atlas.names[zoning][place] for i, place in atlas.positions[zoning].items()}


def _cells(
    cells: gpd.GeoDataFrame | None, indicators: list[str], green: pd.DataFrame, sheet: Sheet
) -> tuple[str, dict[str, str]]:
    """Return the cells packed, and one digit a cell for each indicator."""
    if cells is None or cells.empty:
        return "", {}
    coded = []
    for name in indicators:
        need(cells, [f"{name}_straight_m2", f"{name}_foot", "assessed", "settlement"], "cells")
        rule = sheet.rule(_rules(green[green["indicator"] == name])[0])
        straight = cells[f"{name}_straight_m2"].astype(float) * 2 >= cells["area_m2"].astype(float)
        states = np.select(
            [
                ~cells["settlement"].isin(rule.judges if rule else SETTLEMENTS).to_numpy(),
                ~cells["assessed"].to_numpy(dtype=bool),
                cells[f"{name}_foot"].to_numpy(dtype=bool),
                straight.to_numpy(dtype=bool),
            ],
            [NOT_JUDGED, NOT_ASSESSED, FOOT, STRAIGHT_ONLY],
            NEITHER,
        )
        coded.append(pd.Series(states, index=cells.index))
    packed, digits = geometry.squares(cells, coded)
    return packed, dict(zip(indicators, digits, strict=True))


def _judged(
    cells: gpd.GeoDataFrame | None, indicators: list[str], green: pd.DataFrame, sheet: Sheet
) -> gpd.GeoDataFrame | None:
    """Return the cells that any indicator judges: what the page draws and zooms to."""
    if cells is None or cells.empty:
        return None
    need(cells, ["settlement"], "cells")
    rules = [sheet.rule(_rules(green[green["indicator"] == name])[0]) for name in indicators]
    kept = {s for rule in rules for s in (rule.judges if rule else SETTLEMENTS)}
    return cells[cells["settlement"].isin(kept)]


def _focus(cells: gpd.GeoDataFrame | None, bounds: list[list[float]]) -> list[list[float]]:
    """Return the extent of the residential land: a county's is a small part of its map."""
    if cells is None or cells.empty:
        return bounds
    west, south, east, north = geometry.lonlat(cells).total_bounds
    return [[round(south, 5), round(west, 5)], [round(north, 5), round(east, 5)]]


def _rules(part: pd.DataFrame) -> list[str]:
    """Return the ids of the rules an indicator was made from, the radius first."""
    return str(part["rule_id"].iloc[0]).split(";")


def _measure(
    part: pd.DataFrame,
    name: str,
    ids: Mapping[str, Mapping[str, int]],
    found_room: Mapping[tuple[str, str, str], Room],
    sheet: Sheet,
    pocket: PocketParks | None,
) -> dict[str, Any]:
    """Return one indicator: its finding, the figures of the region and of each zone."""
    rule_ids = _rules(part)
    judged = part[part["judged"].astype(bool)]
    first = next(iter(ids), "")
    whole = judged[(judged["level"] == "region") & (judged["zoning"] == first)]
    region = {**_entry(whole, sheet), "room": found_room.get(("region", first, ""))}
    zones: dict[str, list[dict[str, Any]]] = {}
    for zoning, positions in ids.items():
        rows = judged[(judged["level"] == "zone") & (judged["zoning"] == zoning)]
        zones[zoning] = [
            {
                **_entry(of_zone, sheet),
                "i": positions[str(zone_id)],
                "room": found_room.get(("zone", zoning, str(zone_id))),
            }
            for zone_id, of_zone in rows.groupby("zone_id", sort=False)
            if str(zone_id) in positions
        ]
    label = sheet.label("indicator", name)
    rule = sheet.rule(rule_ids[0])
    targets = [i for i in dict.fromkeys(part["target_rule_id"].astype(str)) if i]
    return {
        "key": name,
        "label": label,
        "rule_ids": [*rule_ids, *targets],
        "rule": sheet.rule_note(rule_ids[0]),
        "rule_text": sheet.rule_text(rule) if rule else "",
        "finding": sheet.say("finding.green", name=label, straight=region["sp"], foot=region["fp"]),
        "region": region,
        "zones": zones,
        "legend": {
            "groups": [
                legend(
                    sheet.say("legend.cells", name=label),
                    [
                        {
                            "kind": "fill",
                            "colour": f"--{colour}",
                            "label": sheet.say(f"cell.{state}"),
                        }
                        for state, colour in (
                            ("foot", "covered"),
                            ("straight_only", "straight"),
                            ("neither", "out"),
                            ("not_assessed", "unknown"),
                        )
                    ],
                ),
                legend(
                    "",
                    [
                        {"kind": "fill", "colour": "--park", "label": sheet.say("legend.park")},
                        *(
                            [
                                {
                                    "kind": "dot",
                                    "colour": "--chosen",
                                    "size": 15,
                                    "label": sheet.say("legend.pocket_chosen"),
                                },
                                {
                                    "kind": "ring",
                                    "colour": "--chosen",
                                    "size": 8,
                                    "label": sheet.say("legend.pocket_other"),
                                },
                            ]
                            if pocket is not None
                            else []
                        ),
                    ],
                ),
            ],
            "notes": legend_notes(sheet, ["parks", "residential"], rule_ids[:2]),
        },
    }


def _entry(rows: pd.DataFrame, sheet: Sheet) -> dict[str, Any]:
    """Return one panel: areas, shares on both measures, and each target with its verdict."""
    land = rows[rows["quarter"] == "all"]
    if land.empty:
        return {
            "t": [],
            "sp": text.DASH,
            "fp": text.DASH,
            "up": text.DASH,
            "a": text.DASH,
            "s": None,
            "f": None,
            "u": 0.0,
            "targets": [],
        }
    row = land.iloc[0]
    targets = []
    for _, aim in rows[rows["target_rule_id"].astype(str) != ""].iterrows():
        verdict = str(aim["verdict"])
        targets.append(
            {
                "of": sheet.say(f"quarter.{aim['quarter']}"),
                "target": text.percent(number(aim["target_share"])),
                "share": text.percent(number(aim["straight_share"])),
                "rule": sheet.rule_note(str(aim["target_rule_id"])),
                "verdict": sheet.label("verdict", verdict),
                "mark": verdict,
            }
        )
    return {
        "t": [text.hectares(number(row.get(name)), sheet.lang) for name in ROWS],
        "sp": text.percent(number(row["straight_share"])),
        "fp": text.percent(number(row["foot_share"])),
        "up": text.percent(number(row["foot_upper_share"])),
        "a": text.percent(number(row["foot_share_assessed"])),
        "s": number(row["straight_share"]),
        "land": number(row["land_m2"]),
        "f": number(row["foot_share"]),
        "u": number(row["not_assessed_share"]) or 0.0,
        "targets": targets,
    }
