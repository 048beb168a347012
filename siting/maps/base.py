"""A page with a map from its beginning to its end, and small pieces the pages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from siting import text
from siting.errors import DataError, Problem
from siting.maps import page
from siting.maps.atlas import Atlas
from siting.maps.page import OfflineMap, ScriptLayer, new_map
from siting.maps.sheet import Sheet


@dataclass(frozen=True, eq=False)
class Base:
    """A map begun, with the layers under every map.

    Attributes
    ----------
    atlas
        What is drawn under it and said around it.
    themap
        The folium map.
    layers
        Layers by the name the script uses.
    filled
        Whether zones carry colour (choropleth) or are outlines only.
    """

    atlas: Atlas
    themap: OfflineMap
    layers: dict[str, Any]
    filled: bool


def base_map(atlas: Atlas, *, filled: bool) -> Base:
    """Begin a map; ``filled`` pages colour the zones, the others draw their outlines only."""
    under, say = atlas.under, atlas.sheet.say
    (south, west), (north, east) = under["bounds"]
    base = Base(atlas, new_map(atlas.sheet, (west, south, east, north)), {}, filled)
    for place, zoning in enumerate(atlas.zonings):
        base.layers[f"zones:{zoning}"] = ScriptLayer(
            "zones",
            escape(say("layer.zones")),
            of=zoning,
            control=len(atlas.zonings) == 1,
            show=place == 0,
        ).add_to(base.themap)
    for kind in ("water", "roads"):
        if under[kind]:
            script_layer(base, kind, say(f"layer.{kind}"))
    return base


def script_layer(base: Base, kind: str, label: str, *, show: bool = True) -> None:
    """Add a layer that the page's script fills; without a label it is not in the list of layers."""
    base.layers[kind] = ScriptLayer(
        kind, escape(label) or kind, show=show, control=bool(label)
    ).add_to(base.themap)


def finished(
    base: Base,
    key: str,
    *,
    headline: str,
    data: Mapping[str, Any],
    rules_used: Sequence[str] = (),
    notes: Sequence[str] = (),
    body: str = "",
) -> str:
    """Return the page of a map: the names of zones on top and last in the list of layers.

    Parameters
    ----------
    base
        From :func:`base_map`, with all layers added.
    key, headline, rules_used, notes, body
        As in :func:`siting.maps.page.render`.
    data
        What the page's script reads besides what is drawn under every map.
    """
    script_layer(base, "names", base.atlas.sheet.say("layer.names"))
    return page.render(
        key,
        base.atlas.sheet,
        headline=headline,
        data={**base.atlas.under, "filled": base.filled, **data},
        themap=base.themap,
        layers=base.layers,
        rules_used=rules_used,
        notes=(*base.atlas.notes, *notes),
        body=body,
    )


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
