"""Figures that pages, CSV and XLSX show alike, made once for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from siting import green
from siting.coverage import summary
from siting.green import Target
from siting.rules import Rule

KEYS = ("plan", "zoning", "service", "rule_id")


def coverage_figures(
    coverage: pd.DataFrame,
    *,
    max_not_assessed: float,
    targets: Mapping[str, Rule] | None = None,
) -> pd.DataFrame:
    """Return what pages, CSV and XLSX show of coverage: one table for all of them.

    Parameters
    ----------
    coverage
        Table ``coverage``; plans, services and rules may be stacked.
    max_not_assessed
        Share of not assessed (0–1) above which nothing is judged.
    targets
        By service, a rule in ``share`` that the covered share should reach; none by default.

    Returns
    -------
    pd.DataFrame
        ``level`` (``region``, ``zone``), ``plan``, ``zoning``, ``zone_id`` (``""`` for the region
        and for those outside every zone), ``service``, ``rule_id``, ``settlement`` (``judged``: all
        classes the rule judges, then each class by itself), ``judged``, persons, the shares of
        :func:`siting.coverage.summary` and ``straight_share_assessed`` (of the assessed, like
        ``covered_share_assessed``, which it can therefore never be below).
    """
    stacked = []
    aims = {service: (targets or {}).get(service) for service in coverage["service"].unique()}
    for level, by in (("region", KEYS), ("zone", (*KEYS, "zone_id"))):
        for part in (by, (*by, "settlement")):
            tables = [
                summary(
                    coverage[coverage["service"] == service],
                    max_not_assessed=max_not_assessed,
                    target=target,
                    by=part,
                )
                for service, target in aims.items()
            ]
            nothing = summary(coverage[:0], max_not_assessed=max_not_assessed, by=part)
            table = pd.concat(tables or [nothing], ignore_index=True)
            table["level"] = level
            if "settlement" not in part:
                table = table[table["judged"]].assign(settlement="judged")
            if level == "region":
                table["zone_id"] = ""
            stacked.append(table)
    figures = pd.concat(stacked, ignore_index=True)
    assessed = (figures["persons"] - figures["not_assessed"]).astype(float)
    straight = figures["covered_straight"].astype("Float64").astype(float)
    figures["straight_share_assessed"] = straight / assessed.where(assessed > 0)
    order = {name: n for n, name in enumerate(("judged", "urban", "township_seat", "village"))}
    figures = figures.sort_values(
        ["level", *KEYS, "zone_id", "settlement"],
        key=lambda c: c.map(order) if c.name == "settlement" else c,
        kind="stable",
        ignore_index=True,
    )
    first = ["level", *KEYS, "zone_id", "settlement"]
    return figures[[*first, *(c for c in figures.columns if c not in first)]]


def green_figures(
    table: pd.DataFrame, *, targets: Sequence[Target], max_not_assessed: float
) -> pd.DataFrame:
    """Return what pages, CSV and XLSX show of green: one table for all of them.

    Parameters
    ----------
    table
        ``Green.table`` of :func:`siting.green.green_coverage`.
    targets, max_not_assessed
        As in :func:`siting.green.summary`.

    Returns
    -------
    pd.DataFrame
        ``level`` (``region``, ``zone``), ``zoning``, ``zone_id``, ``indicator``, ``rule_id``, then
        the columns of :func:`siting.green.summary`: one row a target, and one for an indicator
        without.
    """
    stacked = []
    for level, by in (("region", ()), ("zone", ("zone_id",))):
        part = green.summary(
            table,
            targets=targets,
            max_not_assessed=max_not_assessed,
            by=("zoning", *by, "indicator"),
        )
        part["level"] = level
        if level == "region":
            part["zone_id"] = ""
        stacked.append(part)
    figures = pd.concat(stacked, ignore_index=True)
    figures["rule_id"] = figures["indicator"].map(table.groupby("indicator")["rule_id"].first())
    first = ["level", "zoning", "zone_id", "indicator", "rule_id"]
    return figures[[*first, *(c for c in figures.columns if c not in first)]]
