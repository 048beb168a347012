"""Whom decisions hit: places, grades, boarders, the near and the far; the worst-hit first."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from siting.access import equity
from siting.evaluate import Spread, spread
from siting.merger.attending import STAYS, daily
from siting.merger.journeys import BOARD, ms_of

FAIRNESS: Final = (
    "by", "group", "children", "moved", "boarding", "not_known", "mean_before_min",
    "mean_after_min", "p95_after_min", "max_after_min", "added_min",
)  # fmt: skip
QUINTILES: Final = 5


class Fairness(NamedTuple):
    """Whom decisions hit in one year.

    Attributes
    ----------
    groups
        :data:`FAIRNESS`, by ``zone``, ``grade``, ``boarding`` and ``distance_quintile`` of today;
        in each, the group with the most minutes added per child first. ``added_min`` is the sum
        over those whose journeys before and after are known and daily, divided by them.
    places
        ``demand_id``, ``children``, ``added_min`` (per child), ``mean_after_min``,
        ``max_after_min``: homes of children who travel longer, the worst first.
    gini_before, gini_after, palma_before, palma_after
        Of the mean journey between homes, today's of all children and the daily ones afterwards;
        the ratio is of the farthest tenth over the nearest two fifths, missing where there are too
        few homes.
    """

    groups: pd.DataFrame
    places: pd.DataFrame
    gini_before: float
    gini_after: float
    palma_before: float
    palma_after: float


def fairness(
    attending: pd.DataFrame, *, year: int, zone_of: pd.Series[str] | None = None
) -> Fairness:
    """Return whom decisions hit in a year.

    Parameters
    ----------
    attending
        From :func:`siting.merger.attending`, services stacked.
    year
        Which.
    zone_of
        Zone of each home; children without one stand under ``""``.

    Notes
    -----
    A boarder makes no daily journey and drops out of the means after: ``boarding`` stands beside
    them, and groups are ranked by minutes added over those who travel daily before and after.
    Quintiles are of today's journeys, children of one journey time in one quintile, 1 the nearest.
    """
    now = attending[(attending["year"] == year) & (attending["persons"] > 0)].copy()
    now["zone"] = "" if zone_of is None else now["demand_id"].map(zone_of).fillna("")
    now["boarding"] = np.where(now["mode"] == BOARD, "boards", "daily")
    now["distance_quintile"] = _quintile(now)
    now["grade_text"] = now["grade"].astype(str)
    parts = [
        _groups(now, column, by)
        for by, column in (
            ("zone", "zone"),
            ("grade", "grade_text"),
            ("boarding", "boarding"),
            ("distance_quintile", "distance_quintile"),
        )
    ]
    places = _groups(now[now["demand_id"] != ""], "demand_id", "place")
    places = places[places["added_min"] > 0].rename(columns={"group": "demand_id"})
    columns = ["demand_id", "children", "added_min", "mean_after_min", "max_after_min"]
    here = now[now["demand_id"] != ""]
    before, after = _between(here, "before_min"), _between(daily(here), "after_min")
    return Fairness(
        pd.concat(parts, ignore_index=True),
        places[columns].reset_index(drop=True),
        before[0],
        after[0],
        before[1],
        after[1],
    )


def _groups(rows: pd.DataFrame, column: str, by: str) -> pd.DataFrame:
    """Return one kind of groups, those with most minutes added a child first."""
    persons = rows["persons"]
    names = np.array(sorted(rows[column].unique()), dtype=object)
    at = pd.Series(np.searchsorted(names.astype(str), rows[column].to_numpy(dtype=str)), rows.index)

    def count(mask: pd.Series[bool]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        total = np.zeros(len(names), dtype=np.int64)
        np.add.at(total, at[mask].to_numpy(), persons[mask].to_numpy())
        return total

    travel = daily(rows)
    was = rows[rows["before_min"].notna()]
    after = _spread(travel, "after_min", at, len(names))
    before = _spread(was, "before_min", at, len(names))
    both = travel[travel["before_min"].notna()]
    minutes = ((both["after_min"] - both["before_min"]) * both["persons"]).groupby(at[both.index])
    added = minutes.sum() / both["persons"].groupby(at[both.index]).sum()
    found = pd.DataFrame(
        {
            "by": by,
            "group": names,
            "children": count(persons > 0),
            "moved": count(rows["way"] != STAYS),
            "boarding": count(rows["mode"] == BOARD),
            "not_known": count(rows["after_min"].isna() & (rows["mode"] != BOARD)),
            "mean_before_min": before.mean,
            "mean_after_min": after.mean,
            "p95_after_min": after.p95,
            "max_after_min": after.max,
            "added_min": added.reindex(range(len(names))).to_numpy(),
        }
    ).astype({"group": "str"})
    return found.sort_values(
        ["added_min", "group"], ascending=[False, True], na_position="last", ignore_index=True
    )[list(FAIRNESS)]


def _spread(rows: pd.DataFrame, column: str, at: pd.Series[int], groups: int) -> Spread:
    group = np.asarray(at[rows.index], dtype=np.int64)
    return spread(
        ms_of(rows[column]), rows["persons"].to_numpy(dtype=np.int64), group=group, groups=groups
    )


def _quintile(rows: pd.DataFrame) -> pd.Series[str]:
    """Return the fifth of children, by today's journey, that each row is in; "" where unknown."""
    known = rows[rows["before_min"].notna()]
    by_time = known.groupby("before_min")["persons"].sum().sort_index()
    reached = by_time.cumsum() - by_time  # children nearer than this
    total = max(int(by_time.sum()), 1)
    fifth = (reached * QUINTILES // total + 1).astype(int).astype(str)
    return rows["before_min"].map(fifth).fillna("").astype("str")


def _between(rows: pd.DataFrame, column: str) -> tuple[float, float]:
    """Return Gini and Palma of the mean journey between homes."""
    rows = rows[rows[column].notna()]
    minutes = (rows[column] * rows["persons"]).groupby(rows["demand_id"]).sum()
    persons = rows.groupby("demand_id")["persons"].sum()
    if persons.empty:
        return math.nan, math.nan
    told = equity((minutes / persons).tolist(), persons.astype(int).tolist())
    return told.gini, told.ratio if told.ratio_of == "palma" else math.nan
