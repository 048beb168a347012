"""A programme year by year: the state of every school, who goes where, what is done and paid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from siting.maps.mergers.shown import Register, ShownProgramme
from siting.merger import WAYS

STATES: Final = {
    "open": "o", "closed": "c", "partial": "p", "relocated": "l", "receiving": "r", "built": "b",
    "not_yet": "-",
}  # fmt: skip
"""What a school is in a year, and the letter it is written with."""
YEARS: Final = (
    "stays",
    *WAYS,
    "by_bus",
    "boarding",
    "not_known",
    "running",
    "bus",
    "board_cost",
    "building",
)


def yearly(
    programme: ShownProgramme, book: Register, relocated: set[str], options: pd.DataFrame
) -> dict[str, Any]:
    """Return what a script needs to show a programme in any year.

    Parameters
    ----------
    programme, book
        What is shown; all ids become places of ``book``.
    relocated
        Units that move as a whole school to the county town.
    options
        Whom rules refuse, to say which of them a programme breaks.

    Returns
    -------
    dict
        ``states`` (a letter a school, one string a year), ``flows``, ``done`` (closures, moves and
        buildings of each year), ``places`` (receivers), ``years``, ``linkage``.
    """
    return {
        "states": _states(programme, book, relocated),
        "flows": _flows(programme, book),
        "done": _done(programme, book, relocated, options),
        "places": _places(programme, book),
        "years": [
            {name: whole(row[name]) for name in YEARS}
            for row in programme.outcome.years.to_dict("records")
        ],
        "linkage": _linkage(programme, book),
    }


def _states(programme: ShownProgramme, book: Register, relocated: set[str]) -> list[str]:
    places = programme.outcome.places
    is_open = places.groupby(["year", "site_id"])["open"].any()
    came = places.groupby(["year", "site_id"])["came"].sum()
    first = book.years[0]
    built = programme.steps[programme.steps["what"] == "build"]
    since = {str(s): int(y) for s, y in built.groupby("site_id")["year"].min().items()}
    site_of = book.unit_table.set_index("unit_id")["site_id"].astype(str)
    gone: dict[str, list[tuple[int, str]]] = {}
    for unit, year in zip(programme.decisions["unit_id"], programme.decisions["year"], strict=True):
        gone.setdefault(site_of[unit], []).append((int(year), str(unit)))

    def state(site: str, year: int) -> str:
        left = [unit for when, unit in gone.get(site, ()) if when <= year]
        now = bool(is_open.get((year, site), False))
        if site in since:
            return "built" if year >= since[site] else "not_yet"
        if not now and bool(is_open.get((first, site), False)):
            return "relocated" if left and set(left) <= relocated else "closed"
        if left:
            return "partial"
        if not now:
            return "not_yet"
        return "receiving" if came.get((year, site), 0) > 0 else "open"

    return ["".join(STATES[state(s, y)] for s in book.sites) for y in book.years]


def _flows(programme: ShownProgramme, book: Register) -> list[dict[str, Any]]:
    """Return children elsewhere than today: year, unit, receiver, way, persons."""
    went = programme.attending[programme.attending["way"].isin(WAYS)]
    table = went.groupby(["year", "unit_id", "to_site", "way"])["persons"].sum().reset_index()
    years = {year: n for n, year in enumerate(book.years)}
    return [
        {
            "y": years[int(row["year"])],
            "u": book.units[str(row["unit_id"])],
            "t": book.at(str(row["to_site"])),
            "w": WAYS.index(str(row["way"])),
            "p": int(row["persons"]),
        }
        for row in table.to_dict("records")
    ]


def _done(
    programme: ShownProgramme, book: Register, relocated: set[str], options: pd.DataFrame
) -> list[dict[str, Any]]:
    """Return what happens: units that move in their year, buildings when they are paid and open.

    ``against`` are the rules that refuse a move, in its year or a later one.
    """
    decisions, steps = programme.decisions, programme.steps
    refused = options[options["refused_by"] != ""]
    by_move = dict(iter(refused.groupby(["unit_id", "to_site", "way"])))
    years = {year: n for n, year in enumerate(book.years)}
    rows: list[dict[str, Any]] = []
    for row in decisions.sort_values(["year", "unit_id"], kind="stable").to_dict("records"):
        rule_id = str(row.get("rule_id") or "")
        rows.append(
            {
                "y": years[int(row["year"])],
                "what": "relocate" if str(row["unit_id"]) in relocated else "move",
                "u": book.units[str(row["unit_id"])],
                "s": book.at(str(book.unit_table["site_id"][book.units[str(row["unit_id"])]])),
                "t": book.at(str(row["to_site"])),
                "w": WAYS.index(str(row["way"])),
                "rule": book.rule(rule_id) if rule_id not in ("", "nan") else -1,
                "against": [book.rule(r) for r in _against(row, by_move)],
                "seats": 0,
                "cost": 0,
                "paid": -1,
            }
        )
    return rows + [
        {
            "y": years[int(row["year"])],
            "what": str(row["what"]),
            "u": -1,
            "s": book.at(str(row["site_id"])),
            "t": -1,
            "w": -1,
            "rule": -1,
            "against": [],
            "seats": int(row["seats"]),
            "cost": int(row["cost"]),
            "paid": years.get(int(row["paid_in"]), -1),
        }
        for row in steps[steps["what"].isin(["build", "expand"])].to_dict("records")
    ]


def _against(row: Mapping[Any, Any], by_move: Mapping[Any, pd.DataFrame]) -> list[str]:
    """Return the rules that refuse a decision from its year on."""
    found = by_move.get((row["unit_id"], row["to_site"], row["way"]))
    if found is None:
        return []
    later = found.loc[found["year"] >= row["year"], "refused_by"]
    return sorted({rule for told in later for rule in str(told).split(";")})


def _places(programme: ShownProgramme, book: Register) -> list[dict[str, Any]]:
    """Return the services that receive children or are newly built, year by year."""
    places = programme.outcome.places
    built = programme.steps.loc[programme.steps["what"] == "build", "site_id"]
    here = places[(places["came"] > 0) | (places["site_id"].isin(built) & places["open"])]
    years = {year: n for n, year in enumerate(book.years)}
    return [
        {
            "y": years[int(row["year"])],
            "s": book.at(str(row["site_id"])),
            "v": str(row["service"]),
            "n": int(row["children"]),
            "came": int(row["came"]),
            "seats": whole(row["seats"]),
            "short": whole(row["seats_short"]),
            "classes": whole(row.get("classes_needed")),
            "rooms": whole(row.get("classrooms")),
        }
        for row in here.to_dict("records")
    ]


def _linkage(programme: ShownProgramme, book: Register) -> list[dict[str, Any]]:
    if programme.linkage is None:
        return []
    zones = book.atlas.zones
    names = dict(zip(zones["zone_id"].astype(str), zones["name"].astype(str), strict=True))
    years = {year: n for n, year in enumerate(book.years)}
    return [
        {
            "y": years[int(row["year"])],
            "zone": names.get(str(row["zone_id"]), str(row["zone_id"])),
            **{
                name: whole(row[name])
                for name in (
                    "children", "new_children", "accompanying_adults", "seats_needed",
                    "seats_built", "housing_units",
                )
            },
        }
        for row in programme.linkage.to_dict("records")
    ]  # fmt: skip


def whole(value: Any) -> int | None:
    """Return a whole number for JSON, or ``None`` where it is not known.

    Examples
    --------
    >>> whole(pd.NA), whole(3.0)
    (None, 3)
    """
    return None if value is None or pd.isna(value) else int(value)
