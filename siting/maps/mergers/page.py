"""The page that a bureau decides mergers with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from siting import text
from siting.maps.atlas import Atlas
from siting.maps.base import base_map, finished, legend, legend_notes, number, script_layer
from siting.maps.mergers.compared import asked_by, compared, proof_lines
from siting.maps.mergers.dossiers import (
    homes_of,
    money_rows,
    option_rows,
    refusal_rows,
    shown_options,
    units_of,
)
from siting.maps.mergers.fair import fair, front
from siting.maps.mergers.shown import Register, ShownProgramme, register
from siting.maps.mergers.yearly import STATES, yearly
from siting.maps.ranking import closure_steps
from siting.maps.sheet import Sheet
from siting.merger import WAYS

STEP_RULES: Final = ("school.build_before_closing", "school.hearing", "school.keep_needed_small")
LOOKS: Final = {
    "open": ("site", 3.5, False),
    "receiving": ("flow", 6.5, True),
    "closed": ("out", 6.0, False),
    "partial": ("partial", 6.0, False),
    "relocated": ("no-seat", 6.0, False),
    "built": ("area", 7.5, True),
}
"""How a school of each state is drawn, on the map and in the legend: colour, radius, filled."""


def mergers_page(
    atlas: Atlas,
    programmes: Sequence[ShownProgramme],
    *,
    schools: pd.DataFrame,
    units: pd.DataFrame,
    options: pd.DataFrame,
    refusals: pd.DataFrame,
    homes: gpd.GeoDataFrame | None = None,
    money: pd.DataFrame | None = None,
    pareto: pd.DataFrame | None = None,
) -> str:
    """Return the page of mergers over years.

    Parameters
    ----------
    atlas
        What every page takes; its ``sites`` say where schools and candidates stand.
    programmes
        ``keep_all`` first; its first year is today. All over the same years.
    schools
        ``site_id``, ``name``, ``level``.
    units, options, refusals
        From :func:`siting.merger.units` and :func:`siting.merger.options`, services stacked.
    homes
        ``demand_id``, point geometry in a metric CRS, and ``zone_name`` where known; without them
        the page does not draw where children live.
    money
        ``option_id``, ``item``, ``quantity``, ``yuan``: spending above 0, saving below, as the
        dossier of a merger tells them; missing where nobody has said the price.
    pareto
        Points of :class:`siting.sequence.Pareto`, with ``area`` (a zone) where there are several.

    Raises
    ------
    DataError
        Programmes that do not fit each other; columns missing.
    """
    sheet = atlas.sheet
    more = [options["to_site"], *(p.steps["site_id"] for p in programmes),
            *(p.decisions["to_site"] for p in programmes)]  # fmt: skip
    book = register(atlas, schools, units, programmes, pd.concat(more).astype(str))
    kinds = options.drop_duplicates("unit_id").set_index("unit_id")["kind"]
    relocated = set(kinds.index[kinds == "relocation"].astype(str))
    told = shown_options(options, book.years[0])
    rows, ids = option_rows(told, book)
    living, cell = homes_of(programmes[0], homes, book)
    side = compared(programmes, book)
    shown = [_programme(p, book, relocated, options, homes) for p in programmes]
    data: dict[str, Any] = {
        "years": [str(y) for y in book.years],
        "schools": book.schools,
        "services": {str(s): sheet.label("service", str(s)) for s in sorted(set(units["service"]))},
        "units": units_of(options, programmes[0].attending, book),
        "options": rows,
        "hits": refusal_rows(refusals, ids, book),
        "money": money_rows(money, ids),
        "told_money": money is not None,
        "homes": living,
        "ways": list(WAYS),
        "states": {
            letter: {"key": key, "label": sheet.say(f"school_state.{key}"), "look": LOOKS.get(key)}
            for key, letter in STATES.items()
        },
        "programmes": shown,
        "compared": side,
        "front": front(pareto, list(programmes), book),
        "steps": [
            {"note": sheet.rule_note(r), "text": sheet.rule_text(rule)}
            for r in STEP_RULES
            if (rule := sheet.rule(r)) is not None
        ],
        "legend": _legend(sheet),
    }
    data["rules"] = book.rule_rows()
    base = base_map(atlas, filled=False)
    for kind in ("flows", "people", "sites", "picked"):
        script_layer(base, kind, sheet.say(f"layer.mergers.{kind}"))
    notes = [sheet.say("note.mergers"), sheet.say("note.mergers_options")]
    if len(rows) < len(told):
        notes.append(sheet.say("note.mergers_left_out", n=text.count(len(told) - len(rows))))
    if cell:
        notes.append(sheet.say("note.mergers_cells", size=text.with_unit(cell, "m", sheet.lang)))
    return finished(
        base,
        "mergers",
        headline=shown[_first(programmes)]["findings"][-1],
        data=data | {"first": _first(programmes)},
        body=closure_steps(sheet),
        rules_used=list(dict.fromkeys([*book.rules, *STEP_RULES])),
        notes=notes,
    )


def mergers_finding(programme: ShownProgramme, year: int, sheet: Sheet) -> str:
    """Return what a programme does by a year, in a sentence."""
    years = programme.outcome.years
    row: dict[Any, Any] = years[years["year"] == year].iloc[0].to_dict()
    moved = int(sum(row[way] for way in WAYS))
    name = sheet.label("programme", programme.key)
    mean = text.decimal(number(row["mean_min"]))
    if not moved and not row["closed"]:
        return sheet.say("finding.mergers.none", year=str(year), programme=name, mean=mean,
                         n=text.count(row["children"]))  # fmt: skip
    return sheet.say(
        "finding.mergers.some",
        year=str(year),
        programme=name,
        closed=text.count(row["closed"]),
        moved=text.count(moved),
        before=text.decimal(number(years["mean_min"].iloc[0])),
        mean=mean,
    )


def _programme(
    programme: ShownProgramme,
    book: Register,
    relocated: set[str],
    options: pd.DataFrame,
    homes: gpd.GeoDataFrame | None,
) -> dict[str, Any]:
    sheet = book.sheet
    return {
        "key": programme.key,
        "label": sheet.label("programme", programme.key),
        "findings": [mergers_finding(programme, year, sheet) for year in book.years],
        "proof": [] if programme.proof is None else proof_lines(programme.proof, sheet),
        "proved": programme.proof is not None and programme.proof.status == "optimal",
        "asked_by": [book.rule(r) for r in asked_by(programme)],
        "unmet": _unmet(programme, book),
        "fair": fair(programme, homes, book),
        **yearly(programme, book, relocated, options),
    }


def _unmet(programme: ShownProgramme, book: Register) -> list[dict[str, Any]]:
    if programme.unmet is None:
        return []
    return [
        {
            "r": book.rule(str(row["rule_id"])),
            "u": book.units[str(row["unit_id"])],
            "why": book.sheet.say(f"mergers.unmet.{row['why']}"),
        }
        for row in programme.unmet.to_dict("records")
    ]


def _first(programmes: Sequence[ShownProgramme]) -> int:
    """Return the programme shown first: the last that a solver found, else the last."""
    found = [n for n, p in enumerate(programmes) if p.proof is not None]
    return found[-1] if found else len(programmes) - 1


def _legend(sheet: Sheet) -> dict[str, Any]:
    say = sheet.say
    items = [
        {
            "kind": "dot" if filled else "ring",
            "colour": f"--{colour}",
            "size": round(2 * radius),
            "label": say(f"school_state.{state}"),
        }
        for state, (colour, radius, filled) in LOOKS.items()
    ]
    lines = [
        {"kind": "line", "colour": "--flow", "size": 5, "label": say("legend.mergers.flow")},
        {"kind": "circle", "colour": "--calm", "size": 6, "label": say("legend.mergers.homes")},
    ]
    return {
        "groups": [legend(say("legend.mergers.states"), items), legend("", lines)],
        "notes": legend_notes(sheet, ["schools", "people", "demand"], []),
    }
