"""Programmes side by side, in the last year and over all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from siting import text
from siting.maps.base import number
from siting.maps.mergers.shown import Proof, Register, ShownProgramme
from siting.maps.sheet import Sheet
from siting.merger.journeys import JOURNEY_RULE, YOUNG_RULE

TODAY = "today"
RUNNING = ("running", "bus", "board_cost")


def compared(programmes: Sequence[ShownProgramme], book: Register) -> dict[str, Any]:
    """Return the table: heads, and rows of a label, a note and a text for each column.

    The first column is today: the first year, before anything is decided. The others are the last
    year, and building is the sum over all years.
    """
    sheet, say = book.sheet, book.sheet.say
    first, last = book.years[0], book.years[-1]
    year = [(programmes[0], first), *((p, last) for p in programmes)]
    rows = [_Row(p, y) for p, y in year]
    keep = rows[1]

    def line(
        key: str,
        told: Callable[[_Row], str],
        *,
        note: str = "",
        bad: bool = False,
        today: bool = True,
    ) -> dict[str, Any]:
        cells = [told(row) if today or n else text.DASH for n, row in enumerate(rows)]
        return {
            "key": key,
            "label": say(f"mergers.row.{key}"),
            "note": note,
            "cells": cells,
            "bad": [bad and cell not in ("0", text.DASH) for cell in cells],
        }

    def limit(rule_id: str, what: str) -> Callable[[_Row], str]:
        return lambda row: text.count(row.limit(rule_id, what))

    young, journey = sheet.rule_note(YOUNG_RULE), sheet.rule_note(JOURNEY_RULE)
    book.rule(YOUNG_RULE), book.rule(JOURNEY_RULE)
    lines = [
        line("children", lambda r: text.count(r.year["children"])),
        line("moved", lambda r: text.count(r.moved), today=False),
        line("by_bus", lambda r: text.count(r.year["by_bus"])),
        line("boarding", lambda r: text.count(r.year["boarding"]), today=False),
        line("moves_home", lambda r: text.count(r.year["moves_home"]), today=False),
        line("mean_min", lambda r: text.decimal(number(r.year["mean_min"]))),
        line("max_min", lambda r: text.decimal(number(r.year["max_min"]))),
        line("over_young", limit(YOUNG_RULE, "over_after_persons"), note=young, bad=True),
        line("hit_young", limit(YOUNG_RULE, "hit"), note=young, bad=True, today=False),
        line("over", limit(JOURNEY_RULE, "over_after_persons"), note=journey, bad=True),
        line("not_known", lambda r: text.count(r.year["not_known"])),
        line("person_min", lambda r: text.count(r.year["person_min"])),
        line("closed", lambda r: text.count(r.year["closed"]), today=False),
        line("seats_short", lambda r: r.short(sheet), bad=True, today=False),
        line("beds_short", lambda r: text.count(r.year["beds_short"]), bad=True, today=False),
        line("running", lambda r: text.count(r.running)),
        line("saved", lambda r: text.count(keep.running - r.running), today=False),
        line("building", lambda r: text.count(r.programme.outcome.years["building"].sum()),
             today=False),
    ]  # fmt: skip
    if any(p.unmet is not None for p in programmes):
        lines.append(
            line("unmet", lambda r: text.count(None if r.programme.unmet is None
                 else r.programme.unmet["unit_id"].nunique()), today=False)
        )  # fmt: skip
    heads = [{"label": say("mergers.today", year=str(first)), "note": ""}]
    for p in programmes:
        note = (
            say("mergers.draft") if _is_draft(p, sheet) else say("mergers.in_year", year=str(last))
        )
        heads.append({"label": sheet.label("programme", p.key), "note": note})
    return {"heads": heads, "lines": lines}


def asked_by(programme: ShownProgramme) -> list[str]:
    """Return the rules that a programme's decisions, and what it could not decide, follow from."""
    tables = [programme.decisions, programme.unmet]
    found = [t["rule_id"] for t in tables if t is not None and "rule_id" in t]
    ids = pd.concat(found).dropna().astype(str) if found else pd.Series(dtype=str)
    return sorted(set(ids) - {""})


def _is_draft(programme: ShownProgramme, sheet: Sheet) -> bool:
    rules = [sheet.rule(rule_id) for rule_id in asked_by(programme)]
    return any(rule is not None and rule.status == "draft" for rule in rules)


def proof_lines(proof: Proof, sheet: Sheet) -> list[str]:
    """Return how good a programme is proved to be: status, bound, gap, whether it is alone."""
    unique = {True: "unique", False: "not_unique", None: "unique_unknown"}[proof.unique]
    return [
        sheet.say(f"solver.{proof.status}"),
        sheet.say(
            "mergers.bound",
            objective=text.count(proof.objective),
            bound=text.count(proof.bound),
            gap=text.percent(proof.gap) if proof.gap != float("inf") else text.DASH,
        ),
        sheet.say(f"mergers.{unique}"),
    ]


class _Row:
    """One programme in one year."""

    def __init__(self, programme: ShownProgramme, year: int) -> None:
        years = programme.outcome.years
        self.programme, self.when = programme, year
        self.year: dict[Any, Any] = years[years["year"] == year].iloc[0].to_dict()

    @property
    def moved(self) -> int:
        return int(sum(self.year[way] for way in ("commutes", "boards", "moves_home")))

    @property
    def running(self) -> int:
        return int(sum(self.year[name] for name in RUNNING))

    def limit(self, rule_id: str, what: str) -> int | None:
        """Return children over a limit, or whom decisions took over it or further beyond."""
        table = self.programme.outcome.limits
        here = table[(table["year"] == self.when) & (table["rule_id"] == rule_id)]
        if here.empty:
            return None
        row = here.iloc[0]
        if what == "hit":
            return int(row["newly_over_persons"] + row["lengthened_persons"])
        return int(row[what])

    def short(self, sheet: Sheet) -> str:
        """Return seats short, and at how many receivers nobody knows."""
        places = self.programme.outcome.places
        unknown = places[(places["year"] == self.when) & places["seats_short"].isna()]
        told = text.count(number(self.year["seats_short"]))
        if unknown.empty:
            return told
        return told + sheet.say("mergers.and_unknown", n=text.count(len(unknown)))
