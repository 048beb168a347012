"""New sites: which candidates to open, whom they cover, and how good the choice is proved to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    radii,
    script_layer,
)
from siting.maps.coverage import within
from siting.maps.sheet import Sheet

if TYPE_CHECKING:
    from siting.locate import Solution

CIRCLE = 16.0


def new_sites_page(
    atlas: Atlas,
    solution: Solution,
    candidates: pd.DataFrame,
    *,
    service: str,
    rule_id: str,
    persons: int,
    newly: gpd.GeoDataFrame | None = None,
) -> str:
    """Return the page of new sites.

    Parameters
    ----------
    atlas
        What every page takes; its ``sites`` hold the candidates.
    solution
        What :func:`siting.locate.mclp` returns; its status, bound and gap are always printed.
    candidates
        One row a candidate: ``site_id``, ``name``, ``new_persons`` (newly covered were it the only
        one opened); ``excluded`` (why it may not be built on, ``""`` where it may) if known.
    service, rule_id
        What is to be opened and what it is judged by.
    persons
        Persons judged, the whole that shares are of.
    newly
        Demand points newly covered: ``persons``, point ``geometry``.
    """
    need(candidates, ["site_id", "name", "new_persons"], "candidates")
    sheet = atlas.sheet
    base = base_map(atlas, filled=False)
    script_layer(base, "people", sheet.say("layer.newly"))
    script_layer(base, "sites", sheet.say("layer.facilities"))
    script_layer(base, "picked", sheet.say("layer.candidates"))
    name = sheet.label("service", service)
    gained = solution.objective - solution.already
    points = _newly(newly)
    most = float(newly["persons"].max()) if newly is not None and len(newly) else 0.0
    data = {
        "rows": _rows(solution, candidates, atlas),
        "facts": _facts(solution, persons, sheet),
        "bars": [solution.already, gained, max(persons - solution.objective, 0)],
        "big": text.count(gained),
        "big_label": sheet.say(
            "new_sites.big", share=text.percent(gained / persons if persons else None)
        ),
        "proof": _proof(solution, sheet),
        "proved": solution.status == "optimal" and solution.unique is True,
        "rule": sheet.rule_note(rule_id),
        "newly": points,
        "facilities": atlas.facilities([service]),
        "legend": {
            "groups": [
                *(
                    [
                        legend(
                            sheet.say("legend.newly"),
                            circle_items(sheet, most, "--covered", biggest=CIRCLE),
                            flow=True,
                        )
                    ]
                    if points
                    else []
                ),
                legend(
                    "",
                    [
                        {
                            "kind": "dot",
                            "colour": "--chosen",
                            "size": 15,
                            "label": sheet.say("legend.chosen"),
                        },
                        {
                            "kind": "ring",
                            "colour": "--chosen",
                            "size": 10,
                            "label": sheet.say("legend.candidate"),
                        },
                        {
                            "kind": "dot",
                            "colour": "--site",
                            "size": 11,
                            "label": sheet.say("legend.existing", service=name),
                        },
                    ],
                ),
            ],
            "notes": legend_notes(sheet, ["people", "demand", service], [rule_id]),
        },
    }
    return finished(
        base,
        "new_sites",
        headline=new_sites_finding(solution, persons, service, rule_id, sheet),
        data=data,
        rules_used=[rule_id],
        notes=[sheet.say("note.new_sites")],
    )


def new_sites_finding(
    solution: Solution, persons: int, service: str, rule_id: str, sheet: Sheet
) -> str:
    """Return what the new sites do, in a sentence: covered before and after, of ``persons``."""
    if not persons:
        return sheet.say("finding.new_sites.nobody", service=sheet.label("service", service))
    return sheet.say(
        "finding.new_sites.some",
        n=text.count(len(solution.chosen)),
        service=sheet.label("service", service),
        gained=text.count(solution.objective - solution.already),
        before=text.percent(solution.already / persons if persons else None),
        after=text.percent(solution.objective / persons if persons else None),
        within=within(service, rule_id, sheet),
    )


def _proof(solution: Solution, sheet: Sheet) -> list[str]:
    """Return how good the choice is proved to be: status, bound, gap, and whether it is alone."""
    said = [
        sheet.say(f"solver.{solution.status}"),
        sheet.say("solver.bound", bound=text.count(solution.bound), gap=text.percent(solution.gap)),
    ]
    unique = {True: "unique", False: "not_unique", None: "unique_unknown"}[solution.unique]
    said.append(sheet.say(f"solver.{unique}"))
    if solution.tie_break != "none":
        said.append(sheet.say(f"solver.tie.{solution.tie_break}"))
    return said


def _facts(solution: Solution, persons: int, sheet: Sheet) -> list[list[str]]:
    """Return the figures of the solution, in words and numbers."""

    def share(n: int) -> str:
        return text.percent(n / persons if persons else None)

    return [
        [sheet.say("new_sites.persons"), text.count(persons), ""],
        [sheet.say("new_sites.already"), text.count(solution.already), share(solution.already)],
        [
            sheet.say("new_sites.objective"),
            text.count(solution.objective),
            share(solution.objective),
        ],
        [sheet.say("new_sites.bound"), text.count(solution.bound), share(solution.bound)],
        [
            sheet.say("new_sites.uncoverable"),
            text.count(solution.uncoverable),
            share(solution.uncoverable),
        ],
    ]


def _rows(solution: Solution, candidates: pd.DataFrame, atlas: Atlas) -> list[dict[str, Any]]:
    """Return the candidates: chosen first, then by persons newly covered alone."""
    chosen = set(solution.chosen)
    table = candidates.assign(chosen=candidates["site_id"].astype(str).isin(chosen))
    table = table.sort_values(
        ["chosen", "new_persons", "site_id"], ascending=[False, False, True], kind="stable"
    )
    spots, sheet = atlas.spots, atlas.sheet
    rows = []
    for row in table.to_dict("records"):
        site_id = str(row["site_id"])
        excluded = str(row.get("excluded") or "")
        what = "chosen" if row["chosen"] else "excluded" if excluded else "candidate"
        if what == "candidate" and site_id in solution.useless:
            what = "useless"
        rows.append(
            {
                "id": site_id,
                "name": str(row["name"]),
                "at": spots.get(site_id),
                "chosen": bool(row["chosen"]),
                "what": sheet.say(f"candidate.{what}"),
                "excluded": excluded,
                "persons": text.count(number(row["new_persons"])),
                "p": number(row["new_persons"]),
            }
        )
    return rows


def _newly(newly: gpd.GeoDataFrame | None) -> list[list[float]]:
    """Return ``[lat, lon, radius]`` of the points newly covered, largest first."""
    if newly is None or newly.empty:
        return []
    newly = newly.sort_values("persons", ascending=False, kind="stable")
    sizes = radii(newly["persons"], biggest=CIRCLE)
    return [
        [*spot, max(size, 1.5)] for spot, size in zip(geometry.places(newly), sizes, strict=True)
    ]
