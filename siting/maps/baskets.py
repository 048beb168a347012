"""Baskets: who has every service of a level or group in reach, and what is most often missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd

from siting import text
from siting.baskets import kinds as kinds_of_facility
from siting.maps import provision as per_thousand
from siting.maps.atlas import Atlas, pins
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
    radius,
    script_layer,
)
from siting.maps.sheet import Sheet

ROWS = ("persons", "complete", "incomplete", "not_assessed")
PARTS = ("complete", "incomplete", "not_assessed")
COLUMNS = ("judged", "urban", "township_seat", "village")
CLASSES = 5
CIRCLE = 24.0


@dataclass(frozen=True)
class ShownBasket:
    """What the page says of a basket besides its figures.

    Attributes
    ----------
    key, label
        Its id, as in the tables, and what to call it.
    rule_id
        What it is judged by.
    people
        Whom it counts, in words.
    walkers
        ``elderly``, ``children``, or ``""`` for baskets of all residents.
    services
        What fills each kind of facility, of the kinds that have any: services, or parks.
    missing
        Kinds without a layer, and why.
    source, status, reason
        Who says what belongs to it, whether that was read, and why the study changed it.
    """

    key: str
    label: str
    rule_id: str
    people: str
    walkers: str
    services: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, str]
    source: str
    status: str
    reason: str = ""


def baskets_page(
    atlas: Atlas,
    figures: pd.DataFrame,
    services: pd.DataFrame,
    *,
    asked: Sequence[ShownBasket],
    provision: pd.DataFrame | None = None,
    parks: Mapping[str, gpd.GeoDataFrame] | None = None,
) -> str:
    """Return the page of baskets.

    Parameters
    ----------
    atlas
        What every page takes.
    figures, services
        Tables ``baskets`` and ``basket_services``.
    asked
        The baskets in the order they are offered; the first is shown first.
    provision
        As in :func:`siting.maps.coverage_page`.
    parks
        What fills kinds besides services, by what it is called in ``asked``.
    """
    need(figures, ["level", "basket", "zoning", "zone_id", "settlement", *ROWS], "baskets")
    need(services, ["level", "basket", "zoning", "zone_id", "kind", "lacking_persons"],
         "basket_services")  # fmt: skip
    sheet, zonings = atlas.sheet, atlas.zonings
    base = base_map(atlas, filled=True)
    measures, entries = [], {}
    records = by_place(figures, ("basket", "zoning"))
    lacks = _lacks(services)
    for basket in asked:
        rows = figures[figures["basket"] == basket.key]
        stock = _stock(provision, basket, sheet)
        judged = rows[(rows["level"] == "zone") & (rows["settlement"] == "judged")]
        most = {z: float(judged.loc[judged["zoning"] == z, "incomplete"].max()) for z in zonings}
        entries[basket.key] = {
            z: _entries(
                records.get((basket.key, z), {}),
                lacks.get((basket.key, z), {}),
                atlas.positions[z],
                list(basket.services),
                sheet,
                stock={(of, zone): told for (of, at, zone), told in stock.items() if at == z},
                most=most[z],
            )
            for z in zonings
        }
        measures.append(
            {
                **_measure(rows, services, basket, sheet),
                "unstocked": _unstocked(provision, basket, sheet),
                "legends": {z: _legend(basket, top, sheet) for z, top in most.items()},
            }
        )
    script_layer(base, "people", sheet.say("layer.incomplete"))
    script_layer(base, "sites", sheet.say("layer.facilities"))
    groups = [_group(figures, services, basket, sheet) for basket in asked if basket.walkers]
    names = {name for basket in asked for some in basket.services.values() for name in some}
    return finished(
        base,
        "baskets",
        headline=measures[0]["finding"] if measures else sheet.say("finding.nothing"),
        data={
            "measures": measures,
            "figures": entries,
            "row_labels": [sheet.say(f"basket.figure.{name}") for name in (*ROWS, *_SHARES)],
            "row_keys": [*ROWS, *_SHARES],
            "groups": groups,
            "groups_finding": groups_finding(figures, asked, sheet) if groups else "",
            "facilities": atlas.facilities(names)
            | {name: pins(drawn) for name, drawn in (parks or {}).items()},
        },
        rules_used=[*dict.fromkeys(b.rule_id for b in asked), *per_thousand.rules_used(provision)],
        notes=(
            sheet.say("note.baskets"),
            *(
                sheet.say("basket.source", contents=_contents(basket, sheet), source=basket.source)
                for basket in asked
            ),
            *([sheet.say("note.provision")] if provision is not None else []),
        ),
    )


_SHARES = ("complete_share_assessed", "complete_share", "range")


def basket_row(figures: pd.DataFrame, key: str) -> pd.Series[Any] | None:
    """Return the row that speaks for a basket, None where nobody is judged by its rule.

    Each zoning sums to the region, but one that covers a part of it leaves the others not assessed:
    the one that leaves fewest speaks.
    """
    rows = figures[
        (figures["basket"] == key)
        & (figures["level"] == "region")
        & (figures["settlement"] == "judged")
    ]
    if rows.empty or not rows["persons"].iloc[0]:
        return None
    return rows.iloc[int(rows["not_assessed"].argmin())]


def basket_finding(
    figures: pd.DataFrame, services: pd.DataFrame, basket: ShownBasket, sheet: Sheet
) -> str:
    """Return the finding of one basket as a sentence: who has all of it, and what fails most."""
    row = basket_row(figures, basket.key)
    if row is None:
        return sheet.say("finding.basket.nobody", basket=basket.label)
    if row["why"]:
        return sheet.say("finding.basket.not_assessed", basket=basket.label)
    told = {
        "who": _where(figures, basket, sheet),
        "share": text.percent(number(row["complete_share_assessed"])),
        "people": basket.people,
        "basket": basket.label,
        "of": _of(basket, sheet),
    }
    of = "group_" if basket.walkers else ""
    worst = _ranked(services, row)
    if worst.empty or not int(worst["lacking_persons"].iloc[0]):
        return sheet.say(f"finding.basket.{of}all", **told)
    return sheet.say(
        f"finding.basket.{of}some",
        **told,
        kind=sheet.say(f"kind.{worst['kind'].iloc[0]}"),
        persons=text.with_unit(int(worst["lacking_persons"].iloc[0]), "persons", sheet.lang),
    )


def groups_finding(figures: pd.DataFrame, asked: Sequence[ShownBasket], sheet: Sheet) -> str:
    """Return the finding of the elderly and the children together (一老一小)."""
    told = []
    for basket in asked:
        if not basket.walkers:
            continue
        row = basket_row(figures, basket.key)
        share = None if row is None or row["why"] else number(row["complete_share_assessed"])
        told.append(
            sheet.say(
                "finding.group",
                who=_where(figures, basket, sheet),
                share=text.percent(share),
                people=basket.people,
                of=_of(basket, sheet),
            )
        )
    return sheet.say("finding.groups", groups=sheet.say("list.clause").join(told))


def _where(figures: pd.DataFrame, basket: ShownBasket, sheet: Sheet) -> str:
    """Return whom the rule judges, as a place: "the urban area"."""
    rows = figures[(figures["basket"] == basket.key) & (figures["level"] == "region")]
    classes = [
        c for c in COLUMNS[1:] if ((rows["settlement"] == c) & rows["judged"].astype(bool)).any()
    ]
    if len(classes) == len(COLUMNS) - 1 or not classes:
        return sheet.region
    return text.joined([sheet.say(f"where.{c}") for c in classes], sheet.lang)


def _of(basket: ShownBasket, sheet: Sheet) -> str:
    """Return "5 of its 7 kinds have a layer": completeness is of no others."""
    known, every = len(basket.services), len(basket.services) + len(basket.missing)
    key = "basket.of_all" if known == every else "basket.of_some"
    return sheet.say(key, k=text.count(known), n=text.count(every))


def _ranked(services: pd.DataFrame, row: Mapping[Any, Any] | pd.Series[Any]) -> pd.DataFrame:
    """Return the kinds of one row of the figures, the one that most people lack first."""
    keys = ("level", "basket", "zoning", "zone_id", "settlement")
    part = services[services["why"] == ""]
    for key in keys:
        part = part[part[key] == row[key]]
    return part.sort_values("lacking_persons", ascending=False, kind="stable")


def _measure(
    rows: pd.DataFrame, services: pd.DataFrame, basket: ShownBasket, sheet: Sheet
) -> dict[str, Any]:
    """Return what a basket says about itself: button, finding, kinds, what is missing."""
    rule = sheet.rule(basket.rule_id)
    return {
        "key": basket.key,
        "label": basket.label,
        "finding": basket_finding(rows, services, basket, sheet),
        "of": _of(basket, sheet),
        "who": sheet.say("page.counts", people=basket.people),
        "rule": sheet.rule_note(basket.rule_id),
        "rule_text": sheet.rule_text(rule) if rule else "",
        "contents": _contents(basket, sheet),
        "kinds": [
            {
                "label": sheet.say(f"kind.{kind}"),
                "field": _field(kind, sheet),
                "services": list(names),
                "from": text.joined([sheet.label("service", name) for name in names], sheet.lang),
            }
            for kind, names in basket.services.items()
        ],
        "missing": [
            {
                "label": sheet.say(f"kind.{kind}"),
                "field": _field(kind, sheet),
                "why": sheet.say(f"basket.why.{why}"),
            }
            for kind, why in basket.missing.items()
        ],
    }


def _field(kind: str, sheet: Sheet) -> str:
    """Return what a kind of facility is for, in words."""
    return sheet.say(f"field.{kinds_of_facility()[kind].field}")


def _contents(basket: ShownBasket, sheet: Sheet) -> str:
    """Return what the basket holds, with the status of that list, and why it was changed."""
    kinds = [sheet.say(f"kind.{kind}") for kind in (*basket.services, *basket.missing)]
    told = sheet.say(
        "basket.contents",
        basket=basket.label,
        kinds=text.joined(kinds, sheet.lang),
        status=sheet.say(f"status.{basket.status}"),
    )
    changed = sheet.say("rule.changed", reason=basket.reason) if basket.reason else ""
    return told + (sheet.say("list.bracket", x=changed) if changed else "")


def _stock(
    provision: pd.DataFrame | None, basket: ShownBasket, sheet: Sheet
) -> dict[tuple[str, str, str], list[dict[str, str]]]:
    """Return figures per thousand residents by (level, zoning, zone), of kinds that have any."""
    told: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for kind, names in basket.services.items():
        for name in names:
            for place, lines in per_thousand.lines(provision, name, sheet).items():
                label = sheet.say(f"kind.{kind}")
                line = {**lines[0], "l": label, "by": lines[0]["l"]}
                told.setdefault(place, []).append(line)
    return told


def _unstocked(provision: pd.DataFrame | None, basket: ShownBasket, sheet: Sheet) -> str:
    """Name the kinds that no figure per thousand is known of, with the norm where there is one."""
    known = set() if provision is None else set(provision["service"])
    told = []
    for kind, names in basket.services.items():
        if not known & set(names):
            label, norm = sheet.say(f"kind.{kind}"), kinds_of_facility()[kind].norm
            rule = {"limit": sheet.limit(norm), "rule": sheet.rule_note(norm)}
            told.append(sheet.say("basket.norm", kind=label, **rule) if norm else label)
    return text.joined(told, sheet.lang)


def _group(
    figures: pd.DataFrame, services: pd.DataFrame, basket: ShownBasket, sheet: Sheet
) -> dict[str, Any]:
    """Return one side of 一老一小."""
    row = basket_row(figures, basket.key)
    stated = row is not None and not row["why"]
    worst = _ranked(services, row).head(1) if row is not None else services[:0]
    lacking = int(worst["lacking_persons"].iloc[0]) if len(worst) else 0
    return {
        "key": basket.key,
        "label": basket.label,
        "people": basket.people,
        "who": _where(figures, basket, sheet),
        "p": text.percent(number(row["complete_share_assessed"]) if stated and row is not None
                          else None),
        "range": text.DASH if row is None
        else text.percent_range(number(row["share_low"]), number(row["share_high"])),
        "b": [int(row[name]) for name in PARTS] if row is not None else [],
        "of": _of(basket, sheet),
        "most": sheet.say(
            "basket.most",
            kind=sheet.say(f"kind.{worst['kind'].iloc[0]}"),
            persons=text.with_unit(lacking, "persons", sheet.lang),
        ) if lacking else "",
        "missing": text.joined([sheet.say(f"kind.{kind}") for kind in basket.missing], sheet.lang),
        "rule": sheet.rule_note(basket.rule_id),
    }  # fmt: skip


def _legend(basket: ShownBasket, most: float, sheet: Sheet) -> dict[str, Any]:
    step = 100 // CLASSES
    ramp = {
        "kind": "ramp",
        "colours": [f"--class-{c}" for c in range(CLASSES)],
        "label": [f"{c * step}%" for c in range(CLASSES + 1)],
    }
    others: list[dict[str, Any]] = [
        {"kind": "fill", "colour": "--not-judged", "label": sheet.say("legend.not_judged")},
        {
            "kind": "fill",
            "colour": "--not-assessed",
            "label": sheet.say("legend.not_assessed", share=text.percent(sheet.max_not_assessed)),
        },
        {"kind": "dot", "colour": "--site", "size": 11, "label": sheet.say("legend.kind_picked")},
    ]
    title = sheet.say("legend.basket", basket=basket.label, people=basket.people)
    groups = [legend(title, [ramp]), legend("", others)]
    if most >= 1:
        circles = circle_items(sheet, most, "--out", biggest=CIRCLE)
        groups.append(legend(sheet.say("legend.incomplete"), circles, flow=True))
    layers = ["people", "demand", "zones", *(n for some in basket.services.values() for n in some)]
    return {"groups": groups, "notes": legend_notes(sheet, layers, [basket.rule_id])}


def _lacks(services: pd.DataFrame) -> dict[tuple[str, str], dict[Place, list[dict[Any, Any]]]]:
    """Return the rows of the kinds with a layer, of the judged, by basket and zoning, and place."""
    found: dict[tuple[str, str], dict[Place, list[dict[Any, Any]]]] = {}
    known = services[(services["why"] == "") & (services["settlement"] == "judged")]
    for row in known.to_dict("records"):
        places = found.setdefault((str(row["basket"]), str(row["zoning"])), {})
        places.setdefault((str(row["level"]), str(row["zone_id"])), []).append(row)
    return found


def _entries(
    places: Mapping[Place, Classes],
    lacks: Mapping[Place, Sequence[Mapping[Any, Any]]],
    positions: Mapping[str, int],
    kinds: Sequence[str],
    sheet: Sheet,
    *,
    stock: Mapping[Place, list[dict[str, str]]],
    most: float,
) -> dict[str, Any]:
    """Return the panels of the region and of each zone of one zoning."""
    zones = []
    for (level, zone_id), classes in places.items():
        if level != "zone":
            continue
        place = ("zone", zone_id)
        entry = _entry(classes, lacks.get(place, ()), kinds, sheet, most=most)
        entry |= {"i": positions.get(zone_id, -1), "x": stock.get(place, [])}
        if entry["i"] < 0:
            entry["n"] = sheet.say("zone.outside") if zone_id == "" else zone_id
        zones.append(entry)
    region = _entry(places.get(REGION, {}), lacks.get(REGION, ()), kinds, sheet, most=most)
    return {"region": {**region, "x": stock.get(REGION, [])}, "zones": zones}


def _entry(
    by_class: Classes,
    lacks: Sequence[Mapping[Any, Any]],
    kinds: Sequence[str],
    sheet: Sheet,
    *,
    most: float,
) -> dict[str, Any]:
    """Return one panel: figures by class, what is lacking, and the few raw ones the map needs."""
    several = sum(bool(r["judged"]) for name, r in by_class.items() if name != "judged") > 1
    heads, columns = [], []
    for name in COLUMNS if several else COLUMNS[1:]:
        row = by_class.get(name)
        if row is None or (name != "judged" and not row["persons"]):
            continue
        head = sheet.say(f"settlement.{name}")
        heads.append(head if row["judged"] else sheet.say("settlement.unjudged", name=head))
        columns.append(
            [
                *(text.count(row[figure]) for figure in ROWS),
                *(text.percent(number(row[figure])) for figure in _SHARES[:2]),
                text.percent_range(number(row["share_low"]), number(row["share_high"])),
            ]
        )
    judged = by_class.get("judged")
    entry: dict[str, Any] = {"h": heads, "t": columns, "c": -1, "r": 0, "b": [], "p": text.DASH,
                             "k": []}  # fmt: skip
    if judged is None or not judged["persons"]:
        return entry
    share = number(judged["complete_share_assessed"])
    stated = not judged["why"] and share is not None
    ranked = sorted(lacks, key=lambda row: -row["lacking_persons"])
    return entry | {
        "c": min(int(share * CLASSES), CLASSES - 1) if stated and share is not None else -2,
        "r": radius(judged["incomplete"], biggest=CIRCLE, most=most),
        "b": [int(judged[name]) for name in PARTS],
        "p": text.percent(share),
        "k": [
            {
                "i": kinds.index(row["kind"]),
                "n": int(row["lacking_persons"]),
                "only": int(row["lacking_only_persons"]),
            }
            for row in ranked
        ],
    }
