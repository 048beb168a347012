"""On the page of green: where pocket parks would add, in turn and each alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from siting import text
from siting.maps import geometry
from siting.maps.base import number
from siting.maps.sheet import Sheet

if TYPE_CHECKING:
    from siting.green import PocketParks

SHOWN = 100
"""Places drawn and listed beside the sequence, by rank; the table has all."""


def pocket_parks_finding(found: PocketParks, sheet: Sheet) -> str:
    """Return what the sequence does, in a sentence."""
    return sheet.say(
        "finding.pocket_parks",
        n=text.count(len(found.chosen)),
        name=sheet.label("indicator", found.by),
        before=_share(found.before_m2, found),
        after=_share(found.after_m2, found),
        gained=text.hectares(found.after_m2 - found.before_m2, sheet.lang),
    )


def pocket_parks_data(
    found: PocketParks,
    table: gpd.GeoDataFrame,
    left_out: Mapping[str, int],
    names: Mapping[str, str],
    sheet: Sheet,
) -> dict[str, Any]:
    """Return the part of the page's data about pocket parks.

    Parameters
    ----------
    found
        What :func:`siting.green.pocket_parks` returns.
    table
        Its ``places`` with ``zone_id`` and ``why``; rows with ``why`` were not tried.
    left_out
        How many places were not tried, by why.
    names
        Names of the zones by id.
    sheet
        For the words.
    """
    tried = table[table["why"] == ""].sort_values("rank")
    shown = tried[(tried["rank"] <= SHOWN) | tried["step"].notna()]
    shown = shown[shown[f"{found.by}_new_m2"] > 0]
    spots = geometry.places(gpd.GeoDataFrame(shown, crs=table.crs))
    turns = tried.dropna(subset="step").sort_values("step")["adds_m2"]
    then = [_share(found.before_m2 + area, found) for area in turns.cumsum()]
    rows = [
        _row(row, at, found, then, names, sheet)
        for row, at in zip(shown.to_dict("records"), spots, strict=True)
    ]
    gained = found.after_m2 - found.before_m2
    gap = (found.bound_m2 - gained) / found.bound_m2 if found.bound_m2 > 0 else 0.0
    proof = [
        sheet.say("pocket_parks.greedy"),
        sheet.say(
            "pocket_parks.bound",
            bound=text.hectares(found.bound_m2, sheet.lang), gap=text.percent(gap),
        ),
        sheet.say(
            "pocket_parks.foot",
            before=_share(found.foot_before_m2, found), after=_share(found.foot_after_m2, found),
        ),
        sheet.say("pocket_parks.tried", n=text.count(len(tried))),
        sheet.say("pocket_parks.ground"),
    ]  # fmt: skip
    proof += [sheet.say(f"pocket_parks.why.{why}", n=text.count(n)) for why, n in left_out.items()]
    return {
        "finding": pocket_parks_finding(found, sheet) if rows else sheet.say("pocket_parks.none"),
        "rows": rows,
        "proof": proof,
        "proved": gap == 0,
        "more": len(tried) - len(shown),
    }


def _row(
    row: Mapping[Any, Any],
    at: list[float],
    found: PocketParks,
    then: Sequence[str],
    names: Mapping[str, str],
    sheet: Sheet,
) -> dict[str, Any]:
    step = None if pd.isna(row["step"]) else int(row["step"])
    zone = names.get(str(row["zone_id"]), str(row["zone_id"]))
    new, on_foot = (number(row[f"{found.by}_{name}_m2"]) for name in ("new", "new_on_foot"))
    persons = number(row[f"{found.by}_new_persons"])
    adds = number(row["adds_m2"])
    return {
        "id": str(row["place_id"]),
        "at": at,
        "step": step,
        "rank": int(row["rank"]),
        "name": str(row["name"]) or zone,
        "zone": zone,
        "new": text.hectares(new, sheet.lang),
        "foot": text.hectares(on_foot, sheet.lang),
        "then": "" if step is None else then[step - 1],
        "adds": text.hectares(adds, sheet.lang),
        "closes": text.percent(number(row["closes_share"])),
        "persons": "" if persons is None else text.with_unit(persons, "persons", sheet.lang),
        "raw": [new, on_foot, adds, number(row["closes_share"])],
    }


def _share(area_m2: float, found: PocketParks) -> str:
    return text.percent(area_m2 / found.land_m2 if found.land_m2 else None)
