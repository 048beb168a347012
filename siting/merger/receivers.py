"""Which schools are looked at as receivers of a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from siting.errors import DataError, Problem
from siting.merger.capacity import taught_at
from siting.merger.journeys import Pairs, areas, positions

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes


def receivers(
    pupils: pd.DataFrame,
    units: pd.DataFrame,
    times: TravelTimes,
    *,
    service: str,
    teaching: pd.DataFrame,
    zone_of: pd.Series[str] | None = None,
    eligible: pd.DataFrame | None = None,
    most: int = 8,
) -> pd.DataFrame:
    """Return for each unit the schools that are best for its pupils of the base year.

    Other schools that teach all its grades, best first: those that most of its pupils may use and
    reach, then those of the least person-time, then by id; none that nobody may use and reach. A
    school that is left out is not refused: name it yourself to have it judged.

    Parameters
    ----------
    pupils, units, service, teaching, zone_of, eligible
        As in :func:`siting.merger.options`.
    times
        Travel times by today's mode.
    most
        How many a unit.

    Returns
    -------
    DataFrame
        ``unit_id``, ``to_site``, ``rank`` (1 is best), sorted.
    """
    if most < 1:
        raise DataError(Problem("receivers", f"most is {most}", "Give 1 or more."))
    pairs = Pairs.of(times)
    mine = units[units["service"] == service].sort_values("unit_id")
    if eligible is not None:
        eligible = eligible[eligible["service"] == service]
    area = areas(pairs.homes, pairs.sites, zone_of, eligible)
    origin = positions(pairs.sites, mine["site_id"], "units", "schools")
    taught = taught_at(pairs.sites, teaching, service)
    here = pupils[(pupils["service"] == service) & (pupils["demand_id"] != "")]
    here = here[here["year"] == pupils["year"].min()]
    by_site = dict(iter(here.groupby("site_id")))
    rows: list[tuple[str, str, int]] = []
    for unit, site, first, last, at in zip(
        mine["unit_id"], mine["site_id"], mine["grade_from"], mine["grade_to"], origin, strict=True
    ):
        can = np.asarray(taught[:, int(first) : int(last) + 1].all(axis=1), dtype=bool)
        can[at] = False
        to = np.flatnonzero(can)
        of = by_site.get(site, here.iloc[:0])
        of = of[of["grade"].between(first, last)].groupby("demand_id")["persons"].sum()
        home = pairs.homes.get_indexer(of.index).astype(np.int64)
        h, s = np.repeat(home, len(to)), np.tile(to, len(home)).astype(np.int64)
        ms = np.where(area.may(h, s), pairs.ms(h, s), -1).reshape(len(home), len(to))
        persons = of.to_numpy(dtype=np.int64)[:, None]
        reach = ((ms >= 0) * persons).sum(axis=0)
        time = (np.maximum(ms, 0) * persons).sum(axis=0)
        best = np.lexsort((pairs.sites[to].to_numpy(dtype=str), time, -reach))
        best = best[reach[best] > 0][:most]
        rows += [(unit, str(pairs.sites[to[b]]), n + 1) for n, b in enumerate(best)]
    table = pd.DataFrame(rows, columns=["unit_id", "to_site", "rank"])
    return table.astype({"unit_id": "str", "to_site": "str", "rank": "int64"})
