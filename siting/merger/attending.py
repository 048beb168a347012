"""Where every pupil is in every year once decisions are made: who stays and who moved, at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from siting.merger.journeys import Pairs, positions
from siting.merger.movers import BOARD, MOVE, NOT_KNOWN, minutes, movers
from siting.rules import Rule

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

ATTENDING: Final = (
    "year", "service", "unit_id", "demand_id", "grade", "persons", "from_site", "to_site", "way",
    "mode", "to_zone", "before_min", "after_min",
)  # fmt: skip
STAYS: Final = "stays"
NO_DAILY_JOURNEY: Final = (BOARD, NOT_KNOWN)
"""Modes of those who make no journey a day, or none that is known."""
_KEY: Final = ["year", "unit_id", "demand_id", "grade"]


def attending(
    decisions: pd.DataFrame,
    pupils: pd.DataFrame,
    units: pd.DataFrame,
    times: Mapping[str, TravelTimes],
    *,
    service: str,
    rules: Mapping[str, Rule],
    teaching: pd.DataFrame,
    zone_of: pd.Series[str] | None = None,
    eligible: pd.DataFrame | None = None,
    towns: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return every pupil of a service in every year, where decisions put them.

    Parameters
    ----------
    decisions, pupils, units, times, service, rules, teaching, zone_of, eligible, towns
        As in :func:`siting.merger.movers`; no decisions keep everything.

    Returns
    -------
    DataFrame
        :data:`ATTENDING`: as of ``movers``, those who stay with way ``stays`` and today's mode.
        ``unit_id`` and ``from_site`` are ``""`` for children at no school of the register. Persons
        by year and grade are those of ``pupils``.
    """
    mine = pupils[pupils["service"] == service]
    went = movers(
        decisions, pupils, units, times, service=service, rules=rules, teaching=teaching,
        zone_of=zone_of, eligible=eligible, towns=towns,
    )  # fmt: skip
    here = units[units["service"] == service]
    where = pd.concat(
        [
            pd.DataFrame({"site_id": site, "grade": range(first, last + 1), "unit_id": unit})
            for unit, site, first, last in here[
                ["unit_id", "site_id", "grade_from", "grade_to"]
            ].itertuples(index=False)
        ]
        or [pd.DataFrame({"site_id": [], "grade": [], "unit_id": []})]
    )
    every = mine.merge(where, on=["site_id", "grade"], how="left")
    every["unit_id"] = every["unit_id"].fillna("")
    gone = pd.MultiIndex.from_frame(went[_KEY])
    stays = every[~pd.MultiIndex.from_frame(every[_KEY]).isin(gone)]
    mode, table = next(iter(times.items()))
    pairs = Pairs.of(table)
    home = positions(pairs.homes, stays["demand_id"], "pupils", "homes")
    site = positions(pairs.sites, stays["site_id"], "pupils", "schools")
    now = minutes(np.where((home >= 0) & (site >= 0), pairs.ms(home, site), -1))
    kept = pd.DataFrame(
        {
            **{c: stays[c].to_numpy() for c in ("year", "unit_id", "demand_id", "grade")},
            "service": service,
            "persons": stays["persons"].to_numpy(),
            "from_site": stays["site_id"].to_numpy(),
            "to_site": stays["site_id"].to_numpy(),
            "way": STAYS,
            "mode": np.where(np.isnan(now), NOT_KNOWN, mode),
            "to_zone": "",
            "before_min": now,
            "after_min": now,
        }
    )
    moved = went.assign(
        service=service, from_site=went["unit_id"].map(here.set_index("unit_id")["site_id"])
    )
    found = pd.concat([kept, moved], ignore_index=True)[list(ATTENDING)]
    found = found.astype(
        {
            **dict.fromkeys(("year", "grade", "persons"), "int64"),
            **dict.fromkeys(
                ("service", "unit_id", "demand_id", "from_site", "to_site", "way", "mode",
                 "to_zone"), "str",
            ),
            "before_min": "float64",
            "after_min": "float64",
        }
    )  # fmt: skip
    return found.sort_values([*_KEY, "from_site"], ignore_index=True)


def daily(attending: pd.DataFrame) -> pd.DataFrame:
    """Return those who make a journey every day that is known: not boarders, not the unknown."""
    known = attending["after_min"].notna() & ~attending["mode"].isin(list(NO_DAILY_JOURNEY))
    return attending[known]


def moved_home(attending: pd.DataFrame) -> pd.DataFrame:
    """Return those whose families moved to a town."""
    return attending[attending["mode"] == MOVE]
