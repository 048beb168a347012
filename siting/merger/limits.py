"""Whom the limits of journeys find among pupils, before and after: one count for all tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from siting.coverage import thresholds
from siting.evaluate import MS_PER_MIN
from siting.merger.journeys import BOARD, JOURNEY_RULE, YOUNG_RULE, ms_of, rule_of
from siting.merger.units import YOUNG
from siting.rules import Rule
from siting.travel_time import is_covered

LIMITS: Final = (
    "year", "rule_id", "strength", "status", "limit_min", "persons", "over_before_persons",
    "over_after_persons", "newly_over_persons", "lengthened_persons", "not_known_persons",
)  # fmt: skip


def limits(rows: pd.DataFrame, rules: Mapping[str, Rule], years: Sequence[int]) -> pd.DataFrame:
    """Return whom each limit finds, year by year.

    Parameters
    ----------
    rows
        ``year``, ``grade``, ``persons``, ``mode``, ``before_min``, ``after_min``: pupils, such as
        :func:`siting.merger.movers` and :func:`siting.merger.attending` return.
    rules
        By id; the two limits of journeys are needed.
    years
        Which.

    Returns
    -------
    DataFrame
        :data:`LIMITS`: ``persons`` it speaks of (a boarder's journey is judged by no limit),
        ``newly_over_persons`` (within it before and over it after), ``lengthened_persons`` (over
        before and longer after), ``not_known_persons`` (without a known journey before or after).
    """
    before, after = ms_of(rows["before_min"]), ms_of(rows["after_min"])
    persons = rows["persons"].to_numpy(dtype="int64")
    daily = (rows["mode"] != BOARD).to_numpy()
    of = {YOUNG_RULE: daily & (rows["grade"] <= YOUNG).to_numpy(), JOURNEY_RULE: daily}
    found = []
    for year in years:
        now = (rows["year"] == year).to_numpy()
        for name, speaks in of.items():
            rule = rule_of(rules, name)
            limit = thresholds(rule).judged
            kept, keeps = is_covered(before, limit), is_covered(after, limit)
            known = (before >= 0) & (after >= 0)
            masks = (
                speaks,
                speaks & (before >= 0) & ~kept,
                speaks & (after >= 0) & ~keeps,
                speaks & kept & (after >= 0) & ~keeps,
                speaks & known & ~kept & (after > before),
                speaks & ~known,
            )
            head = (year, name, rule.strength, rule.status, limit / MS_PER_MIN)
            found.append((*head, *(int(persons[now & mask].sum()) for mask in masks)))
    return pd.DataFrame(found, columns=list(LIMITS))
