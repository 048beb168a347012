"""Gaps: places whose people are left without, most people first; and what each closure loses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd

from siting import text
from siting.maps import geometry
from siting.maps.atlas import Atlas
from siting.maps.base import (
    base_map,
    circle_items,
    finished,
    legend,
    legend_notes,
    need,
    number,
    script_layer,
)
from siting.maps.coverage import nobody_judged, within
from siting.maps.sheet import Sheet

CIRCLE = 34.0
NEAR = ("nearest_min", "nearest_m", "state")
COLUMNS = ("gap_id", "service", "rule_id", "zone_id", "persons", "geometry")

SHOWN = 1000
"""Gaps of one service and rule on the page, those of most people; the table has them all."""


def gaps_page(
    atlas: Atlas,
    gaps: gpd.GeoDataFrame,
    *,
    losses: pd.DataFrame | None = None,
    figures: pd.DataFrame | None = None,
) -> str:
    """Return the page of gaps.

    Parameters
    ----------
    atlas
        What every page takes.
    gaps
        What :func:`siting.coverage.gaps` returns, services and rules stacked: ``gap_id``,
        ``service``, ``rule_id``, ``zone_id``, ``persons``, point ``geometry``; ``nearest_m`` or
        ``nearest_min``, ``n_points``, ``why``, ``missing_road_persons`` and ``zoning`` where known.
        An empty table is good news and makes a page that says so.
    losses
        What :func:`siting.coverage.losses` returns, stacked: a list under the gaps.
    figures
        As of :func:`siting.maps.coverage_page`: where a rule judges nobody the page says that,
        and not that there are no gaps.
    """
    need(gaps, COLUMNS, "gaps")
    sheet = atlas.sheet
    base = base_map(atlas, filled=False)
    pairs = list(
        dict.fromkeys(
            (str(service), str(rule_id))
            for table in (gaps, losses)
            if table is not None
            for service, rule_id in zip(table["service"], table["rule_id"], strict=True)
        )
    )
    measures = [
        _measure(
            gaps[(gaps["service"] == service) & (gaps["rule_id"] == rule_id)],
            service,
            rule_id,
            atlas,
        )
        | {"losses": _losses(losses, service, rule_id, atlas)}
        | _nobody(figures, service, rule_id, sheet)
        for service, rule_id in pairs
    ]
    measures.sort(key=lambda m: (m["key"] in sheet.of_baskets, -m["total"]))
    script_layer(base, "people", sheet.say("layer.gaps"))
    script_layer(base, "sites", sheet.say("layer.facilities"))
    return finished(
        base,
        "gaps",
        headline=measures[0]["finding"] if measures else sheet.say("finding.gaps.none"),
        data={
            "measures": measures,
            "circle": CIRCLE,
            "facilities": atlas.facilities(m["service"] for m in measures),
        },
        rules_used=[m["rule_id"] for m in measures],
        notes=[sheet.say("note.gaps")],
    )


def _measure(part: gpd.GeoDataFrame, service: str, rule_id: str, atlas: Atlas) -> dict[str, Any]:
    """Return one service and rule: its gaps, most people first, and its legend."""
    sheet = atlas.sheet
    part = part.sort_values(["persons", "gap_id"], ascending=[False, True], kind="stable")
    persons = part["persons"].astype("int64")
    total, most = int(persons.sum()), float(persons.max()) if len(part) else 0.0
    seats = service in sheet.seated
    seatless = persons.where(part["why"] == "no_seat", 0) if "why" in part else persons * 0
    roads = (
        part["missing_road_persons"] if "missing_road_persons" in part else pd.Series(dtype="Int64")
    )
    name = sheet.label("service", service)
    rule = sheet.rule(rule_id)
    shown = part.head(SHOWN)
    zonings = shown["zoning"].astype(str) if "zoning" in shown else [atlas.zonings[0]] * len(shown)
    known = pd.DataFrame(shown).reindex(columns=list(NEAR))
    near = [_nearest(row, sheet) for row in known.to_dict("records")]
    columns = {
        "zone": [
            _name(atlas, zoning, zone_id)
            for zoning, zone_id in zip(zonings, shown["zone_id"].astype(str), strict=True)
        ],
        "p": persons.head(SHOWN).tolist(),
        "near": [words for words, _ in near],
        "m": [raw for _, raw in near],
        "road": _whole(roads.head(SHOWN)) if len(roads) else [None] * len(shown),
    }
    if seats:
        columns["seatless"] = seatless.head(SHOWN).tolist()
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    top = int(persons.head(5).sum())
    lead = sheet.say("gaps.lead", share=text.percent(top / total)) if total else ""
    if len(part) > SHOWN:
        left, theirs = len(part) - SHOWN, int(persons.iloc[SHOWN:].sum())
        more = sheet.say("gaps.left_out", n=text.count(left), persons=text.count(theirs))
        lead = f"{lead} {more}" if sheet.lang == "en" else lead + more
    return {
        "key": f"{service} {rule_id}",
        "service": service,
        "rule_id": rule_id,
        "label": f"{name} {sheet.limit(rule_id)}" if rule else name,
        "rule": sheet.rule_note(rule_id),
        "rule_text": sheet.rule_text(rule) if rule else "",
        "total": total,
        "seats": seats,
        "finding": _finding(len(part), total, int(seatless.sum()), service, rule_id, sheet),
        "lead": lead,
        "road": _road(roads, total - int(seatless.sum()), sheet),
        "at": geometry.encode(geometry.spots(shown)),
        "rows": rows,
        "legend": {
            "groups": [
                *(
                    [
                        legend(
                            sheet.say("legend.gaps"),
                            circle_items(sheet, most, "--out", biggest=CIRCLE),
                            flow=True,
                        )
                    ]
                    if total
                    else []
                ),
                *(
                    [
                        legend(
                            "",
                            [
                                {
                                    "kind": "dot",
                                    "colour": "--no-seat",
                                    "size": 11,
                                    "label": sheet.say("legend.gaps_seats"),
                                }
                            ],
                        )
                    ]
                    if seatless.any()
                    else []
                ),
                legend("", [{"kind": "dot", "colour": "--site", "size": 11, "label": name}]),
            ],
            "notes": legend_notes(sheet, ["people", "demand", service], [rule_id]),
        },
    }


def _name(atlas: Atlas, zoning: str, zone_id: str) -> str:
    place = atlas.positions.get(zoning, {}).get(zone_id)
    return atlas.sheet.say("zone.outside") if place is None else atlas.names[zoning][place]


def _finding(n: int, total: int, seatless: int, service: str, rule_id: str, sheet: Sheet) -> str:
    """Return how many gaps there are with how many people, or that there is none."""
    said = {
        "people": sheet.people(service),
        "within": within(service, rule_id, sheet),
        "service": sheet.label("service", service),
    }
    if not n:
        return sheet.say("finding.gaps.none_of", **said)
    if seatless:
        told = {"out": text.count(total - seatless), "seatless": text.count(seatless)}
        return sheet.say("finding.gaps.seats", n=text.count(n), **told, **said)
    return sheet.say("finding.gaps.some", n=text.count(n), persons=text.count(total), **said)


def _nobody(
    figures: pd.DataFrame | None, service: str, rule_id: str, sheet: Sheet
) -> dict[str, str]:
    """Return the finding of a rule that judges nobody here, in the place of that of no gaps."""
    said = "" if figures is None else nobody_judged(figures, service, rule_id, sheet)
    return {"finding": said} if said else {}


def _road(roads: pd.Series[Any], total: int, sheet: Sheet) -> str:
    """Say how much of the gaps is a missing road, or that nobody can tell."""
    if not total:
        return ""
    if roads.isna().any():
        return sheet.say("gaps.road_unknown")
    n = int(roads.sum())
    return sheet.say("gaps.road", n=text.count(n), share=text.percent(n / total))


def _losses(
    losses: pd.DataFrame | None, service: str, rule_id: str, atlas: Atlas
) -> list[dict[str, Any]]:
    """Return the facilities of one service and rule, most people lost first.

    ``i`` is a facility's place among those drawn; one that is not drawn has its name instead.
    """
    if losses is None:
        return []
    rows = losses[(losses["service"] == service) & (losses["rule_id"] == rule_id)]
    rows = rows.sort_values("rank")
    drawn = {i: n for n, i in enumerate(atlas.facility_ids(service))}
    return [
        {"i": drawn[i], "covered": covered, "lost": lost}
        if i in drawn
        else {"i": -1, "covered": covered, "lost": lost, "name": name}
        for i, name, covered, lost in zip(
            rows["site_id"].astype(str),
            rows["name"].astype(str),
            rows["covered_persons"].tolist(),
            rows["lost_persons"].tolist(),
            strict=True,
        )
    ]


def _whole(column: pd.Series[Any]) -> list[int | None]:
    return [None if pd.isna(n) else int(n) for n in column.tolist()]


def _nearest(row: Mapping[Any, Any], sheet: Sheet) -> tuple[str, float | None]:
    """Return how far the nearest site is, in words and as a number to sort by."""
    minutes, metres = number(row.get("nearest_min")), number(row.get("nearest_m"))
    if minutes is not None:
        return sheet.say("unit.min", n=text.decimal(minutes)), minutes
    if metres is not None:
        return text.with_unit(metres, "m", sheet.lang), metres
    state = str(row.get("state", ""))
    return (sheet.say(f"state.{state}") if text.has(f"state.{state}") else text.DASH), None
