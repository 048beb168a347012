"""Beside the shares of the coverage page: supply per 1,000 people, and how far zones are apart."""

from __future__ import annotations

from typing import Any

import pandas as pd

from siting import text
from siting.maps.base import number
from siting.maps.sheet import Sheet

METHODS = ("per_1000_2sfca", "per_1000_e2sfca")
WHOLE = "region"
Lines = list[dict[str, str]]


def lines(
    accessibility: pd.DataFrame | None,
    equity: pd.DataFrame | None,
    service: str,
    rule_id: str,
    sheet: Sheet,
) -> dict[tuple[str, str, str], Lines]:
    """Return lines of the panel by (level, zoning, zone id): ``k`` key, ``l`` label, ``v`` value.

    Parameters
    ----------
    accessibility
        Table ``accessibility``; ``None`` where no service asks for it.
    equity
        Table ``equity``; ``None`` where no zoning has two zones.
    service, rule_id
        What is shown.
    sheet
        For the words.
    """
    found: dict[tuple[str, str, str], Lines] = {}
    if accessibility is not None:
        for row in accessibility[accessibility["service"] == service].to_dict("records"):
            place = (str(row["level"]), str(row["zoning"]), str(row["zone_id"]))
            found[place] = _supply(row, sheet)
    if equity is not None:
        rows = equity[(equity["service"] == service) & equity["rule_id"].isin(["", rule_id])]
        for row in rows.to_dict("records"):
            found.setdefault((WHOLE, str(row["zoning"]), ""), []).append(_apart(row, sheet))
    return found


def rules_used(accessibility: pd.DataFrame | None, sheet: Sheet) -> list[str]:
    """Return the ids of the rules that accessibility is computed by."""
    if accessibility is None:
        return []
    return [rule.id for rule in sheet.rules if rule.id.startswith("e2sfca.")]


def _supply(row: dict[Any, Any], sheet: Sheet) -> Lines:
    amount, unit = str(row["catchment"]).split()
    within = text.with_unit(float(amount), unit, sheet.lang)
    told = [
        {
            "k": method,
            "l": sheet.say(f"figure.{method}", within=within),
            "v": text.DASH + sheet.say("list.bracket", x=sheet.say(f"why.{row['why']}"))
            if row["why"]
            else text.decimal(number(row[method]), 2),
        }
        for method in METHODS
    ]
    if row["level"] == WHOLE:
        supply = number(row["supply"])
        share = float(row["unreached_supply"]) / supply if supply else None
        told.append(
            {
                "k": "unreached_supply",
                "l": sheet.say("figure.unreached_supply", within=within),
                "v": sheet.say(
                    "figure.unreached_supply.value",
                    n=text.count(row["unreached_supply"]),
                    share=text.percent(share),
                ),
            }
        )
    return told


def _apart(row: dict[Any, Any], sheet: Sheet) -> dict[str, str]:
    """Return one figure's Gini, the ratio of top to bottom if any, and how many are left out."""
    gini, ratio = number(row["gini"]), number(row["ratio"])
    told = text.DASH if row["why"] else sheet.say("equity.gini", g=text.decimal(gini, 3))
    if ratio is not None:
        told += sheet.say(f"equity.{row['ratio_of']}", r=text.decimal(ratio, 2))
    share = int(row["left_out_persons"]) / (int(row["left_out_persons"]) + int(row["persons"]) or 1)
    left = {"n": text.count(row["left_out_persons"]), "share": text.percent(share)}
    told += sheet.say("equity.too_many" if row["why"] else "equity.left_out", **left)
    return {
        "k": f"equity {row['figure']}",
        "l": sheet.say(
            "figure.equity", figure=sheet.say(f"equity.{row['figure']}"), n=text.count(row["zones"])
        ),
        "v": told,
    }
