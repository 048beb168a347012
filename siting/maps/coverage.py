"""Coverage by zone: the share of judged people who reach a service, and where the others live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from siting import text
from siting.coverage import may_pass, too_many
from siting.maps import access, geometry
from siting.maps import provision as per_thousand
from siting.maps.atlas import Atlas
from siting.maps.base import (
    REGION,
    Classes,
    Place,
    base_map,
    by_place,
    circle_items,
    finished,
    legend,
    legend_notes,
    need,
    number,
    only_plan,
    radius,
    script_layer,
)
from siting.maps.sheet import Sheet

ROWS = (
    ("persons", "count"),
    ("covered", "count"),
    ("no_seat", "count"),
    ("out_of_reach", "count"),
    ("not_assessed", "count"),
    ("covered_share_assessed", "percent"),
    ("covered_share", "percent"),
    ("range", "range"),
    ("straight_share_assessed", "percent"),
)
"""Figures of the panel of a zone, in order, with how they are written."""

COLUMNS = ("judged", "urban", "township_seat", "village")
HOW = ("network", "straight")
CLASSES = 5
CIRCLE = 24.0


def coverage_page(
    atlas: Atlas,
    figures: pd.DataFrame,
    *,
    areas: gpd.GeoDataFrame | None = None,
    accessibility: pd.DataFrame | None = None,
    equity: pd.DataFrame | None = None,
    provision: pd.DataFrame | None = None,
) -> str:
    """Return the page of coverage by zone.

    Parameters
    ----------
    atlas
        What every page takes.
    figures
        What :func:`siting.report.coverage_figures` returns, one plan.
    areas
        ``service``, ``rule_id`` and polygons of the ground in reach; a layer to switch on.
    accessibility, equity, provision
        Tables of these names: lines under the figures of a zone and of the region.
    """
    only_plan(figures, "coverage")
    need(figures, ["level", "zoning", "zone_id", "settlement", "service", "rule_id"], "coverage")
    sheet, zonings = atlas.sheet, atlas.zonings
    base = base_map(atlas, filled=True)
    shown = figures[figures["zoning"].isin(zonings)]
    pairs = list(dict.fromkeys(zip(shown["service"], shown["rule_id"], strict=True)))
    measures, entries = [], {}
    records = by_place(shown, ("service", "rule_id", "zoning"))
    for service, rule_id in pairs:
        told = _told(service, sheet)
        rows = shown[(shown["service"] == service) & (shown["rule_id"] == rule_id)]
        judged = rows[(rows["level"] == "zone") & (rows["settlement"] == "judged")]
        # circles are to the scale of their zoning: a county's would dwarf its townships'
        most = {z: float(judged.loc[judged["zoning"] == z, "out_of_reach"].max()) for z in zonings}
        key = f"{service} {rule_id}"
        more = per_thousand.lines(provision, service, sheet)
        for place, further in access.lines(accessibility, equity, service, rule_id, sheet).items():
            more[place] = [*more.get(place, []), *further]
        entries[key] = {
            zoning: _entries(
                records.get((service, rule_id, zoning), {}),
                atlas.positions[zoning],
                sheet,
                more={(of, zone): told for (of, z, zone), told in more.items() if z == zoning},
                told=told,
                most=most[zoning],
            )
            for zoning in zonings
        }
        area = _area(areas, service, rule_id, geometry.pixel_m(atlas.zones))
        measure = _measure(rows, service, rule_id, key, sheet, most, bool(area))
        measures.append(
            {
                **measure,
                "area": area,
                "seats": service in sheet.seated,
                "row_keys": [name for name, _ in told],
                "row_labels": [
                    sheet.say(f"figure.{_named(name, service, sheet)}") for name, _ in told
                ],
            }
        )
    measures.sort(key=lambda m: (m["key"] in sheet.of_baskets, -m["worst"]))
    if any(m["area"] for m in measures):
        script_layer(base, "areas", sheet.say("layer.areas"), show=False)
    script_layer(base, "people", sheet.say("layer.out_of_reach"))
    script_layer(base, "sites", sheet.say("layer.facilities"))
    return finished(
        base,
        "coverage",
        headline=measures[0]["finding"] if measures else sheet.say("finding.nothing"),
        data={
            "measures": measures,
            "figures": entries,
            "facilities": atlas.facilities(m["service"] for m in measures),
        },
        rules_used=[
            *(m["rule_id"] for m in measures),
            *access.rules_used(accessibility, sheet),
            *per_thousand.rules_used(provision),
        ],
        notes=(
            sheet.say("note.coverage"),
            *([sheet.say("note.seats")] if any(m["seats"] for m in measures) else []),
            *([sheet.say("note.provision")] if provision is not None else []),
        ),
    )


def nobody_judged(figures: pd.DataFrame, service: str, rule_id: str, sheet: Sheet) -> str:
    """Return the sentence that a rule judges, or can assess, nobody here; blank where it does."""
    rows = _of_region(figures, service, rule_id)
    total = rows[rows["settlement"] == "judged"]
    name = sheet.label("service", service)
    if total.empty or not total["persons"].iloc[0]:
        return sheet.say("finding.coverage.nobody", service=name)
    rule = sheet.rule(rule_id)  # a lower bound that passes nobody has a sentence of its own
    bound = str(total["bound"].iloc[0]) if "bound" in total else "exact"
    told = rule is None or may_pass(rule, bound)
    if told and (total["persons"] == total["not_assessed"]).all():
        return sheet.say("finding.coverage.not_assessed", service=name)
    return ""


def _of_region(figures: pd.DataFrame, service: str, rule_id: str) -> pd.DataFrame:
    asked = (figures["service"] == service) & (figures["rule_id"] == rule_id)
    return figures[asked & (figures["level"] == "region")]


def finding(figures: pd.DataFrame, service: str, rule_id: str, sheet: Sheet) -> str:
    """Return the finding of one service and rule as a sentence.

    The sentence is about judged people who were assessed. Each zoning sums to the region, but one
    that covers a part of it leaves the others not assessed: the one that leaves fewest speaks.
    """
    name = sheet.label("service", service)
    if nobody := nobody_judged(figures, service, rule_id, sheet):
        return nobody
    rows = _of_region(figures, service, rule_id)
    total = rows[rows["settlement"] == "judged"]
    row = total.iloc[int(total["not_assessed"].argmin())]
    classes = [
        c for c in COLUMNS[1:] if ((rows["settlement"] == c) & rows["judged"].astype(bool)).any()
    ]
    who = (
        sheet.region
        if len(classes) == 3 or not classes
        else text.joined([sheet.say(f"where.{c}") for c in classes], sheet.lang)
    )
    away = (
        1 - float(row["covered_share_assessed"])
        if pd.notna(row["covered_share_assessed"])
        else None
    )
    rule = sheet.rule(rule_id)
    if rule is not None and not may_pass(rule, str(row.get("bound", "exact"))):
        return sheet.say(
            "finding.coverage.lower",
            who=who,
            share=text.percent(row["out_of_reach"] / row["persons"]),
            people=sheet.people(service),
            within=within(service, rule_id, sheet),
            service=name,
        )
    if away is None or not is_judged(row, sheet):
        return sheet.say("finding.coverage.not_assessed", service=name)
    if row["no_seat"] + row["out_of_reach"] == 0:
        return sheet.say(
            "finding.coverage.all",
            who=who,
            people=sheet.people(service),
            service=name,
            within=within(service, rule_id, sheet),
        )
    if row["no_seat"]:
        assessed = row["persons"] - row["not_assessed"]
        out = {"out": text.percent(row["out_of_reach"] / assessed)} if row["out_of_reach"] else {}
        return sheet.say(
            "finding.coverage.seats" if out else "finding.coverage.seatless",
            who=who,
            **out,
            seatless=text.percent(row["no_seat"] / assessed),
            people=sheet.people(service),
            within=within(service, rule_id, sheet),
            service=name,
        )
    return sheet.say(
        "finding.coverage.some",
        who=who,
        share=text.percent(away),
        people=sheet.people(service),
        within=within(service, rule_id, sheet),
        service=name,
    )


def is_judged(row: Any, sheet: Sheet) -> bool:
    """Whether few enough are not assessed for a share to be stated: ``judge.max_not_assessed``."""
    return not too_many(row["not_assessed"], row["persons"], sheet.max_not_assessed)


def within(service: str, rule_id: str, sheet: Sheet) -> str:
    """Return "on foot within 500 m"."""
    mode, rule = sheet.modes.get(service, ""), sheet.rule(rule_id)
    if rule is not None and rule.unit == "m" and mode:
        # metres know no pace, and a length by car is a length by road: nobody drives a radius
        mode = "walk" if mode.startswith("walk") else "road"
    way = sheet.say(f"mode.{mode}") if mode else ""
    return sheet.say("finding.within", mode=way, limit=sheet.limit(rule_id)).strip()


def _told(service: str, sheet: Sheet) -> list[tuple[str, str]]:
    """Return the figures of a service: a row of zeros would say that seats were counted."""
    return [row for row in ROWS if row[0] != "no_seat" or service in sheet.seated]


def _named(figure: str, service: str, sheet: Sheet) -> str:
    """Return what a figure is called: who is covered has a seat, where these are counted."""
    return "covered_seat" if figure == "covered" and service in sheet.seated else figure


def _measure(
    rows: pd.DataFrame,
    service: str,
    rule_id: str,
    key: str,
    sheet: Sheet,
    most: Mapping[str, float],
    drawn: bool,
) -> dict[str, Any]:
    """Return what a service and rule say about themselves: button, finding, legend."""
    name = sheet.label("service", service)
    total = rows[(rows["level"] == "region") & (rows["settlement"] == "judged")]
    share = total["covered_share_assessed"].iloc[0] if len(total) else None
    straight = (
        rows["straight_share_assessed"].notna().any()
        if "straight_share_assessed" in rows
        else False
    )
    others: list[dict[str, Any]] = [
        {"kind": "fill", "colour": "--not-judged", "label": sheet.say("legend.not_judged")},
        {
            "kind": "fill",
            "colour": "--not-assessed",
            "label": sheet.say("legend.not_assessed", share=text.percent(sheet.max_not_assessed)),
        },
        {"kind": "dot", "colour": "--site", "size": 11, "label": name},
    ]
    if drawn:
        others.insert(
            2, {"kind": "fill", "colour": "--area-tint", "label": sheet.say("layer.areas")}
        )
    rule = sheet.rule(rule_id)
    return {
        "key": key,
        "service": service,
        "rule_id": rule_id,
        "label": f"{name} {sheet.limit(rule_id)}" if rule else name,
        "finding": finding(rows, service, rule_id, sheet),
        "worst": 1 - float(share) if number(share) is not None and share is not None else -1.0,
        "straight": bool(straight),
        "who": sheet.say("page.counts", people=sheet.people(service)),
        "rule": sheet.rule_note(rule_id),
        "rule_text": sheet.rule_text(rule) if rule else "",
        "legends": {
            zoning: {how: _legend(how, service, rule_id, others, top, sheet) for how in HOW}
            for zoning, top in most.items()
        },
    }


def _area(areas: gpd.GeoDataFrame | None, service: str, rule_id: str, size: float) -> str:
    """Return the encoded ground in reach of a service by a rule, blank where there is none."""
    if areas is None or areas.empty:
        return ""
    rows = areas[(areas["service"] == service) & (areas["rule_id"] == rule_id)]
    return "".join(geometry.encode_areas(shape, areas.crs, size) for shape in rows.geometry)


def _legend(
    how: str,
    service: str,
    rule_id: str,
    others: Sequence[Mapping[str, Any]],
    most: float,
    sheet: Sheet,
) -> dict[str, Any]:
    """Return the legend of one way of measuring, its circles up to ``most`` persons."""
    shown = "seat" if how == "network" and service in sheet.seated else how
    title = sheet.say(f"legend.covered_{shown}", service=sheet.label("service", service),
                      people=sheet.people(service))  # fmt: skip
    step = 100 // CLASSES
    ramp = {
        "kind": "ramp",
        "colours": [f"--class-{c}" for c in range(CLASSES)],
        "label": [f"{c * step}%" for c in range(CLASSES + 1)],
    }
    groups = [legend(title, [ramp]), legend("", others)]
    if most >= 1:
        circles = circle_items(sheet, most, "--out", biggest=CIRCLE)
        groups.append(legend(sheet.say("legend.out_of_reach"), circles, flow=True))
    layers = ["people", "demand", "zones", service]
    return {"groups": groups, "notes": legend_notes(sheet, layers, [rule_id])}


def _entries(
    places: Mapping[Place, Classes],
    positions: dict[str, int],
    sheet: Sheet,
    *,
    more: Mapping[Place, access.Lines],
    told: Sequence[tuple[str, str]],
    most: float,
) -> dict[str, Any]:
    """Return the panels of the region and of each zone of one zoning."""
    zones = []
    for (level, zone_id), classes in places.items():
        if level != "zone":
            continue
        entry = _entry(classes, sheet, told=told, most=most)
        entry["i"] = positions.get(zone_id, -1)
        entry["x"] = more.get(("zone", zone_id), [])
        if entry["i"] < 0:
            entry["n"] = sheet.say("zone.outside") if zone_id == "" else zone_id
        zones.append(entry)
    whole = _entry(places.get(REGION, {}), sheet, told=told, most=most)
    return {"region": {**whole, "x": more.get(REGION, [])}, "zones": zones}


def _entry(
    by_class: Classes,
    sheet: Sheet,
    *,
    told: Sequence[tuple[str, str]],
    most: float,
) -> dict[str, Any]:
    """Return one panel: shown figures by settlement class, and the few raw ones the map needs."""
    heads, columns = [], []
    classes = [n for n, row in by_class.items() if n != "judged" and row["judged"]]
    for name in COLUMNS if len(classes) > 1 else COLUMNS[1:]:
        row = by_class.get(name)
        if row is None or (name != "judged" and not row["persons"]):
            continue
        head = sheet.say(f"settlement.{name}")
        heads.append(head if row["judged"] else sheet.say("settlement.unjudged", name=head))
        columns.append([_shown(row, figure, how) for figure, how in told])
    judged = by_class.get("judged")
    persons = number(judged["persons"]) if judged is not None else None
    entry: dict[str, Any] = {"h": heads, "t": columns, "c": -1, "s": -1, "r": 0, "verdict": None,
                             "b": [], "p": text.DASH, "sp": text.DASH}  # fmt: skip
    if judged is None or not persons:
        return entry
    return entry | {
        "c": _class(judged["covered_share_assessed"]) if is_judged(judged, sheet) else -2,
        "s": _class(judged.get("straight_share_assessed")),
        "r": radius(judged["out_of_reach"], biggest=CIRCLE, most=most),
        "verdict": _verdict(judged, sheet),
        "b": [int(judged[n]) for n in ("covered", "no_seat", "out_of_reach", "not_assessed")],
        "p": text.percent(number(judged["covered_share_assessed"])),
        "sp": text.percent(number(judged.get("straight_share_assessed"))),
    }


def _verdict(row: Mapping[Any, Any], sheet: Sheet) -> list[str] | None:
    """Return the verdict against the target as key and words; ``None`` without a target."""
    target = number(row.get("target_share"))
    if target is None:
        return None
    verdict, why = str(row["verdict"]), str(row["why"])
    said = sheet.say(f"verdict.{verdict}")
    if why:
        said += sheet.say("list.bracket", x=sheet.say(f"why.{why}"))
    return [verdict, sheet.say("finding.target", target=text.percent(target), verdict=said)]


def _class(share: Any) -> int:
    value = number(share)
    return -1 if value is None else min(int(value * CLASSES), CLASSES - 1)


def _shown(row: Mapping[Any, Any], figure: str, how: str) -> str:
    if how == "range":
        low, high = number(row.get("share_low")), number(row.get("share_high"))
        if low is None or high is None:
            return text.DASH
        return text.percent_range(low, high)
    value = number(row.get(figure))
    return text.count(value) if how == "count" else text.percent(value)
