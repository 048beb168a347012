"""Admission areas: who may go where."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.allocation.result import Homes
from siting.errors import DataError, Problem


def within_areas(
    homes: Homes,
    known: NDArray[np.object_],
    zone_of: pd.Series[str] | None,
    eligible: pd.DataFrame | None,
) -> Homes:
    """Return homes with the pairs that their zone may use.

    Parameters
    ----------
    homes
        From :func:`siting.allocation.result.homes_of`.
    known
        The sites of the travel times; eligible ones that are not open are left aside.
    zone_of, eligible
        As in :func:`siting.travel_time.table`; everybody may go everywhere without them.

    Raises
    ------
    DataError
        One without the other, a point with persons and no zone or with two, an unknown site.
    """
    if zone_of is None and eligible is None:
        return homes
    if zone_of is None or eligible is None:
        raise DataError(
            Problem("eligible", "zone_of and eligible belong together", "Give both or neither.")
        )
    twice = zone_of.index[zone_of.index.duplicated()].unique()
    if len(twice):
        raise DataError(
            Problem(
                "zone_of",
                f"{len(twice)} demand points have two zones",
                "Give one zone a point.",
                tuple(map(str, sorted(twice))),
            )
        )
    zone = zone_of.reindex(pd.Index(homes.demand_id))
    none = zone.isna().to_numpy() & (homes.persons > 0)
    unknown = sorted(set(eligible["site_id"].astype(str)) - set(map(str, known)))
    problems = []
    if none.any():
        problems.append(
            Problem(
                "zone_of",
                f"{int(none.sum())} points with persons have no zone",
                "Give every demand id its zone.",
                tuple(map(str, homes.demand_id[none])),
            )
        )
    if unknown:
        problems.append(
            Problem(
                "eligible",
                f"{len(unknown)} sites are not in the travel times",
                "Leave them out, or compute travel times to them too.",
                tuple(unknown),
            )
        )
    if problems:
        raise DataError(problems)
    number, zones = pd.factorize(zone)
    sites = len(homes.sites)
    area = zones.get_indexer(pd.Index(eligible["zone_id"]))
    site = pd.Index(homes.sites).get_indexer(pd.Index(eligible["site_id"]))
    there = (area >= 0) & (site >= 0)
    allowed = np.zeros((len(zones) + 1, sites), dtype=np.bool_)  # the last: points of nobody
    allowed[area[there], site[there]] = True
    mine = allowed[number[homes.row], homes.site]
    return homes._replace(row=homes.row[mine], site=homes.site[mine], value=homes.value[mine])
