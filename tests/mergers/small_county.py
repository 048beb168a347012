"""A county to be counted with a pencil: three village schools, a township's and one in town."""

from __future__ import annotations

from typing import Any

import pandas as pd

YEARS = (2026, 2027)
SCHOOLS = pd.DataFrame(
    [
        ("V1", "village", 0, 300_000),
        ("V2", "village", 12, 400_000),
        ("V3", "village", 0, 200_000),
        ("T", "township_seat", 40, 900_000),
        ("C", "county_town", 0, 2_000_000),
    ],
    columns=["site_id", "level", "boarders", "running_cost_yuan"],
).astype({"boarders": "Int64", "running_cost_yuan": "Int64"})
TEACHING = pd.DataFrame(
    [("V1", 1, 6, 60), ("V2", 1, 6, 90), ("V3", 1, 3, 30), ("T", 1, 6, 300), ("C", 1, 6, 900)],
    columns=["site_id", "grade_from", "grade_to", "seats"],
).assign(service="primary").astype({"seats": "Int64"})  # fmt: skip
UNITS = pd.DataFrame(
    [
        ("C:1-3", "C", 1, 3, "C:4-6"),
        ("C:4-6", "C", 4, 6, ""),
        ("T:1-3", "T", 1, 3, "T:4-6"),
        ("T:4-6", "T", 4, 6, ""),
        ("V1:1-3", "V1", 1, 3, "V1:4-6"),
        ("V1:4-6", "V1", 4, 6, ""),
        ("V2:1-3", "V2", 1, 3, "V2:4-6"),
        ("V2:4-6", "V2", 4, 6, ""),
        ("V3:1-3", "V3", 1, 3, ""),
    ],
    columns=["unit_id", "site_id", "grade_from", "grade_to", "needs"],
).assign(service="primary")
PERSONS = {
    "V1:1-3": (20, 16), "V1:4-6": (22, 20), "V2:1-3": (30, 28), "V2:4-6": (34, 32),
    "V3:1-3": (9, 8), "T:1-3": (110, 105), "T:4-6": (120, 115), "C:1-3": (400, 395),
    "C:4-6": (410, 405),
}  # fmt: skip
# one-way minutes of a child: to its own school, to the township's, to the town's
MINUTES = {"V1": (10, 30, 60), "V2": (15, 35, 70), "V3": (8, 20, 55), "T": (12, 12, 40),
           "C": (14, 50, 14)}  # fmt: skip


def staying() -> pd.DataFrame:
    """What keeping everything means."""
    rows = [
        (unit, year, n, n * MINUTES[unit.split(":")[0]][0], 0, 0)
        for unit, both in PERSONS.items()
        for year, n in zip(YEARS, both, strict=True)
    ]
    return pd.DataFrame(
        rows,
        columns=["unit_id", "year", "persons", "person_min", "bus_persons", "board_persons"],
    )


def options(**refused: str) -> pd.DataFrame:
    """Every village unit to the township and to the town, on foot, boarding, or moving home.

    ``refused`` names units (``V1_1_3``) and the rule that refuses the way on foot to the town.
    """
    rows: list[dict[str, Any]] = []
    for unit, both in PERSONS.items():
        site = unit.split(":")[0]
        if site in ("T", "C"):
            continue
        for to, at in (("T", 1), ("C", 2)):
            for way in ("commutes", "boards", "moves_home"):
                if way == "boards" and unit.endswith("1-3"):
                    continue
                for year, n in zip(YEARS, both, strict=True):
                    far = way == "commutes" and to == "C"
                    by = refused.get(unit.replace(":", "_").replace("-", "_"), "") if far else ""
                    each = {"commutes": MINUTES[site][at], "boards": 14, "moves_home": 15}[way]
                    rows.append(
                        {
                            "option_id": f"{unit} {to} {way}",
                            "unit_id": unit,
                            "to_site": to,
                            "kind": "whole",
                            "way": way,
                            "year": year,
                            "status": "refused" if by else "allowed",
                            "refused_by": by,
                            "findings": "school.journey" if far else "",
                            "persons": n,
                            "walk_persons": n if way == "commutes" and to == "T" else 0,
                            "bus_persons": n if far else 0,
                            "board_persons": n if way == "boards" else 0,
                            "move_persons": n if way == "moves_home" else 0,
                            "unknown_persons": 0,
                            "person_min_before": n * MINUTES[site][0],
                            "person_min_after": n * each,
                        }
                    )
    return pd.DataFrame(rows)


def pupils() -> pd.DataFrame:
    """Children of each school, one home a school."""
    rows = []
    for unit, both in PERSONS.items():
        site, grades = unit.split(":")
        for year, n in zip(YEARS, both, strict=True):
            rows.append((f"d{site}", site, "primary", int(grades[0]), year, n))
    return pd.DataFrame(
        rows, columns=["demand_id", "site_id", "service", "grade", "year", "persons"]
    )
