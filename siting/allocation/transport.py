"""Persons to seats as a transportation problem: asked, solved from coarse to fine, and proved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting import kernels
from siting.allocation.result import Homes
from siting.errors import SolverError

MERGED = 4  # homes merged into one for the prices to begin with


class Problem(NamedTuple):
    """What :func:`siting.kernels.transport` is asked: pairs in rows by home."""

    indptr: NDArray[np.int64]
    site: NDArray[np.int32]
    cost: NDArray[np.int32]
    persons: NDArray[np.int64]
    penalty: NDArray[np.int64]
    seats: NDArray[np.int64]

    @property
    def row(self) -> NDArray[np.int64]:
        """The home of each pair."""
        return np.repeat(np.arange(len(self.persons)), np.diff(self.indptr))


def problem(
    homes: Homes, keeps: NDArray[np.int64], seats: NDArray[np.int64]
) -> tuple[Problem, NDArray[np.int64], NDArray[np.int64]]:
    """Return the problem, the pair of ``homes`` that each of its pairs is, and whose its homes are.

    Those who keep a seat come first, as homes of their own, whose pairs stand twice.
    """
    some = np.flatnonzero(keeps)
    indptr = np.searchsorted(homes.row, np.arange(len(homes.persons) + 1)).astype(np.int64)
    whose = np.concatenate([some, np.flatnonzero(homes.persons > keeps)])
    size = np.diff(indptr)[whose]
    rows = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    pair = np.repeat(indptr[whose] - rows[:-1], size) + np.arange(rows[-1])
    cost = homes.value[pair].astype(np.int32)
    persons = (homes.persons - keeps)[whose]
    persons[: len(some)] = keeps[some]
    # more than any way costs: at most every site is passed once
    penalty = np.full(len(whose), (len(seats) + 2) * (int(cost.max(initial=0)) + 1), np.int64)
    penalty[: len(some)] *= 2
    asked = Problem(rows, homes.site[pair].astype(np.int32), cost, persons, penalty, seats)
    return asked, pair, whose


def solved(asked: Problem) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return persons by pair and the price of a seat by site, held against each other."""
    flow, price = _solved(asked)
    prove(asked, flow, price)
    return flow, price


def _solved(asked: Problem) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the answer, from the prices of the same problem with fewer homes where it is large."""
    sites = len(asked.seats)
    nearest = np.full(len(asked.persons), np.iinfo(np.int64).max)
    np.minimum.at(nearest, asked.row, asked.cost)
    order = np.lexsort((np.arange(len(nearest)), nearest)).astype(np.int64)
    price = np.zeros(sites, np.int64)
    if len(asked.persons) // MERGED >= max(sites, 1):
        price = _solved(_merged(asked, nearest))[1]
    flow, price = kernels.transport(*asked, order, price)
    return flow, price


def _merged(asked: Problem, nearest: NDArray[np.int64]) -> Problem:
    """Return the problem with homes merged, few by few, into one of them with the persons of all.

    Merged are homes with the same nearest site that are about as far from it: they mostly live near
    each other, and where not, prices are a little worse to begin with.
    """
    row = asked.row
    at_nearest = np.flatnonzero(asked.cost == nearest[row])[::-1]
    first = np.zeros(len(nearest), np.int64)
    first[row[at_nearest]] = asked.site[at_nearest]
    homes = np.lexsort((np.arange(len(nearest)), nearest, first, asked.penalty))
    homes = homes[(np.diff(asked.indptr)[homes] > 0) & (asked.persons[homes] > 0)]
    starts = np.arange(0, len(homes), MERGED)
    middle = homes[np.minimum(starts + MERGED // 2, len(homes) - 1)]
    persons = np.add.reduceat(asked.persons[homes], starts) if len(homes) else asked.persons[:0]
    size = np.diff(asked.indptr)[middle]
    rows = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    pair = np.repeat(asked.indptr[middle] - rows[:-1], size) + np.arange(rows[-1])
    return Problem(
        rows, asked.site[pair], asked.cost[pair], persons, asked.penalty[middle], asked.seats
    )


def prove(asked: Problem, flow: NDArray[np.int64], price: NDArray[np.int64]) -> None:
    """Hold an answer against its prices (complementary slackness): they prove it optimal."""
    row, site, seats, penalty = asked.row, asked.site, asked.seats, asked.penalty
    left, load = asked.persons.copy(), np.zeros(len(seats), np.int64)
    np.subtract.at(left, row, flow)
    np.add.at(load, site, flow)
    option = asked.cost + price[site]
    best = penalty.copy()
    np.minimum.at(best, row, option)
    kept = (
        (flow >= 0).all()
        and (left >= 0).all()
        and (load <= seats).all()
        and (price >= 0).all()
        and (price[load < seats] == 0).all()
        and (option == best[row])[flow > 0].all()
        and (best == penalty)[left > 0].all()
    )
    if not kept:
        raise SolverError(
            "max_served: the allocation does not keep its own proof. This is a fault of siting; "
            "please report it with the inputs."
        )
