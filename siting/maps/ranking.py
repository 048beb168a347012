"""What is lost if this school shuts: every school closed alone, and where its children would go."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from siting import text
from siting.maps.atlas import Atlas
from siting.maps.base import (
    base_map,
    circle_items,
    finished,
    legend,
    legend_notes,
    need,
    number,
    radii,
    script_layer,
)
from siting.maps.sheet import Sheet

CIRCLE = 26.0
STEPS = ("plan", "appraisal", "notice", "hearing", "approval", "build")
TIMES = ("mean", "p95", "max")


def schools_page(
    atlas: Atlas,
    ranking: pd.DataFrame,
    receivers: pd.DataFrame,
    *,
    limits: pd.DataFrame | None = None,
) -> str:
    """Return the page of schools closed one by one.

    Parameters
    ----------
    atlas
        What every page takes; its ``sites`` say where the schools stand.
    ranking, receivers, limits
        The tables of :func:`siting.merger.leave_one_out`, services stacked. Columns that are not
        there are shown as a dash.
    """
    need(ranking, ["rank", "site_id", "name", "service", "displaced", "unserved_after"], "ranking")
    need(receivers, ["site_id", "receiver_id", "persons"], "receivers")
    sheet = atlas.sheet
    base = base_map(atlas, filled=False)
    script_layer(base, "flows", sheet.say("layer.flows"))
    script_layer(base, "people", sheet.say("layer.displaced"))
    script_layer(base, "picked", sheet.say("layer.receivers"))
    services = list(dict.fromkeys(ranking["service"].astype(str)))
    measures = [
        _measure(ranking[ranking["service"] == s], receivers, limits, s, atlas) for s in services
    ]
    rule_ids = [] if limits is None else list(dict.fromkeys(limits["rule_id"].astype(str)))
    return finished(
        base,
        "schools",
        headline=measures[0]["finding"] if measures else sheet.say("finding.nothing"),
        data={"measures": measures},
        body=closure_steps(sheet),
        rules_used=[*rule_ids, "school.keep_needed_small"],
        notes=[sheet.say("note.schools")],
    )


def schools_finding(ranking: pd.DataFrame, service: str, sheet: Sheet) -> str:
    """Return how many schools of a service cannot close without somebody left unserved.

    Where the study gives no pupils, all residents are counted, and the sentence does not call them
    children. Closures that times which are a lower bound cannot show to be harmless are named.
    """
    said = sheet.say(
        "finding.schools" if service in sheet.groups else "finding.schools_residents",
        service=sheet.label("service", service),
        n=text.count(len(ranking)),
        kept=text.count(int((ranking["unserved_after"] > 0).sum())),
    )
    if "hard_not_assessed_persons" not in ranking:
        return said
    doubtful = (ranking["unserved_after"] == 0) & (ranking["hard_not_assessed_persons"] > 0)
    if not doubtful.any():
        return said
    return said + sheet.say("finding.schools_lower", n=text.count(int(doubtful.sum())))


def closure_steps(sheet: Sheet) -> str:
    """Return what has to come before a closure, printed on every page that speaks of one."""
    items = "".join(f"<li>{escape(sheet.say(f'closure.{step}'))}</li>" for step in STEPS)
    rule = sheet.rule("school.keep_needed_small")
    source = (
        f"{rule.source}{sheet.say('list.bracket', x=sheet.say(f'status.{rule.status}'))}"
        if rule
        else ""
    )
    return (
        f'<div class="principle"><p><strong>{escape(sheet.say("closure.principle"))}</strong> '
        f"<small>{escape(source)}</small></p>"
        f'<p class="steps-title">{escape(sheet.say("closure.steps"))}</p><ol>{items}</ol></div>'
    )


def _measure(
    ranking: pd.DataFrame,
    receivers: pd.DataFrame,
    limits: pd.DataFrame | None,
    service: str,
    atlas: Atlas,
) -> dict[str, Any]:
    """Return one school service: its ranking, the flows of each closure, its legend."""
    ranking = ranking.sort_values(["rank", "site_id"], kind="stable", ignore_index=True)
    place = {str(i): n for n, i in enumerate(ranking["site_id"])}
    sheet, spots = atlas.sheet, atlas.spots
    persons = ranking["displaced"].astype("int64")
    most = float(persons.max()) if len(persons) else 0.0
    sizes = radii(persons, biggest=CIRCLE)
    rows = [
        _row(row, spots.get(str(row["site_id"])), max(size, 3.0), sheet)
        for row, size in zip(ranking.to_dict("records"), sizes, strict=True)
    ]
    flows = receivers[receivers["site_id"].astype(str).isin(place)]
    for flow in flows.to_dict("records"):
        rows[place[str(flow["site_id"])]]["to"].append(_flow(flow, place, atlas))
    if limits is not None:
        broken = limits[limits["site_id"].astype(str).isin(place) & limits["broken"].astype(bool)]
        for hit in broken.to_dict("records"):
            rows[place[str(hit["site_id"])]]["hits"].append(_hit(hit, sheet))
    name = sheet.label("service", service)
    return {
        "key": service,
        "label": name,
        "service": service,
        "finding": schools_finding(ranking, service, sheet),
        "who": sheet.say("page.counts", people=sheet.people(service))
        + ("" if service in sheet.groups else sheet.say("schools.not_pupils")),
        "rows": rows,
        "legend": {
            "groups": [
                legend(
                    sheet.say("legend.displaced"),
                    circle_items(sheet, most, "--calm", biggest=CIRCLE),
                    flow=True,
                ),
                legend(
                    "",
                    [
                        {
                            "kind": "fill",
                            "colour": "--calm",
                            "label": sheet.say("legend.all_served"),
                        },
                        {
                            "kind": "fill",
                            "colour": "--out",
                            "label": sheet.say("legend.some_unserved"),
                        },
                        {
                            "kind": "dot",
                            "colour": "--chosen",
                            "size": 13,
                            "label": sheet.say("legend.picked"),
                        },
                        {
                            "kind": "line",
                            "colour": "--flow",
                            "size": 5,
                            "label": sheet.say("legend.flow"),
                        },
                    ],
                ),
            ],
            "notes": legend_notes(sheet, [service, "people", "cohorts"], []),
        },
    }


def _row(
    row: Mapping[Any, Any], spot: list[float] | None, radius: float, sheet: Sheet
) -> dict[str, Any]:
    """Return one school: shown figures, and the raw ones the table sorts by."""
    raw = {
        "displaced": int(row["displaced"]),
        "unserved": int(row["unserved_after"]),
        "before": number(row.get("mean_before_min")),
        "after": number(row.get("mean_after_min")),
        "short": number(row.get("receiver_seats_short")),
    }
    broken = [r for r in str(row.get("limits_broken") or "").split(";") if r and r != "nan"]
    unknown = str(row.get("capacity_unknown") or "")
    return {
        "id": str(row["site_id"]),
        "name": str(row["name"]),
        "rank": int(row["rank"]),
        "at": spot,
        "r": radius,
        "raw": raw,
        "displaced": text.count(raw["displaced"]),
        "unserved": text.count(raw["unserved"]),
        "times": [
            [text.decimal(number(row.get(f"{t}_{when}_min"))) for when in ("before", "after")]
            for t in TIMES
        ],
        "enrolment": text.count(number(row.get("enrolment"))),
        "short": sheet.say("seats.unknown") if raw["short"] is None else text.count(raw["short"]),
        "unknown": sheet.say("seats.unknown_at", n=text.count(len(unknown.split(";"))))
        if unknown
        else "",
        "broken": [sheet.rule_note(r) for r in broken] + _doubtful(row, sheet),
        "to": [],
        "hits": [],
    }


def _flow(flow: Mapping[Any, Any], place: Mapping[str, int], atlas: Atlas) -> dict[str, Any]:
    """Return one receiver of a closure: by its place in the ranking, or with its own position."""
    receiver = str(flow["receiver_id"])
    entry: dict[str, Any] = {
        "i": place.get(receiver, -1),
        "p": int(flow["persons"]),
        "persons": text.count(flow["persons"]),
        "after": text.decimal(number(flow.get("mean_after_min"))),
        "free": text.count(number(flow.get("free_seats"))),
        "short": (number(flow.get("seats_short")) or 0) > 0,
    }
    if entry["i"] < 0 and receiver in atlas.spots:
        entry |= {"at": atlas.spots[receiver], "n": atlas.site_names[receiver]}
    return entry


def _hit(hit: Mapping[Any, Any], sheet: Sheet) -> str:
    """Return a broken limit in words: whom it takes over, whose journey it lengthens."""
    return sheet.say(
        "limit.broken",
        rule=sheet.rule_note(str(hit["rule_id"])),
        strength=sheet.say(f"strength.{hit['strength']}"),
        over=text.count(hit["newly_over_persons"]),
        longer=text.count(hit["lengthened_persons"]),
    )


def _doubtful(row: Mapping[Any, Any], sheet: Sheet) -> list[str]:
    """Return whose hard limit times that are a lower bound cannot show to be kept."""
    persons = number(row.get("hard_not_assessed_persons"))
    return [sheet.say("limits.lower", n=text.count(persons))] if persons else []
