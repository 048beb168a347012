"""Which schools are looked at as receivers of a unit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from siting.errors import DataError, Problem
from siting.merger.capacity import taught_at
from siting.merger.journeys import Pairs, areas, positions
from siting.merger.setting import Setting


def receivers(pupils: pd.DataFrame, of: Setting, *, most: int = 8) -> pd.DataFrame:
    """Return for each unit the schools that are best for its pupils of the base year.

    Other schools that teach all its grades, best first: those that most of its pupils may use and
    reach, then those of the least person-time, then by id; none that nobody may use and reach. A
    school that is left out is not refused: name it yourself to have it judged.

    Parameters
    ----------
    pupils
        From :func:`siting.merger.pupils`.
    of
        The service; times by today's mode alone are looked at.
    most
        How many a unit.

    Returns
    -------
    DataFrame
        ``unit_id``, ``to_site``, ``rank`` (1 is best), sorted.
    """
    if most < 1:
        raise DataError(Problem("receivers", f"most is {most}", "Give 1 or more."))
    pairs = Pairs.of(of.today)
    mine = of.units[of.units["service"] == of.service].sort_values("unit_id")
    area = areas(pairs.homes, pairs.sites, of.zone_of, of.eligible_here)
    origin = positions(pairs.sites, mine["site_id"], "units", "schools")
    taught = taught_at(pairs.sites, of.teaching, of.service)
    here = pupils[(pupils["service"] == of.service) & (pupils["demand_id"] != "")]
    here = here[here["year"] == pupils["year"].min()]
    by_site = dict(iter(here.groupby("site_id")))
    rows: list[tuple[str, str, int]] = []
    for unit, site, first, last, at in zip(
        mine["unit_id"], mine["site_id"], mine["grade_from"], mine["grade_to"], origin, strict=True
    ):
        can = np.asarray(taught[:, int(first) : int(last) + 1].all(axis=1), dtype=bool)
        can[at] = False
        to = np.flatnonzero(can)
        own = by_site.get(site, here.iloc[:0])
        own = own[own["grade"].between(first, last)].groupby("demand_id")["persons"].sum()
        home = pairs.homes.get_indexer(own.index).astype(np.int64)
        h, s = np.repeat(home, len(to)), np.tile(to, len(home)).astype(np.int64)
        ms = np.where(area.may(h, s), pairs.ms(h, s), -1).reshape(len(home), len(to))
        persons = own.to_numpy(dtype=np.int64)[:, None]
        reach = ((ms >= 0) * persons).sum(axis=0)
        time = (np.maximum(ms, 0) * persons).sum(axis=0)
        best = np.lexsort((pairs.sites[to].to_numpy(dtype=str), time, -reach))
        best = best[reach[best] > 0][:most]
        rows += [(unit, str(pairs.sites[to[b]]), n + 1) for n, b in enumerate(best)]
    table = pd.DataFrame(rows, columns=["unit_id", "to_site", "rank"])
    return table.astype({"unit_id": "str", "to_site": "str", "rank": "int64"})
