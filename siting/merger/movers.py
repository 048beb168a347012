"""Every child that decisions send elsewhere, once a year, with the way and the mode."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from siting.errors import DataError, Problem
from siting.merger.asked import Asked, asked, blocks, trips_of
from siting.merger.capacity import taught_at
from siting.merger.journeys import (
    BOARD,
    JOURNEY_RULE,
    MOVE,
    NEAREST,
    NOT_KNOWN,
    WAYS,
    YOUNG_RULE,
    minutes,
    rule_of,
    travel,
)
from siting.merger.setting import Setting
from siting.merger.units import YOUNG

MOVERS: Final = (
    "year", "unit_id", "demand_id", "grade", "way", "mode", "persons", "to_site", "to_zone",
    "before_min", "after_min",
)  # fmt: skip


def movers(decisions: pd.DataFrame, pupils: pd.DataFrame, of: Setting) -> pd.DataFrame:
    """Return who is transferred in every year, each child once.

    Parameters
    ----------
    decisions
        ``unit_id``, ``year`` (from which on), ``to_site``, ``way``; units of other services are
        left aside. Whether rules refuse them is :func:`siting.merger.options`' to say.
    pupils
        From :func:`siting.merger.pupils`.
    of
        The service; of the rules only the two limits of journeys are needed.

    Returns
    -------
    DataFrame
        :data:`MOVERS`, one row a year, unit, home and grade: ``mode`` is that of the travel times,
        ``board``, ``move`` or ``unknown`` (home or way not known); ``to_zone`` is the town zone
        that families enter, ``""`` where they stay at home; ``to_site`` is ``""`` where nobody
        knows a nearest school. ``demand_id`` is the home they leave, ``""`` where not known.
        ``before_min`` and ``after_min`` are of a single journey, by today's mode and by theirs;
        missing where not known.

    Raises
    ------
    DataError
        A unit that moves twice or before the one it needs, boards though it is of grades 1–3, moves
        home to no town, or comes to a school whose same grades leave; rows that do not fit.
    """
    units = of.units
    chosen = decisions[
        decisions["unit_id"].isin(set(units.loc[units["service"] == of.service, "unit_id"]))
    ].sort_values("unit_id", ignore_index=True)
    _check(decisions, chosen, units)
    of = replace(of, rules={name: rule_of(of.rules, name) for name in (YOUNG_RULE, JOURNEY_RULE)})
    told = asked(pupils, chosen[["unit_id", "to_site"]], of)
    _check_towns(chosen, told)
    taught = taught_at(told.sites, of.teaching, of.service)
    since = np.searchsorted(told.years, chosen["year"].to_numpy(dtype=np.int64))
    way_of = chosen["way"].to_numpy(dtype=object)
    names = np.array([*told.modes, BOARD, MOVE, NOT_KNOWN], dtype=object)
    site_id = np.append(told.sites.to_numpy(dtype=object), "")
    parts = []
    for part in blocks(told):
        trips = trips_of(told, part, taught)
        moved = told.year[trips.row] >= since[trips.choice]
        for way in WAYS:
            at = np.flatnonzero(moved & (way_of[trips.choice] == way))
            if not len(at):
                continue
            went = travel(trips, way, rules=of.rules, town=told.town_ms)
            mode = went.mode[at]
            choice, row = trips.choice[at], trips.row[at]
            parts.append(
                pd.DataFrame(
                    {
                        "year": np.array(told.years, np.int64)[told.year[row]],
                        "unit_id": told.unit_id[told.unit[choice]],
                        "demand_id": told.demand_id[row],
                        "grade": told.grade[row],
                        "way": way,
                        "mode": names[mode],
                        "persons": told.persons[row],
                        "to_site": site_id[trips.site[at]],
                        "to_zone": told.town[choice] if way == "moves_home" else "",
                        "before_min": minutes(trips.before[at]),
                        "after_min": minutes(went.after[at]),
                    }
                )
            )
    table = pd.concat(parts) if parts else pd.DataFrame(columns=list(MOVERS))
    table = table[table["persons"] > 0].astype(
        {
            **dict.fromkeys(("year", "grade", "persons"), "int64"),
            **dict.fromkeys(("unit_id", "demand_id", "way", "mode", "to_site", "to_zone"), "str"),
        }
    )
    return table.sort_values(["year", "unit_id", "demand_id", "grade"], ignore_index=True)


def _check(decisions: pd.DataFrame, chosen: pd.DataFrame, units: pd.DataFrame) -> None:
    """Hold decisions to each other."""
    of = units.set_index("unit_id")
    here = of.reindex(chosen["unit_id"]).reset_index()
    year = dict(zip(chosen["unit_id"], chosen["year"], strict=True))
    needs = here["needs"]
    early = [
        u
        for u, needed, y in zip(chosen["unit_id"], needs, chosen["year"], strict=True)
        if needed != "" and not year.get(needed, np.inf) <= y
    ]
    left = {
        (site, grade)
        for site, first, last in here[["site_id", "grade_from", "grade_to"]].itertuples(index=False)
        for grade in range(int(first), int(last) + 1)
    }
    chained = [
        u
        for u, to, first, last in zip(
            chosen["unit_id"], chosen["to_site"], here["grade_from"], here["grade_to"], strict=True
        )
        if to != NEAREST and any((to, g) in left for g in range(int(first), int(last) + 1))
    ]
    young = (here["grade_to"] <= YOUNG).to_numpy() & (chosen["way"] == "boards").to_numpy()
    tests = (
        (decisions.loc[~decisions["unit_id"].isin(of.index), "unit_id"], "are not among the units",
         "Name units of siting.merger.units."),
        (chosen.loc[chosen["unit_id"].duplicated(), "unit_id"], "move twice", "Leave one row."),
        (chosen.loc[~chosen["way"].isin(WAYS), "unit_id"], "go in no known way",
         f"Use {', '.join(WAYS)}."),
        (early, "leave before the upper grades of their school", "Move those first, or as early."),
        (chained, "come to a school whose same grades leave", "Name the school they end up at."),
        (chosen.loc[young, "unit_id"], "are of grades 1–3 and would board",
         "Let them commute, or their families move."),
    )  # fmt: skip
    problems = [
        Problem("decisions", f"{len(set(ids))} units {what}", mend, tuple(sorted(set(ids))))
        for ids, what, mend in tests
        if len(ids)
    ]
    if problems:
        raise DataError(problems)


def _check_towns(chosen: pd.DataFrame, of: Asked) -> None:
    # one choice a decision, both in the order of units
    lost = chosen["unit_id"][(chosen["way"] == "moves_home").to_numpy() & (of.town == "")]
    if len(lost):
        raise DataError(
            Problem(
                "decisions",
                f"{len(lost)} units move home to a receiver without a town zone",
                "Name the receiver and its zone in towns.",
                tuple(lost),
            )
        )
