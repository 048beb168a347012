"""The map under every page: zones, water, roads, names; and small pieces the pages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import text
from siting.errors import DataError, Problem
from siting.maps import geometry
from siting.maps.geometry import Roads
from siting.maps.page import OfflineMap, ScriptLayer, new_map
from siting.maps.sheet import Sheet


@dataclass(frozen=True, eq=False)
class Base:
    """A map with its base layers, and what the page's script needs of them.

    Attributes
    ----------
    themap
        The folium map.
    layers
        Layers by the name the script uses.
    data
        ``bounds``, ``shapes`` of zones, ``water``, ``roads``, ``names`` and ``zonings`` for the
        script.
    notes
        What the base map leaves out, in words.
    """

    themap: OfflineMap
    layers: dict[str, Any]
    data: dict[str, Any]
    notes: tuple[str, ...]


def base_map(
    sheet: Sheet,
    zones: gpd.GeoDataFrame,
    *,
    water: gpd.GeoDataFrame | None,
    roads: Roads | None,
    filled: bool,
) -> Base:
    """Return a map with the region's own layers as its base.

    Parameters
    ----------
    sheet
        Words and, where the study names one, a tile service.
    zones
        Table ``zones``; ``filled`` pages colour them.
    water, roads
        Polygons, and table ``roads`` or what :func:`siting.maps.drawn_roads` made of it for
        several pages; ``None`` leaves the layer out.
    filled
        Whether zones carry colour (choropleth) or are outlines only.
    """
    if zones.empty:
        raise DataError(Problem("zones", "there is no zone to draw", "Give at least one polygon."))
    west, south, east, north = geometry.lonlat(zones).total_bounds
    themap = new_map(sheet, (west, south, east, north))
    layers: dict[str, Any] = {}
    names: dict[str, list[dict[str, Any]]] = {}
    shapes: dict[str, list[str]] = {}
    zonings = list(dict.fromkeys(zones["zoning"].astype(str)))
    for place, zoning in enumerate(zonings):
        part = zones[zones["zoning"] == zoning]
        shapes[zoning] = geometry.polygons(part, shared_borders=True)
        layers[f"zones:{zoning}"] = ScriptLayer(
            "zones",
            escape(sheet.say("layer.zones")),
            of=zoning,
            control=len(zonings) == 1,
            show=place == 0,
        ).add_to(themap)
        sizes = part.geometry.area.to_numpy()
        spots = geometry.places(part)
        names[zoning] = [
            {"i": i, "n": str(part["name"].iloc[i]), "at": spots[i]}
            for i in np.argsort(-sizes, kind="stable").tolist()
        ]
    notes: list[str] = []
    seen: list[str] = []
    if water is not None and not water.empty:
        seen = geometry.polygons(water[water.geometry.area > (2 * geometry.pixel_m(zones)) ** 2])
        layers["water"] = ScriptLayer("water", escape(sheet.say("layer.water"))).add_to(themap)
    drawn: list[str] = []
    if isinstance(roads, gpd.GeoDataFrame):
        roads = None if roads.empty else geometry.drawn_roads(roads)
    if roads is not None:
        drawn = roads.lines
        if roads.left_out:
            notes.append(sheet.say("note.roads_left_out", n=text.count(roads.left_out)))
        layers["roads"] = ScriptLayer("roads", escape(sheet.say("layer.roads"))).add_to(themap)
    layers["names"] = ScriptLayer("names", escape(sheet.say("layer.names")))
    data = {
        "bounds": [[round(south, 5), round(west, 5)], [round(north, 5), round(east, 5)]],
        "filled": filled,
        "shapes": shapes,
        "water": seen,
        "roads": drawn,
        "names": names,
        "zonings": [{"key": z, "label": sheet.label("zoning", z)} for z in zonings],
    }
    return Base(themap, layers, data, tuple(notes))


def script_layer(base: Base, kind: str, label: str, *, show: bool = True) -> None:
    """Add a layer that the page's script fills; without a label it is not in the list of layers."""
    base.layers[kind] = ScriptLayer(
        kind, escape(label) or kind, show=show, control=bool(label)
    ).add_to(base.themap)


def finish(base: Base) -> None:
    """Put the names of zones on top and last in the list of layers."""
    base.layers["names"].add_to(base.themap)


def legend(title: str, items: Sequence[Mapping[str, Any]], *, flow: bool = False) -> dict[str, Any]:
    """Return one group of a legend; ``flow`` sets its items side by side."""
    return {"title": title, "items": list(items), "flow": flow}


def legend_notes(sheet: Sheet, layers: Sequence[str], rule_ids: Sequence[str]) -> list[str]:
    """Return the small print of a legend: rules and status, sources and dates, approval number."""
    used = [s for s in sheet.sources if s.layer in layers or s.layer.split(".")[0] in layers]
    named = list(
        dict.fromkeys(f"{s.source or s.file} {s.date}".strip() for s in (used or sheet.sources[:2]))
    )
    notes = [sheet.say("legend.rule", rule=sheet.rule_note(i)) for i in rule_ids]
    if named:
        notes.append(sheet.say("legend.source", source=text.joined(named[:3], sheet.lang)))
    notes.append(sheet.say("page.approval", number=sheet.approval_number or "________"))
    return notes


Place = tuple[str, str]
"""Level and zone id."""
REGION: Place = ("region", "")
Classes = dict[str, dict[Any, Any]]
"""The rows of one place by settlement class."""


def by_place(
    figures: pd.DataFrame, keys: Sequence[str]
) -> dict[tuple[str, ...], dict[Place, Classes]]:
    """Return rows of figures as dicts: by ``keys``, then place, then settlement class.

    Examples
    --------
    >>> row = {"rule_id": "r", "level": "zone", "zone_id": "z", "settlement": "urban", "persons": 5}
    >>> by_place(pd.DataFrame([row]), ["rule_id"])["r",]["zone", "z"]["urban"]["persons"]
    5
    """
    found: dict[tuple[str, ...], dict[Place, Classes]] = {}
    for row in figures.to_dict("records"):
        places = found.setdefault(tuple(str(row[key]) for key in keys), {})
        place = (str(row["level"]), str(row["zone_id"]))
        places.setdefault(place, {})[str(row["settlement"])] = row
    return found


def radius(persons: float, *, biggest: float, most: float) -> float:
    """Return the radius in pixels of a circle whose area is proportional to persons.

    Examples
    --------
    >>> radius(25, biggest=20, most=100)
    10.0
    """
    share = max(persons, 0) / most if most > 0 else 0.0
    return round(float(biggest * np.sqrt(share)), 2)


def radii(
    persons: pd.Series[Any], *, biggest: float = 26.0, most: float | None = None
) -> list[float]:
    """Return circle radii in pixels whose areas are proportional to persons.

    Examples
    --------
    >>> radii(pd.Series([100, 25, 0]), biggest=20)
    [20.0, 10.0, 0.0]
    """
    values = persons.astype(float).fillna(0.0).tolist()
    top = most if most is not None else max(values, default=0.0)
    return [radius(value, biggest=biggest, most=top) for value in values]


def circle_steps(most: float) -> list[int]:
    """Return two or three round numbers to show circle sizes with, the largest first.

    Examples
    --------
    >>> circle_steps(8700)
    [5000, 1000, 200]
    """
    if most < 1:
        return []
    steps: list[int] = []
    ladder = [m * 10**e for e in range(10, -1, -1) for m in (5, 2, 1)]
    for step in ladder:
        if step <= most and (not steps or step * 4.9 <= steps[-1]):
            steps.append(step)
    return steps[:3]


def circle_items(sheet: Sheet, most: float, colour: str, *, biggest: float = 26.0) -> list[Any]:
    """Return the legend items of proportional circles."""
    steps = circle_steps(most)
    sizes = radii(pd.Series(steps, dtype=float), biggest=biggest, most=most)
    return [
        {
            "kind": "circle",
            "colour": colour,
            "size": size,
            "label": text.with_unit(step, "persons", sheet.lang),
        }
        for step, size in zip(steps, sizes, strict=True)
        if size >= 3 or step == steps[0]
    ]


def only_plan(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the table if it holds one plan; a page of two plans would add them up."""
    if "plan" in table and table["plan"].nunique() > 1:
        plans = tuple(str(p) for p in table["plan"].unique())
        raise DataError(
            Problem(name, "a page shows one plan", "Pass the rows of one plan.", rows=plans)
        )
    return table


def need(table: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    """Raise a ``DataError`` naming the columns a page needs and does not find."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(
            Problem(name, f"columns missing: {', '.join(missing)}", "Pass the whole table.")
        )


def number(value: Any) -> float | None:
    """Return a plain float for JSON, or ``None`` where there is none."""
    return None if value is None or pd.isna(value) else float(value)
