"""On the page of green: m² of park per person, what it is divided by, and what the norm says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from siting import text
from siting.maps.base import number
from siting.maps.sheet import Sheet

Room = dict[str, Any]


def rooms(per_person: pd.DataFrame | None, sheet: Sheet) -> dict[tuple[str, str, str], Room]:
    """Return what the panel says by (level, zoning, zone id).

    Parameters
    ----------
    per_person
        What :func:`siting.green.park_per_person` returns; ``None`` where it is not known.
    sheet
        For the words.

    Returns
    -------
    dict
        ``finding``, ``mark`` (the verdict's key), ``verdict``, ``why``, ``rule``, ``lines`` (label
        and value), ``raw`` (m² per person, ``None`` of nobody).
    """
    if per_person is None:
        return {}
    rows = per_person[per_person["settlement"] == "judged"]
    return {
        (str(row["level"]), str(row["zoning"]), str(row["zone_id"])): _room(row, sheet)
        for row in rows.to_dict("records")
    }


def _room(row: dict[Any, Any], sheet: Sheet) -> Room:
    rule_id = str(row["rule_id"])
    rule = sheet.rule(rule_id)
    judges = rule.judges if rule else ("urban",)
    who = text.joined([sheet.say(f"where.{s}") for s in judges], sheet.lang)
    ratio, short = number(row["m2_per_person"]), number(row["short_m2"])
    low, high = number(row["low_m2_per_person"]), number(row["high_m2_per_person"])
    limit = text.with_unit(number(row["target_m2_per_person"]), "m2_per_person", sheet.lang)
    verdict = sheet.label("verdict", str(row["verdict"]))
    shown = None if ratio is None else round(ratio, 1)
    lines = [
        ("park", who, text.hectares(number(row["park_m2"]), sheet.lang)),
        ("zone_park", who, text.hectares(number(row["zone_park_m2"]), sheet.lang)),
        ("other", who, text.hectares(number(row["other_green_m2"]), sheet.lang)),
        ("persons", who, text.count(number(row["persons"]))),
    ]
    if low is not None and high is not None and low != high:
        lines.append(("range", who, f"{text.decimal(low)}–{text.decimal(high)}"))
    if short:
        lines.append(("short", who, text.hectares(short, sheet.lang)))
    return {
        "finding": sheet.say(
            "finding.park_per_person",
            who=who, m2=text.decimal(ratio), limit=limit, verdict=verdict,
        ),
        "big": text.with_unit(shown, "m2_per_person", sheet.lang),
        "mark": str(row["verdict"]),
        "verdict": verdict,
        "why": sheet.say(f"park_per_person.why.{row['why']}") if row["why"] else "",
        "rule": sheet.rule_note(rule_id),
        "lines": [[sheet.say(f"park_per_person.{k}", who=w), v] for k, w, v in lines],
        "raw": ratio,
    }  # fmt: skip
