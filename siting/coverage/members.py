"""Which zones points are in, looked up once for all questions about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from siting.errors import DataError, Problem, StudyError, first_ids


@dataclass(frozen=True, eq=False)
class Members:
    """Which zones some points are in; every zoning names each of them once.

    Attributes
    ----------
    demand_id
        The points, in the order given.
    at, zone
        One row per point and zoning: position of the point, and of the zone in ``zones``.
    zones
        ``zoning``, ``zone_id`` (``""``: outside every zone): distinct and sorted.
    """

    demand_id: pd.Index[str]
    at: NDArray[np.int64]
    zone: NDArray[np.int64]
    zones: pd.DataFrame

    @cached_property
    def zoning(self) -> NDArray[np.object_]:
        """The zoning of each row."""
        return self.zones["zoning"].to_numpy(dtype=object)[self.zone]

    @cached_property
    def zone_id(self) -> NDArray[np.object_]:
        """The zone of each row."""
        return self.zones["zone_id"].to_numpy(dtype=object)[self.zone]

    def summed(self, rows: pd.DataFrame, settlement: pd.Series[str]) -> pd.DataFrame:
        """Sum whole numbers of the points by zoning, zone and settlement class.

        Parameters
        ----------
        rows
            Whole numbers, a row a point in the order of ``demand_id``.
        settlement
            The class of each of these points.

        Returns
        -------
        pd.DataFrame
            ``zoning``, ``zone_id``, ``settlement`` and the columns of ``rows``, sorted by these
            three; only those that have a point.
        """
        kind, classes = pd.factorize(settlement, sort=True, use_na_sentinel=False)
        group = self.zone * max(len(classes), 1) + kind[self.at]
        found = np.flatnonzero(np.bincount(group))
        place = np.zeros(group.max(initial=-1) + 1, dtype=np.int64)
        place[found] = np.arange(found.size)
        ones = np.ones(group.size, dtype=np.int64)
        tally = csr_array((ones, (place[group], self.at)), shape=(found.size, len(rows)))
        zone, of = np.divmod(found, max(len(classes), 1))
        table = self.zones.iloc[zone].reset_index(drop=True)
        table["settlement"] = pd.array(np.asarray(classes, dtype=object)[of], dtype="str")
        table[list(rows.columns)] = tally @ rows.to_numpy(dtype=np.int64)
        return table

    def of(self, zoning: str) -> NDArray[np.object_]:
        """Return the zone of every point in one zoning.

        Raises
        ------
        StudyError
            There is no such zoning.
        """
        names = self.zones["zoning"]
        if len(self.demand_id) and not (names == zoning).any():
            raise StudyError(
                f"no zoning {zoning!r}; there are {first_ids(sorted(set(names)))}. "
                "Use one of these."
            )
        here = (names == zoning).to_numpy(dtype=bool)[self.zone]
        zone_id = np.empty(len(self.demand_id), dtype=object)
        zone_id[self.at[here]] = self.zones["zone_id"].to_numpy(dtype=object)[self.zone[here]]
        return zone_id


def members(demand_id: pd.Series[str], membership: pd.DataFrame | Members) -> Members:
    """Return the membership of these points: one row per point and zoning, or an error.

    Parameters
    ----------
    demand_id
        Unique ids of the points.
    membership
        ``demand_id``, ``zoning``, ``zone_id``; rows about other points are left aside. What this
        function returned is returned again if it is about these very points, so that many questions
        about one demand look its zones up once.

    Raises
    ------
    DataError
        No rows at all, a point with no row, or with two, in a zoning.
    """
    wanted = pd.Index(demand_id)
    if isinstance(membership, Members):
        if not membership.demand_id.equals(wanted):
            raise DataError(
                Problem(
                    "membership",
                    "it was looked up for other points",
                    "Look it up for this demand, or pass the membership table.",
                )
            )
        return membership
    n = len(wanted)
    at = wanted.get_indexer(pd.Index(membership["demand_id"]))
    here = at >= 0
    at = at[here].astype(np.int64)
    zoning = membership["zoning"].to_numpy(dtype=object)[here]
    codes, names = pd.factorize(zoning, sort=True)
    times = np.bincount(codes * n + at, minlength=len(names) * n).reshape(len(names), n)
    problems = []
    twice = np.asarray((times > 1).any(axis=0))
    if twice.any():
        problems.append(
            Problem(
                "membership",
                f"{twice.sum()} points have two zones of one zoning",
                "Give one zone a point and zoning (siting.demand.membership does).",
                _ids(wanted[twice]),
            )
        )
    for name, row in zip(names, times, strict=True):
        if (row == 0).any():
            problems.append(
                Problem(
                    "membership",
                    f"{(row == 0).sum()} points have no row in zoning {name!r}",
                    'Add them; zone_id "" says outside every zone.',
                    _ids(wanted[row == 0]),
                )
            )
    if n and not len(names):
        problems.append(Problem("membership", "empty", "Give at least one zoning."))
    of, zone_ids = pd.factorize(membership["zone_id"].to_numpy(dtype=object)[here], sort=True)
    if (of < 0).any():
        problems.append(
            Problem(
                "membership",
                f"{int((of < 0).sum())} rows have no zone_id",
                'Fill it; "" says outside every zone.',
                _ids(wanted[at[of < 0]]),
            )
        )
    if problems:
        raise DataError(problems)
    found, zone = np.unique(codes * max(len(zone_ids), 1) + of, return_inverse=True)
    pair = np.divmod(found, max(len(zone_ids), 1))
    zones = pd.DataFrame({"zoning": names[pair[0]], "zone_id": zone_ids[pair[1]]}, dtype="str")
    return Members(wanted, at, zone.astype(np.int64), zones)


def _ids(values: pd.Index[str]) -> tuple[str, ...]:
    return tuple(map(str, values))
