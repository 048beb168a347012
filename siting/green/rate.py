"""How much residential land has green near by: straight from the edge, and on foot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.coverage import Members, exact, is_assessed, is_covered, meets, members
from siting.errors import DataError, Problem
from siting.green.indicators import Indicator, SizeClass, Target
from siting.green.overlay import STEP, Around, of_class, radius_mm, served

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

AREAS = ("land_m2", "straight_m2", "foot_m2", "foot_upper_m2", "not_assessed_m2")


class Green(NamedTuple):
    """The additive table by zone, and what was found at every cell."""

    table: pd.DataFrame
    cells: gpd.GeoDataFrame


def green_coverage(
    cells: gpd.GeoDataFrame,
    parks: gpd.GeoDataFrame,
    membership: pd.DataFrame,
    *,
    indicators: Sequence[Indicator],
    foot: TravelTimes | None = None,
    foot_upper: TravelTimes | None = None,
) -> Green:
    """Measure residential land served by green, by zoning, zone, settlement and quarter.

    *Straight*: the area of the cell within the radius of a park's edge, by overlay with buffers
    (:func:`siting.green.buffer_error_m`). *On foot*: the straight area of the cell if the point of
    the cell is within the radius by network length of an entrance of such a park, access legs
    counted; so on foot never exceeds straight in any cell. Its error is that of judging a cell by
    one point.

    Parameters
    ----------
    cells
        From :func:`siting.demand.cells`.
    parks
        ``park_id``, ``kind`` (``park``, ``green``), ``area_m2``, polygon ``geometry``.
    membership
        ``demand_id`` (the ``cell_id``), ``zoning``, ``zone_id`` (``""`` outside every zone).
    indicators
        From ``indicators(rules)``.
    foot
        Travel times by length from the cells' points (``demand_id`` = ``cell_id``) to the parks
        with known entrances (``site_id`` = ``park_id``); cutoff at least the largest radius.
        ``None`` where there is no network: on foot is then missing, not 0.
    foot_upper
        The same from samples of the boundary of all parks: an upper bound for unknown entrances.

    Returns
    -------
    Green
        ``table``: ``zoning``, ``zone_id``, ``settlement``, ``quarter``, ``indicator``, ``rule_id``
        (the rules of the indicator, joined by ``;``), ``judged``, ``land_m2``, ``straight_m2``,
        ``foot_m2``, ``foot_upper_m2``, ``not_assessed_m2`` (land that cannot be judged on foot:
        unattached or without any park in its part of the network; and all land outside every
        zone, where nothing is judged). Every zoning sums to all land.

        ``cells``: ``cell_id``, ``settlement``, ``quarter``, ``area_m2``, ``assessed``, and for each
        indicator ``<name>_straight_m2``, ``<name>_foot``, ``<name>_foot_upper`` and, for a map,
        ``<name>``: ``foot`` or ``straight_only`` (at least half of the cell is served, and on foot
        or not), ``neither``, ``not_assessed`` (not judged on foot), ``outside`` (a settlement class
        that the indicator does not judge); ``geometry``.

    Raises
    ------
    DataError
        CRS that differ, cells without a zone row, travel times of other cells or by time.
    """
    largest = max((radius_mm(c) for i in indicators for c in i.classes), default=0)
    problems = _problems(cells, parks, foot, foot_upper, largest)
    if problems:
        raise DataError(problems)
    cells = cells.sort_values("cell_id", ignore_index=True)
    parks = parks.sort_values("park_id", ignore_index=True)
    land = np.rint(cells["area_m2"].to_numpy() * STEP).astype(np.int64)
    found = gpd.GeoDataFrame(
        {name: cells[name] for name in ("cell_id", "settlement", "quarter", "area_m2")},
        geometry=cells.geometry.to_numpy(),
        crs=cells.crs,
    )
    found["assessed"] = True if foot is None else _assessed(cells, foot)
    member = members(cells["cell_id"], membership)
    around = Around(parks)
    tables = []
    for indicator in indicators:
        straight = served(cells, around, indicator.classes, land).steps
        on_foot = _on_foot(cells, parks, indicator.classes, foot) & found["assessed"].to_numpy()
        upper = on_foot | (
            _on_foot(cells, parks, indicator.classes, foot_upper) & found["assessed"].to_numpy()
        )
        found[f"{indicator.name}_straight_m2"] = straight / STEP
        found[f"{indicator.name}_foot"] = on_foot
        found[f"{indicator.name}_foot_upper"] = upper
        found[indicator.name] = np.select(
            [
                ~found["settlement"].isin(indicator.judges),
                on_foot & (2 * straight >= land),
                ~found["assessed"],
                2 * straight >= land,
            ],
            ["outside", "foot", "not_assessed", "straight_only"],
            "neither",
        )
        measured = pd.DataFrame(
            {
                "settlement": cells["settlement"].to_numpy(),
                "quarter": cells["quarter"].to_numpy(),
                "land_m2": land,
                "straight_m2": straight,
                "foot_m2": straight * on_foot,
                "foot_upper_m2": straight * upper,
                "not_assessed_m2": land * ~found["assessed"].to_numpy(),
            }
        )
        table = _by_zone(measured, member)
        table["indicator"], table["rule_id"] = indicator.name, indicator.rule_ids
        table["judged"] = table["settlement"].isin(indicator.judges)
        if foot is None:
            table["foot_m2"] = np.nan
        if foot_upper is None:
            table["foot_upper_m2"] = np.nan
        tables.append(table)
    keys = ["zoning", "zone_id", "settlement", "quarter", "indicator", "rule_id", "judged"]
    together = pd.concat(tables, ignore_index=True)[[*keys, *AREAS]]
    return Green(
        together.sort_values(
            ["zoning", "zone_id", "settlement", "quarter"], kind="stable", ignore_index=True
        ),
        found,
    )


def summary(
    table: pd.DataFrame,
    *,
    targets: Sequence[Target],
    max_not_assessed: float,
    by: Sequence[str] = ("zoning", "indicator"),
) -> pd.DataFrame:
    """Turn areas into shares of residential land and hold them against the targets.

    The verdict is that of the straight line, the official reading. Land outside every zone is not
    assessed: the verdict is ``not_robust`` where it would flip with it, and past
    ``max_not_assessed`` (0–1) there is none.

    Parameters
    ----------
    table
        ``Green.table``.
    targets
        From ``targets(rules)``; an indicator without any has one row, ``not_judged``.
    max_not_assessed
        Share of land outside every zone above which nothing is judged.
    by
        Columns to group by, ``zoning`` and ``indicator`` among them; add ``zone_id`` for a row a
        zone. ``judged`` is always added: land that the norm does not judge stays apart.

    Returns
    -------
    pd.DataFrame
        The keys, ``quarter`` (``all``, ``old`` or ``new``: the land the target is about),
        ``target_rule_id``, the areas, ``straight_share``, ``foot_share``, ``foot_upper_share`` (of
        all land), ``foot_share_assessed`` (of the land judged on foot), ``not_assessed_share``,
        ``target_share``, ``verdict`` (``pass``, ``fail``, ``not_robust``, ``not_judged``), ``why``
        (``settlement``, ``no_target``, ``no_land``, ``not_assessed``). Shares of no land are
        missing.
    """
    missing = [key for key in ("zoning", "indicator") if key not in by]
    if missing:
        raise DataError(
            Problem(
                "green",
                f"land would be counted more than once without {', '.join(missing)}",
                "Name them in by.",
            )
        )
    outside = table.assign(
        outside_m2=np.where(table["zone_id"] == "", table["land_m2"], 0.0),
    )
    rows: list[pd.DataFrame] = []
    for indicator in sorted(table["indicator"].unique()):
        mine = [t for t in targets if t.indicator == indicator]
        for target in (*mine,) or (None,):
            part = outside[outside["indicator"] == indicator]
            quarter = "all"
            if target is not None and target.quarter is not None:
                quarter = target.quarter
                part = part[part["quarter"] == quarter]
            if part.empty:
                continue
            # whole steps again: floats would add up differently in another order of zones
            whole = part.assign(**{c: np.rint(part[c] * STEP) for c in (*AREAS, "outside_m2")})
            summed = whole.groupby([*by, "judged"], sort=True)[[*AREAS, "outside_m2"]].agg(
                "sum", min_count=1
            )
            summed = (summed / STEP).reset_index()
            summed["quarter"] = quarter
            summed["target_rule_id"] = "" if target is None else target.rule.id
            summed["target_share"] = np.nan if target is None else target.rule.strict
            verdicts = [
                _verdict(
                    bool(judged), float(land), float(straight), float(out), target, max_not_assessed
                )
                for judged, land, straight, out in zip(
                    summed["judged"],
                    summed["land_m2"],
                    summed["straight_m2"],
                    summed["outside_m2"],
                    strict=True,
                )
            ]
            summed["verdict"] = [verdict for verdict, _ in verdicts]
            summed["why"] = [why for _, why in verdicts]
            rows.append(summed)
    result = pd.concat(rows, ignore_index=True)
    land = result["land_m2"].where(result["land_m2"] > 0)
    assessed = result["land_m2"] - result["not_assessed_m2"]
    result["straight_share"] = result["straight_m2"] / land
    result["foot_share"] = result["foot_m2"] / land
    result["foot_share_assessed"] = result["foot_m2"] / assessed.where(assessed > 0)
    result["foot_upper_share"] = result["foot_upper_m2"] / land
    result["not_assessed_share"] = result["not_assessed_m2"] / land
    order = [*by, "judged", "quarter", "target_rule_id", *AREAS]
    shares = ["straight_share", "foot_share", "foot_share_assessed", "foot_upper_share"]
    return result[
        [*order, *shares, "not_assessed_share", "target_share", "verdict", "why"]
    ].sort_values([*by, "judged", "quarter", "target_rule_id"], ignore_index=True)


def _verdict(
    judged: bool,
    land: float,
    straight: float,
    outside: float,
    target: Target | None,
    max_not_assessed: float,
) -> tuple[str, str]:
    if not judged:
        return "not_judged", "settlement"
    if target is None:
        return "not_judged", "no_target"
    if land <= 0:
        return "not_judged", "no_land"
    if outside >= land or outside > exact(max_not_assessed) * exact(land):
        return "not_judged", "not_assessed"
    # in whole steps: sums of m² may carry binary noise that a target of 100 % would trip over
    whole, part, out = (round(value * STEP) for value in (land, straight, outside))
    passes = {
        meets(part, whole, target.rule),
        meets(part, whole - out, target.rule),
        meets(part + out, whole, target.rule),
    }
    if len(passes) > 1:
        return "not_robust", ""
    return ("pass" if passes == {True} else "fail"), ""


def _on_foot(
    cells: gpd.GeoDataFrame,
    parks: gpd.GeoDataFrame,
    classes: Sequence[SizeClass],
    times: TravelTimes | None,
) -> NDArray[np.bool_]:
    """Return whether each cell's point is within the radius, on foot, of a park of the classes."""
    result = np.zeros(len(cells), dtype=bool)
    if times is None:
        return result
    known = set(times.site_id)
    for size in classes:
        opened = [i for i in parks["park_id"][of_class(parks, size)] if i in known]
        reach = times.reach(opened).loc[cells["cell_id"]]
        near = is_covered(reach["impedance"].to_numpy(dtype=np.int64), radius_mm(size))
        if size.quarters is not None:
            near &= cells["quarter"].isin(size.quarters).to_numpy()
        result |= near
    return result


def _assessed(cells: gpd.GeoDataFrame, foot: TravelTimes) -> NDArray[np.bool_]:
    """Return where the walking network can speak about a cell."""
    reach = foot.reach(list(foot.site_id))
    island = pd.Series(foot.islands(list(foot.site_id)), index=reach.index)
    rows = reach.loc[cells["cell_id"]]
    return is_assessed(rows["state"].to_numpy(), island.loc[cells["cell_id"]].to_numpy())


def _by_zone(measured: pd.DataFrame, member: Members) -> pd.DataFrame:
    """Sum whole steps by zone; outside every zone nothing is assessed."""
    rows = measured.take(member.at).reset_index(drop=True)
    rows["zoning"], rows["zone_id"] = member.zoning, member.zone_id
    outside = rows["zone_id"] == ""
    rows.loc[outside, ["straight_m2", "foot_m2", "foot_upper_m2"]] = 0
    rows.loc[outside, "not_assessed_m2"] = rows.loc[outside, "land_m2"]
    keys = ["zoning", "zone_id", "settlement", "quarter"]
    summed = rows.groupby(keys, sort=True)[list(AREAS)].sum() / STEP
    return summed.reset_index()


def _problems(
    cells: gpd.GeoDataFrame,
    parks: gpd.GeoDataFrame,
    foot: TravelTimes | None,
    foot_upper: TravelTimes | None,
    largest: int,
) -> list[Problem]:
    problems = []
    if cells.crs != parks.crs:
        problems.append(
            Problem("parks", "not in the CRS of the cells", "Load both in the working CRS.")
        )
    for name, times in (("foot", foot), ("foot_upper", foot_upper)):
        if times is None:
            continue
        if times.impedance != "length":
            problems.append(
                Problem(name, "travel times are by time", 'Compute them with impedance="length".')
            )
        elif times.cutoff < largest:
            problems.append(
                Problem(
                    name,
                    f"travel times stop at {times.cutoff / 1_000:g} m, before the largest radius",
                    f"Compute them with cutoff={largest} or more.",
                )
            )
        unknown = sorted(set(cells["cell_id"]) - set(times.demand_id))
        if unknown:
            problems.append(
                Problem(
                    name,
                    f"{len(unknown)} cells have no travel times",
                    "Compute them from demand.carriers_of(cells), whose ids are the cells'.",
                    tuple(unknown),
                )
            )
    return problems
