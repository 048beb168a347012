"""Beside the shares of the coverage page: seats per thousand residents, and what the norm says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from siting import text
from siting.maps.base import number
from siting.maps.sheet import Sheet

WHOLE = "region"
Lines = list[dict[str, str]]


def lines(
    provision: pd.DataFrame | None, service: str, sheet: Sheet
) -> dict[tuple[str, str, str], Lines]:
    """Return lines of the panel by (level, zoning, zone id): ``k`` key, ``l`` label, ``v`` value.

    Parameters
    ----------
    provision
        Table ``provision``; ``None`` where no service asks for it.
    service
        What is shown.
    sheet
        For the words.
    """
    if provision is None:
        return {}
    rows = provision[(provision["service"] == service) & (provision["settlement"] == "judged")]
    return {
        (str(row["level"]), str(row["zoning"]), str(row["zone_id"])): [_line(row, sheet)]
        for row in rows.to_dict("records")
    }


def rules_used(provision: pd.DataFrame | None) -> list[str]:
    """Return the ids of the norms compared with."""
    return [] if provision is None else list(dict.fromkeys(provision["rule_id"]))


def _line(row: dict[Any, Any], sheet: Sheet) -> dict[str, str]:
    """Return "12.3 (norm 36, not met, 120 short)" or why not; the norm's status in the label."""
    ratio, short = number(row["per_1000"]), number(row["short"])
    told = [sheet.say("provision.norm", limit=sheet.limit(str(row["rule_id"])))]
    if row["why"]:
        told.append(sheet.say(f"provision.{row['why']}", n=text.count(row["sites_unknown"])))
    if row["verdict"] != "not_judged":
        told.append(sheet.say(f"verdict.{row['verdict']}"))
    if short:
        told.append(sheet.say("provision.short", n=text.count(short)))
    return {
        "k": f"provision {row['rule_id']}",
        "l": sheet.say("figure.per_1000", rule=sheet.rule_note(str(row["rule_id"]))),
        "v": text.decimal(ratio, 1) + sheet.say("list.bracket", x=text.joined(told, sheet.lang)),
    }
