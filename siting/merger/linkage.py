"""What families who move need in town: 联动, year by year and zone by zone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from siting.merger.attending import moved_home
from siting.merger.journeys import rule_of
from siting.rules import Rule

ADULTS_RULE: Final = "plan.accompanying_adults"
LINKAGE: Final = (
    "year", "zone_id", "children", "new_children", "accompanying_adults", "seats_needed",
    "seats_built", "housing_units",
)  # fmt: skip


def linkage(
    attending: pd.DataFrame,
    steps: pd.DataFrame,
    *,
    rules: Mapping[str, Rule],
    zone_of_site: pd.Series[str],
    housing: pd.Series[int] | None = None,
) -> pd.DataFrame:
    """Return who lives in which town zone by then, and what was built for them.

    Parameters
    ----------
    attending
        From :func:`siting.merger.attending`, services stacked.
    steps
        As in :func:`siting.merger.outcome`: seats built.
    rules
        ``plan.accompanying_adults``: adults with each child.
    zone_of_site
        Zone of each school, of the zoning that families move in.
    housing
        Homes in reach, by zone; missing where nobody states them.

    Returns
    -------
    DataFrame
        :data:`LINKAGE`, one row a year and zone that families have moved to: ``children`` of these
        families at school that year, ``new_children`` more than in the year before (0 or less where
        more leave school than come), ``accompanying_adults`` = children × the rule, halves up,
        ``seats_needed`` by children who did not go to school in that zone before, whatever their
        way, ``seats_built`` there by then.
    """
    each = rule_of(rules, ADULTS_RULE).strict
    home = moved_home(attending)
    children = home.groupby(["to_zone", "year"])["persons"].sum()
    came = attending[attending["to_site"] != attending["from_site"]]
    to, origin = came["to_site"].map(zone_of_site), came["from_site"].map(zone_of_site)
    seats = came["persons"].where((to != origin).to_numpy(), 0)
    needed = seats.groupby([to, came["year"]]).sum()
    years = sorted(int(y) for y in attending["year"].unique())
    built = steps.assign(zone_id=steps["site_id"].map(zone_of_site))
    rows = []
    for zone in sorted(children.index.get_level_values("to_zone").unique()):
        before = 0
        for year in years:
            now = int(children.get((zone, year), 0))
            there = (built["zone_id"] == zone) & (built["year"] <= year)
            rows.append(
                (
                    year,
                    zone,
                    now,
                    now - before,
                    int(now * each + 0.5),
                    int(needed.get((zone, year), 0)),
                    int(built.loc[there, "seats"].sum()),
                    pd.NA if housing is None else housing.get(zone, pd.NA),
                )
            )
            before = now
    table = pd.DataFrame(rows, columns=list(LINKAGE)).astype(
        {"zone_id": "str", "housing_units": "Int64"}
    )
    return table.sort_values(["year", "zone_id"], ignore_index=True)


def demand_after(demand: pd.Series[int], attending: pd.DataFrame, *, year: int) -> pd.Series[int]:
    """Return children by place once families have moved: they leave home and enter the town.

    Parameters
    ----------
    demand
        Children by place of that year, before anybody moves.
    attending
        From :func:`siting.merger.attending`.
    year
        Which.

    Returns
    -------
    Series
        By place, and by ``zone:<zone_id>`` for those who moved there; the same total, less those
        whose home nobody knew and who moved (they enter and left nowhere known).
    """
    home = moved_home(attending[attending["year"] == year])
    known = home[home["demand_id"] != ""]
    left = demand - known.groupby("demand_id")["persons"].sum().reindex(demand.index, fill_value=0)
    entered = known.groupby("to_zone")["persons"].sum()
    entered.index = pd.Index([f"zone:{zone}" for zone in entered.index])
    return pd.concat([left, entered]).astype("int64")
