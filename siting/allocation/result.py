"""What every rule returns, and the pairs it chooses among."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.demand import whole_persons
from siting.errors import StudyError
from siting.travel_time import is_assessed, is_covered

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

Rule = Literal["nearest", "catchment", "directed", "max_served"]
REASONS = ("no_seat", "out_of_reach", "not_assessed")


@dataclass(frozen=True, eq=False)
class Allocation:
    """Who goes where by a rule.

    Attributes
    ----------
    rule
        By which rule.
    table
        ``demand_id``, ``site_id``, ``persons`` (int64, at least 1), ``impedance`` (int64 ms or mm),
        ``rule``; sorted by demand and site. A home may be split over several sites.
    unserved
        ``demand_id``, ``persons`` (int64, at least 1), ``why`` (one of :data:`REASONS`), sorted.
    status
        ``optimal`` (``max_served``: proved by prices) or ``by_rule`` (nothing was optimised).
    bound, gap
        No allocation serves more persons; the share of ``bound`` that may have been missed. Missing
        where nothing was optimised.
    """

    rule: Rule
    table: pd.DataFrame
    unserved: pd.DataFrame
    status: Literal["optimal", "by_rule"] = "by_rule"
    bound: int | None = None
    gap: float | None = None

    @property
    def served(self) -> int:
        """Persons who go to a site."""
        return int(self.table["persons"].sum())


class Homes(NamedTuple):
    """Demand sorted by id, with its pairs to the open sites: what every rule starts from.

    ``pairs``: row in ``demand_id``, position in ``sites`` and impedance, sorted by row and site.
    """

    demand_id: NDArray[np.object_]
    persons: NDArray[np.int64]
    assessed: NDArray[np.bool_]
    sites: NDArray[np.object_]
    row: NDArray[np.int64]
    site: NDArray[np.int32]
    value: NDArray[np.int64]


def homes_of(
    times: TravelTimes,
    persons: pd.Series[int],
    *,
    open_sites: Collection[str],
    threshold: int | None,
    islands: NDArray[np.bool_] | None,
) -> Homes:
    """Return demand and pairs in the order of ids, so that no order of rows matters.

    Pairs beyond the threshold are left out; without one all known pairs are in.

    Raises
    ------
    StudyError
        The threshold lies beyond the cutoff of the travel times.
    DataError
        Unknown sites or points, persons that are not whole.
    """
    if threshold is not None and not 0 <= threshold <= times.cutoff:
        raise StudyError(
            f"allocation: the threshold {threshold} does not lie within 0 and the cutoff "
            f"{times.cutoff} of the travel times. Compute them with cutoff={threshold} or more."
        )
    state = times.reach(open_sites)["state"].to_numpy()
    off = times.islands(open_sites) if islands is None else islands
    assessed = is_assessed(state, np.asarray(off, dtype=bool))
    people = whole_persons(persons, times.demand_id)
    order = np.argsort(np.asarray(times.demand_id, dtype=str), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    sites = np.array(sorted(set(open_sites)), dtype=object)
    place = {site: at for at, site in enumerate(sites)}
    column = np.array([place.get(site, -1) for site in times.site_id], np.int32)[times.site]
    keep = column >= 0
    if threshold is not None:
        keep &= is_covered(times.value, threshold)
    row = np.repeat(rank, np.diff(times.indptr))[keep]
    column, value = column[keep], times.value[keep].astype(np.int64)
    by_id = np.lexsort((column, row))
    return Homes(
        demand_id=np.asarray(times.demand_id, dtype=object)[order],
        persons=people[order],
        assessed=assessed[order],
        sites=sites,
        row=row[by_id],
        site=column[by_id],
        value=value[by_id],
    )


def allocation(
    rule: Rule,
    homes: Homes,
    flow: NDArray[np.int64],
    seatless: NDArray[np.int64],
    *,
    proved: bool = False,
) -> Allocation:
    """Put an answer into tables.

    Parameters
    ----------
    rule, homes
        Whose answer it is, and to what.
    flow
        Persons by pair of ``homes``.
    seatless
        Persons by home who are in reach and have no seat; all others that are assessed and not on a
        pair are out of reach.
    proved
        Whether no allocation serves more.
    """
    used = np.flatnonzero(flow > 0)
    row = homes.row[used]
    table = pd.DataFrame(
        {
            "demand_id": pd.Series(homes.demand_id[row], dtype="str"),
            "site_id": pd.Series(homes.sites[homes.site[used]], dtype="str"),
            "persons": flow[used],
            "impedance": homes.value[used],
            "rule": rule,
        }
    )
    there = np.zeros(len(homes.demand_id), np.int64)
    np.add.at(there, row, flow[used])
    left = homes.persons - there
    counts = {
        "no_seat": np.where(homes.assessed, seatless, 0),
        "out_of_reach": np.where(homes.assessed, left - seatless, 0),
        "not_assessed": np.where(homes.assessed, 0, left),
    }
    stacked = np.stack([counts[why] for why in REASONS], axis=1)
    at, which = np.nonzero(stacked)
    unserved = pd.DataFrame(
        {
            "demand_id": pd.Series(homes.demand_id[at], dtype="str"),
            "persons": stacked[at, which],
            "why": pd.Series(np.array(REASONS, dtype=object)[which], dtype="str"),
        }
    )
    return Allocation(
        rule=rule,
        table=table,
        unserved=unserved,
        status="optimal" if proved else "by_rule",
        bound=int(there.sum()) if proved else None,
        gap=0.0 if proved else None,
    )
