"""Judge demand points by a rule, and count the people by zone."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from siting.coverage.limits import exact, is_decided, may_pass, thresholds
from siting.coverage.members import Members, members
from siting.coverage.seats import Seats, seated
from siting.demand import among, whole_persons
from siting.errors import DataError, Problem, first_ids
from siting.rules import Rule
from siting.travel_time import is_assessed, is_covered

STATES = ("reached", "beyond_cutoff", "unreachable", "unattached")
COUNTS = (
    "persons",
    "covered",
    "no_seat",
    "out_of_reach",
    "not_assessed",
    "covered_low",
    "covered_high",
)


def straight_mm(
    demand: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, open_sites: Sequence[str]
) -> pd.Series[int]:
    """Return the straight line from each demand point to the nearest open site, in millimetres.

    To the edge of a polygon (0 inside it), to the point of a point site; −1 where none is open.

    Parameters
    ----------
    demand
        ``demand_id``, point ``geometry``, metric CRS.
    sites
        ``site_id``, point or polygon ``geometry``, the same CRS.
    open_sites
        Site ids.
    """
    if demand.crs != sites.crs:
        raise DataError(
            Problem("sites", "not in the CRS of the demand", "Load both in the working CRS.")
        )
    chosen = sites[sites["site_id"].isin(set(open_sites))]
    result = np.full(len(demand), -1, np.int64)
    if len(chosen):
        tree = shapely.STRtree(chosen.geometry.to_numpy())
        (at, _), distance = tree.query_nearest(
            demand.geometry.to_numpy(), all_matches=False, return_distance=True
        )
        result[at] = np.rint(distance * 1_000).astype(np.int64)
    return pd.Series(result, index=pd.Index(demand["demand_id"], name="demand_id"), name="mm")


def assess(
    demand: pd.DataFrame,
    reach: pd.DataFrame,
    *,
    rule: Rule,
    islands: pd.Series[bool] | NDArray[np.bool_],
    speed: Rule | None = None,
    straight: pd.Series[int] | None = None,
    spread: pd.Series[int] | None = None,
    leg: Rule | None = None,
) -> pd.DataFrame:
    """Judge every demand point by one rule; zonings come later, in :func:`cover`.

    The headline ``covered`` judges the impedance, access leg included, by the rule's value or
    strict end. ``covered_low`` takes the strict end and slow walkers, people at the far end of the
    land their point stands for, and the access leg as long as it may be; ``covered_high`` the loose
    end and fast walkers, people at the near end, and no access leg. For a radius the network
    length may not exceed it **and** the straight line may not: drawn entrances, projected lengths
    and rounding may make a network path shorter than the straight line to the site, and nobody
    walks that.

    Parameters
    ----------
    demand
        ``demand_id``, ``population`` (whole persons of the group judged), ``settlement``.
    reach
        The ``reach`` table of the open sites: index ``demand_id``; ``impedance``, ``access``,
        ``state``; ``bound`` where the times are a lower bound: those within a hard rule are then
        not assessed, and nobody is covered by it.
    rule
        What to judge by.
    islands
        True where no road leads from the point to any **existing** site of the service; a Series
        by ``demand_id``, or an array in the row order of ``reach``.
    speed
        Range of speed for a time rule.
    straight
        From :func:`straight_mm`; required for a radius (``straight_m``) and not used otherwise.
    spread
        By ``demand_id``, in the unit of the impedance: how far people may live from their point.
        It widens the range and moves no headline; points that are not named have none.
    leg
        A factor: how many times as long as drawn the access leg may be (1 where not given).

    Returns
    -------
    pd.DataFrame
        In the row order of ``demand``: ``demand_id``, ``settlement``, ``persons``, ``impedance``,
        ``site_id``, ``state``, ``farther`` and ``nearer`` (how much farther and nearer than the
        impedance people may live, for the range), and booleans ``assessed``, ``covered``,
        ``covered_low``, ``covered_high``, ``covered_straight`` (all False where not a radius).

    Raises
    ------
    DataError
        Tables that do not fit each other, persons that are not whole; all problems at once.
    """
    ids = pd.Index(demand["demand_id"])
    persons = whole_persons(pd.Series(demand["population"].array, index=ids), ids)
    limits = thresholds(rule, speed=speed)
    rows = _aligned(ids, reach)
    if isinstance(islands, pd.Series):
        island = islands.reindex(ids).fillna(False).to_numpy(dtype=bool)
    elif len(islands) == len(reach):
        island = np.asarray(islands, dtype=bool)
        if not reach.index.equals(ids):
            island = island[reach.index.get_indexer(ids)]
    else:
        raise DataError(
            Problem(
                "islands",
                f"{len(islands)} values for {len(reach)} rows of reach",
                "Give one value a row, or a Series by demand_id.",
            )
        )
    impedance = rows["impedance"].to_numpy(dtype=np.int64)
    access = np.maximum(rows["access"].to_numpy(dtype=np.int64), 0)
    apart = np.zeros(len(demand), dtype=np.int64)
    if spread is not None:
        apart = np.asarray(spread.reindex(ids).fillna(0).to_numpy(), dtype=np.int64)
    longer = max(exact(1 if leg is None else leg.strict) - 1, exact(0))
    farther = apart + access * longer.numerator // longer.denominator
    nearer = apart + access
    bound = str(reach["bound"].iloc[0]) if "bound" in reach and len(reach) else "exact"
    within = is_covered(impedance, limits.judged)
    assessed = is_assessed(rows["state"].to_numpy(), island) & is_decided(within, rule, bound)
    covered = within & assessed
    covered_low = is_covered(_moved(impedance, farther), limits.low) & assessed
    covered_high = is_covered(_moved(impedance, -nearer), limits.high) & assessed
    covered_high &= may_pass(rule, bound)
    covered_straight = np.zeros(len(demand), dtype=bool)
    if rule.measure == "straight_m":
        if straight is None:
            raise DataError(
                Problem(
                    "straight",
                    f"rule {rule.id} is a radius and no straight lines are given",
                    "Pass straight=straight_mm(demand, sites, open_sites).",
                )
            )
        line = np.asarray(straight.reindex(ids).fillna(-1).to_numpy(), dtype=np.int64)
        covered_straight = is_covered(line, limits.judged) & assessed
        covered = covered & covered_straight
        covered_low = covered_low & is_covered(_moved(line, apart), limits.low)
        covered_high = covered_high & is_covered(_moved(line, -apart), limits.high)
    return pd.DataFrame(
        {
            "demand_id": demand["demand_id"].array,
            "settlement": demand["settlement"].array,
            "persons": persons,
            "impedance": impedance,
            "site_id": rows["site_id"].to_numpy(),
            "state": rows["state"].array,
            "farther": farther,
            "nearer": nearer,
            "assessed": assessed,
            "covered": covered,
            "covered_low": covered_low,
            "covered_high": covered_high,
            "covered_straight": covered_straight,
        }
    )


def cover(
    demand: pd.DataFrame,
    membership: pd.DataFrame | Members,
    reach: pd.DataFrame,
    *,
    plan: str,
    service: str,
    rule: Rule,
    islands: pd.Series[bool] | NDArray[np.bool_],
    speed: Rule | None = None,
    straight: pd.Series[int] | None = None,
    spread: pd.Series[int] | None = None,
    leg: Rule | None = None,
    seats: Seats | None = None,
) -> pd.DataFrame:
    """Count people by zoning, zone and settlement class for one plan, service and rule.

    Parameters
    ----------
    demand, reach, rule, islands, speed, straight, spread, leg
        As in :func:`assess`.
    membership
        ``demand_id``, ``zoning``, ``zone_id``: one row per demand point and zoning; ``zone_id`` is
        ``""`` outside every zone. Or :func:`members` of it.
    plan, service
        Names written into the rows.
    seats
        Where seats count (:func:`siting.coverage.seated`): who is in reach and has none is not
        ``covered`` but in ``no_seat``. ``covered_straight``, the radius alone, knows no seats.

    Returns
    -------
    pd.DataFrame
        The ``coverage`` table, sorted by zoning, zone and settlement: ``plan``, ``zoning``,
        ``zone_id``, ``settlement``, ``service``, ``rule_id``, ``judged`` (does the rule judge this
        settlement class?), then whole persons: ``persons``, ``covered``, ``no_seat`` (0 where
        seats are not asked for), ``out_of_reach``, ``not_assessed``, ``covered_low``,
        ``covered_high`` and ``covered_straight`` (missing where the rule is no radius).

    Raises
    ------
    DataError
        See :func:`assess`; also a demand point with no row, or two, in a zoning, and an open site
        without capacity where seats count.

    Examples
    --------
    >>> from siting import rules
    >>> demand = pd.DataFrame({"demand_id": ["a", "b"], "population": [30, 12],
    ...                        "settlement": ["urban", "urban"]})
    >>> membership = pd.DataFrame({"demand_id": ["a", "b"], "zoning": "t", "zone_id": "t1"})
    >>> reach = pd.DataFrame({"site_id": ["s", "s"], "impedance": [299_000, 301_000],
    ...                       "access": [5_000, 5_000], "state": ["reached", "reached"]},
    ...                      index=pd.Index(["a", "b"], name="demand_id"))
    >>> cover(demand, membership, reach, plan="today", service="shop",
    ...       rule=rules.load()["circle_5min"], islands=np.array([False, False]),
    ...       ).loc[0, ["persons", "covered", "out_of_reach", "covered_high"]].tolist()
    [42, 30, 12, 42]
    """
    judged = assess(
        demand,
        reach,
        rule=rule,
        islands=islands,
        speed=speed,
        straight=straight,
        spread=spread,
        leg=leg,
    )
    member = members(demand["demand_id"], membership)
    everybody = judged["persons"].to_numpy()
    counts = {
        column: everybody * judged[column].to_numpy()
        for column in ("covered", "covered_low", "covered_high", "covered_straight")
    }
    in_reach = counts["covered"]
    if seats is not None:
        counts |= seated(judged, seats, rule=rule, speed=speed)
    counts["no_seat"] = in_reach - counts["covered"]
    assessed = judged["assessed"].to_numpy()
    counted = {column: number * assessed for column, number in counts.items()}
    counted["not_assessed"] = everybody * ~assessed
    table = member.summed(pd.DataFrame({"persons": everybody, **counted}), judged["settlement"])
    outside = table["zone_id"] == ""  # of every zone: of those nobody is assessed
    table.loc[outside, list(counts)] = 0
    table.loc[outside, "not_assessed"] = table.loc[outside, "persons"]
    table["out_of_reach"] = (
        table["persons"] - table["covered"] - table["no_seat"] - table["not_assessed"]
    )
    table["plan"], table["service"], table["rule_id"] = plan, service, rule.id
    table["judged"] = table["settlement"].isin(rule.judges)
    table["covered_straight"] = table["covered_straight"].astype("Int64")
    if rule.measure != "straight_m":
        table["covered_straight"] = pd.array([pd.NA] * len(table), dtype="Int64")
    keys = ["plan", "zoning", "zone_id", "settlement", "service", "rule_id", "judged"]
    return table[[*keys, *COUNTS, "covered_straight"]]


def _moved(impedance: NDArray[np.int64], by: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return impedances so much longer or shorter, at least 0; −1 stays: no site answers."""
    return np.where(impedance >= 0, np.maximum(impedance + by, 0), -1)


def _aligned(wanted: pd.Index[str], reach: pd.DataFrame) -> pd.DataFrame:
    problems = []
    if not reach.index.is_unique:
        twice = reach.index[reach.index.duplicated()]
        problems.append(
            Problem(
                "reach", f"{len(twice)} ids repeat", "Give one row a demand point.", _ids(twice)
            )
        )
    missing = wanted[~among(wanted, reach.index)]
    if len(missing):
        problems.append(
            Problem(
                "reach",
                f"{len(missing)} of {len(wanted)} demand points have no row",
                "Compute travel times for the same demand table; unattached points have a row too.",
                _ids(missing),
            )
        )
    unknown = sorted(set(reach["state"].unique()) - set(STATES))
    if unknown:
        problems.append(
            Problem("reach", f"unknown states: {first_ids(unknown)}", f"Use {', '.join(STATES)}.")
        )
    if problems:
        raise DataError(problems)
    return reach if reach.index.equals(wanted) else reach.loc[wanted]


def _ids(values: pd.Series[str] | pd.Index[str]) -> tuple[str, ...]:
    return tuple(map(str, values))
