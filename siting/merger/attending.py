"""Where every pupil is in every year once decisions are made: who stays and who moved, at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from siting.merger.journeys import BOARD, MOVE, NOT_KNOWN, Pairs, minutes, positions
from siting.merger.movers import movers
from siting.merger.setting import Setting

ATTENDING: Final = (
    "year", "service", "unit_id", "demand_id", "grade", "persons", "from_site", "to_site", "way",
    "mode", "to_zone", "before_min", "after_min",
)  # fmt: skip
STAYS: Final = "stays"
NO_DAILY_JOURNEY: Final = (BOARD, NOT_KNOWN)
"""Modes of those who make no journey a day, or none that is known."""
_KEY: Final = ["year", "unit_id", "demand_id", "grade"]


def attending(decisions: pd.DataFrame, pupils: pd.DataFrame, of: Setting) -> pd.DataFrame:
    """Return every pupil of a service in every year, where decisions put them.

    Parameters
    ----------
    decisions, pupils, of
        As in :func:`siting.merger.movers`; no decisions keep everything.

    Returns
    -------
    DataFrame
        :data:`ATTENDING`: as of ``movers``, those who stay with way ``stays`` and today's mode.
        ``unit_id`` and ``from_site`` are ``""`` for children at no school of the register. Persons
        by year and grade are those of ``pupils``.
    """
    mine = pupils[pupils["service"] == of.service]
    went = movers(decisions, pupils, of)
    here = of.units[of.units["service"] == of.service]
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
    pairs = Pairs.of(of.today)
    home = positions(pairs.homes, stays["demand_id"], "pupils", "homes")
    site = positions(pairs.sites, stays["site_id"], "pupils", "schools")
    now = minutes(np.where((home >= 0) & (site >= 0), pairs.ms(home, site), -1))
    kept = pd.DataFrame(
        {
            **{c: stays[c].to_numpy() for c in ("year", "unit_id", "demand_id", "grade")},
            "service": of.service,
            "persons": stays["persons"].to_numpy(),
            "from_site": stays["site_id"].to_numpy(),
            "to_site": stays["site_id"].to_numpy(),
            "way": STAYS,
            "mode": np.where(np.isnan(now), NOT_KNOWN, next(iter(of.times))),
            "to_zone": "",
            "before_min": now,
            "after_min": now,
        }
    )
    moved = went.assign(
        service=of.service, from_site=went["unit_id"].map(here.set_index("unit_id")["site_id"])
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
