"""Persons as shares, with and without the not assessed, and what they amount to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from siting.coverage.judge import COUNTS
from siting.coverage.limits import meets, too_many
from siting.errors import DataError, Problem, StudyError
from siting.rules import Rule


def summary(
    coverage: pd.DataFrame,
    *,
    max_not_assessed: float,
    target: Rule | None = None,
    by: Sequence[str] = ("plan", "zoning", "service", "rule_id"),
) -> pd.DataFrame:
    """Turn persons into shares, with and without the not assessed, and judge them.

    People whom the rule judges and people whom it does not are never added up: ``judged`` is always
    among the keys.

    Parameters
    ----------
    coverage
        From :func:`cover`; several plans, services, rules and zonings may be stacked, as long as
        ``by`` names what there are several of (else people would be counted twice).
    max_not_assessed
        Share of not assessed (0–1) above which nothing is judged.
    target
        A rule in ``share``: the share of people that should be covered.
    by
        Columns to group by; add ``"zone_id"`` for a row a zone, ``"settlement"`` for 城区, 镇区 and
        乡村 apart.

    Returns
    -------
    pd.DataFrame
        The keys, summed persons, and ``covered_share`` (of all persons), ``covered_share_assessed``
        (of the assessed), ``share_low`` (``covered_low`` of all, the not assessed counted as not
        covered), ``share_high`` (``covered_high`` with every not assessed counted as covered),
        ``straight_share``, ``not_assessed_share``, ``target_share``, ``verdict`` and ``why``:

        ``pass`` / ``fail``: the share of the assessed and both ends of the range agree;
        ``not_robust``: they do not; ``not_judged``: ``why`` is ``settlement``, ``no_target``,
        ``no_persons`` or ``not_assessed``. Shares of nobody are missing, not 0.
    """
    mixed = [
        column
        for column in ("plan", "zoning", "service", "rule_id")
        if column not in by and coverage[column].nunique() > 1
    ]
    if mixed:
        raise DataError(
            Problem(
                "coverage",
                f"people would be counted more than once: there are several of {', '.join(mixed)}",
                "Keep one of each, or name these columns in by.",
            )
        )
    if target is not None and target.measure != "share":
        raise StudyError(
            f"rule {target.id} measures {target.measure}; a target is a share. Name another rule."
        )
    grouped = coverage.groupby([*by, "judged"], sort=True)
    table = grouped[list(COUNTS)].sum()
    table["covered_straight"] = grouped["covered_straight"].sum(min_count=1)
    table = table.reset_index()
    persons, missing = table["persons"], table["not_assessed"]
    high = table["covered_high"] + missing
    table["covered_share"] = _share(table["covered"], persons)
    table["covered_share_assessed"] = _share(table["covered"], persons - missing)
    table["share_low"] = _share(table["covered_low"], persons)
    table["share_high"] = _share(high, persons)
    table["straight_share"] = _share(table["covered_straight"], persons)
    table["not_assessed_share"] = _share(missing, persons)
    table["target_share"] = np.nan if target is None else target.strict
    verdicts = [
        _verdict(row, max_not_assessed=max_not_assessed, target=target)
        for row in table[["judged", *COUNTS]].to_dict("records")
    ]
    table["verdict"] = [verdict for verdict, _ in verdicts]
    table["why"] = [why for _, why in verdicts]
    return table


def _verdict(
    row: Mapping[Hashable, Any], *, max_not_assessed: float, target: Rule | None
) -> tuple[str, str]:
    persons, missing = int(row["persons"]), int(row["not_assessed"])
    if not row["judged"]:
        return "not_judged", "settlement"
    if target is None:
        return "not_judged", "no_target"
    if persons == 0 or persons == missing:
        return "not_judged", "no_persons" if persons == 0 else "not_assessed"
    if too_many(missing, persons, max_not_assessed):
        return "not_judged", "not_assessed"
    passes = {
        meets(int(row["covered"]), persons - missing, target),
        meets(int(row["covered_low"]), persons, target),
        meets(int(row["covered_high"]) + missing, persons, target),
    }
    if len(passes) > 1:
        return "not_robust", ""
    return ("pass" if passes == {True} else "fail"), ""


def _share(part: pd.Series[int], whole: pd.Series[int]) -> pd.Series[float]:
    return part.astype("Float64").astype(float) / whole.where(whole > 0).astype(float)
