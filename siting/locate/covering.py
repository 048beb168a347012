"""Maximal covering: most persons within a threshold, with proof of how good the choice is."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import highspy
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from siting.coverage import is_covered, whole_persons
from siting.errors import DataError, InfeasibleError, Problem, SolverError, StudyError, first_ids
from siting.locate.highs import model, run
from siting.plan import Plan, open_more

if TYPE_CHECKING:
    from siting.travel_time import TravelTimes

# pairs of demand and candidate up to which ties are broken by person-impedance: the second model
# has a variable a pair, and larger ones would cost more than the first solve
TIE_PAIRS = 200_000


@dataclass(frozen=True)
class Solution:
    """What a location model found.

    Attributes
    ----------
    model
        Its name (``mclp``).
    plan
        The plan with the chosen sites open; ``None`` where no base plan was given.
    chosen
        Sites to open, sorted: ``n_new`` of them, or fewer where fewer candidates cover anybody new.
    fixed
        Sites that are open anyway, sorted.
    objective
        Persons covered by ``fixed`` and ``chosen``.
    already
        Persons covered by ``fixed``.
    bound
        No choice covers more persons than this; equal to ``objective`` when proved optimal.
    gap
        ``(bound − objective) / (bound − already)``: the share of what can be gained that may have
        been missed; 0 when proved optimal.
    status
        ``optimal`` (proved) or ``time_limit`` (the best found until then).
    unique
        Whether no other choice covers as many: ``None`` when not known.
    tie_break
        ``none`` (unique, or not known), ``person_impedance`` (the least person-impedance over the
        newly covered among the choices that cover as many) or ``first_found``.
    useless
        Candidates that cover nobody new, sorted.
    uncoverable
        Persons whom no fixed site and no candidate covers.
    """

    model: Literal["mclp"]
    plan: Plan | None
    chosen: tuple[str, ...]
    fixed: tuple[str, ...]
    objective: int
    already: int
    bound: int
    gap: float
    status: Literal["optimal", "time_limit"]
    unique: bool | None
    tie_break: Literal["none", "person_impedance", "first_found"]
    useless: tuple[str, ...]
    uncoverable: int


def mclp(
    times: TravelTimes | pd.DataFrame,
    persons: pd.Series[int],
    *,
    threshold: int,
    n_new: int,
    candidates: Collection[str],
    fixed: Collection[str] = (),
    time_limit_s: float | None = None,
    threads: int = 1,
    base: Plan | None = None,
    service: str | None = None,
    name: str | None = None,
) -> Solution:
    r"""Choose ``n_new`` candidates so that most persons are covered (Church & ReVelle 1974).

    With persons :math:`w_i`, candidates :math:`N_i` that cover demand :math:`i`, and only demand
    that ``fixed`` does not cover:

    .. math:: \max \sum_i w_i y_i, \quad y_i \le \sum_{j \in N_i} x_j, \quad \sum_j x_j = n,
              \quad x_j \in \{0, 1\}, \; 0 \le y_i \le 1

    Demand with the same :math:`N_i` is one row; candidates with no demand left are out. The
    objective is counted again in whole persons from the chosen sites, never read from the solver.
    Demand out of every candidate's reach stays uncovered and is counted in ``uncoverable``.

    Parameters
    ----------
    times
        Travel times, or a matrix: rows by demand id, columns by site id, integers in the unit of
        ``threshold``, −1 where there is no way.
    persons
        Whole persons by demand id; points that are not named have none.
    threshold
        Integer milliseconds or millimetres; at the threshold is covered.
    n_new
        How many sites to add.
    candidates, fixed
        Sites to choose among, sites open anyway.
    time_limit_s
        Time for all solves together; the best found until then is returned and says so.
    threads
        Solver threads; with a fixed seed and sorted input the answer does not depend on row order.
    base, service, name
        The plan to open the chosen sites in, for which service, and the new plan's name.

    Raises
    ------
    InfeasibleError
        No candidates, or fewer than ``n_new``.
    StudyError, DataError
        Unknown sites or points, a site both fixed and candidate, persons that are not whole.
    SolverError
        HiGHS failed.

    Examples
    --------
    >>> matrix = pd.DataFrame([[5, -1], [9, 4], [-1, 3]], index=list("abc"), columns=["s", "t"])
    >>> found = mclp(matrix, pd.Series({"a": 10, "b": 5, "c": 7}), threshold=5, n_new=1,
    ...              candidates=["s", "t"])
    >>> found.chosen, found.objective, found.bound, found.unique
    (('t',), 12, 12, True)
    """
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    wanted, kept = _checked_sites(times, candidates, fixed, n_new)
    if (base is None) != (service is None):
        raise StudyError("mclp: give both base and service, or neither.")
    if not isinstance(times, pd.DataFrame) and times.cutoff < threshold:
        raise StudyError(
            f"mclp: the threshold {threshold} lies beyond the cutoff {times.cutoff} of the travel "
            f"times. Compute them with cutoff={threshold} or more."
        )
    weights, near, value = _within(times, persons, threshold, [*wanted, *kept])
    by_fixed = np.asarray(near[:, len(wanted) :].sum(axis=1)).ravel() > 0
    already = int(weights[by_fixed].sum())
    reach = near[:, : len(wanted)].tocsr()
    open_rows = np.flatnonzero(~by_fixed & (weights > 0) & (np.diff(reach.indptr) > 0))
    reach, value = reach[open_rows], value[:, : len(wanted)].tocsr()[open_rows]
    weights_open = weights[open_rows]
    useful = np.flatnonzero(np.asarray(reach.sum(axis=0)).ravel() > 0)
    uncoverable = int(weights.sum()) - already - int(weights_open.sum())
    ids = np.asarray(wanted, dtype=object)
    blank = Solution(
        model="mclp",
        plan=None,
        chosen=(),
        fixed=tuple(kept),
        objective=already,
        already=already,
        bound=already,
        gap=0.0,
        status="optimal",
        unique=True,
        tie_break="none",
        useless=tuple(ids[np.setdiff1d(np.arange(len(ids)), useful)]),
        uncoverable=uncoverable,
    )
    count = min(n_new, len(useful))
    if count:
        solver = _Covering(reach[:, useful].tocsr(), weights_open, count, deadline, threads)
        found = solver.solve(value[:, useful].tocsr())
        objective = already + found.objective
        bound = already + found.bound
        blank = replace(
            blank,
            chosen=tuple(ids[useful[found.sites]]),
            objective=objective,
            bound=bound,
            gap=0.0 if bound == objective else (bound - objective) / (bound - already),
            status="optimal" if found.proved else "time_limit",
            unique=found.unique,
            tie_break=found.tie_break,
        )
    if base is None or service is None:
        return blank
    return replace(blank, plan=open_more(base, service, blank.chosen, name=name))


@dataclass(frozen=True)
class _Found:
    sites: NDArray[np.int64]
    objective: int
    bound: int
    proved: bool
    unique: bool | None
    tie_break: Literal["none", "person_impedance", "first_found"]


class _Covering:
    """One covering instance over uncovered demand and useful candidates."""

    def __init__(
        self,
        reach: sparse.csr_array,
        weights: NDArray[np.int64],
        count: int,
        deadline: float | None,
        threads: int,
    ) -> None:
        self.reach, self.weights, self.count = reach, weights, count
        self.deadline, self.threads = deadline, threads
        self.sets, self.set_weights = _merged(reach, weights)

    def solve(self, value: sparse.csr_array) -> _Found:
        """Solve, then look for another optimum, then choose among optima by person-impedance."""
        start = self.greedy()
        chosen, bound, proved = self._best(start=start)
        objective = self.covered(chosen)
        bound = max(bound, objective)
        if not proved:
            return _Found(chosen, objective, bound, bound == objective, None, "none")
        another, _, sure = self._best(other_than=chosen, at_least=objective)
        if len(another) == 0:
            return _Found(chosen, objective, objective, True, True if sure else None, "none")
        tie: Literal["person_impedance", "first_found"] = "first_found"
        if value.nnz <= TIE_PAIRS:
            nearest = self._nearest(value, objective)
            if nearest is not None and self.covered(nearest) == objective:
                chosen, tie = nearest, "person_impedance"
        return _Found(chosen, objective, objective, True, False, tie)

    def covered(self, chosen: NDArray[np.int64]) -> int:
        """Count, in whole persons, whom a choice covers."""
        hit = np.asarray(self.sets[:, chosen].sum(axis=1)).ravel() > 0
        return int(self.set_weights[hit].sum())

    def greedy(self) -> NDArray[np.int64]:
        """Return the sites that add most one after the other: a start that always exists."""
        columns = self.sets.T.tocsr().astype(np.int64)
        left = self.set_weights.copy()
        chosen: list[int] = []
        for _ in range(self.count):
            gain = columns @ left
            gain[chosen] = -1
            best = int(np.argmax(gain))
            chosen.append(best)
            left[columns.indices[columns.indptr[best] : columns.indptr[best + 1]]] = 0
        return np.array(sorted(chosen), dtype=np.int64)

    def _best(
        self,
        *,
        start: NDArray[np.int64] | None = None,
        other_than: NDArray[np.int64] | None = None,
        at_least: int | None = None,
    ) -> tuple[NDArray[np.int64], int, bool]:
        """Return the best choice, its bound, and whether this is proved.

        With ``other_than`` and ``at_least``: another choice at least as good, or an empty one.
        """
        rows, n = self.sets.shape
        body = sparse.hstack([-self.sets.astype(float), sparse.eye_array(rows)], format="csr")
        first = np.concatenate([np.ones(n), np.zeros(rows)])
        extra, low, high = [first], [float(self.count)], [float(self.count)]
        if other_than is not None:
            cut = np.zeros(n + rows)
            cut[other_than] = 1
            extra.append(cut)
            low.append(-np.inf)
            high.append(len(other_than) - 1.0)
        if at_least is not None:
            extra.append(np.concatenate([np.zeros(n), self.set_weights.astype(float)]))
            low.append(at_least - 0.5)  # persons are whole
            high.append(np.inf)
        matrix = sparse.vstack([body, sparse.csr_array(np.array(extra))], format="csr")
        cost = np.concatenate([np.zeros(n), self.set_weights.astype(float)])
        if at_least is not None:
            cost[:] = 0  # any such choice will do
        highs = model(
            cost,
            matrix,
            np.concatenate([np.full(rows, -np.inf), low]),
            np.concatenate([np.zeros(rows), high]),
            n_binary=n,
            maximise=True,
            deadline=self.deadline,
            threads=self.threads,
        )
        begin = None if start is None else _start(self.sets, start, n + rows)
        run(highs, start=begin, deadline=self.deadline)
        status = highs.getModelStatus()
        nothing = np.empty(0, np.int64)
        if status == highspy.HighsModelStatus.kInfeasible and at_least is not None:
            return nothing, 0, True
        proved = status == highspy.HighsModelStatus.kOptimal
        stopped = status in (
            highspy.HighsModelStatus.kTimeLimit,
            highspy.HighsModelStatus.kInterrupt,
        )
        if not proved and not stopped:
            raise SolverError(f"HiGHS ended with {highs.modelStatusToString(status)} on mclp.")
        chosen = _chosen(highs, n, self.count)
        if at_least is not None:
            better = len(chosen) > 0 and self.covered(chosen) >= at_least
            return (chosen if better else nothing), 0, proved
        if start is not None and (len(chosen) == 0 or self.covered(chosen) < self.covered(start)):
            chosen = start
        if proved:
            return chosen, self.covered(chosen), True
        bound = highs.getInfo().mip_dual_bound
        most = int(self.set_weights.sum())
        return chosen, int(min(most, np.floor(bound + 1e-6))) if np.isfinite(bound) else most, False

    def _nearest(self, value: sparse.csr_array, objective: int) -> NDArray[np.int64] | None:
        """Among choices covering ``objective`` persons, one of least person-impedance."""
        rows, n = value.shape
        pair = value.tocoo()
        pairs = len(pair.data)
        at = np.arange(pairs)
        ones = np.ones(pairs)
        each = sparse.coo_array((ones, (pair.row, at)), (rows, pairs))
        opened = sparse.hstack(
            [sparse.coo_array((-ones, (at, pair.col)), (pairs, n)), sparse.eye_array(pairs)]
        )
        weights = self.weights[pair.row].astype(float)
        matrix = sparse.vstack(
            [
                sparse.hstack([sparse.coo_array((rows, n)), each]),
                opened,
                sparse.csr_array(np.concatenate([np.ones(n), np.zeros(pairs)])[None, :]),
                sparse.csr_array(np.concatenate([np.zeros(n), weights])[None, :]),
            ],
            format="csr",
        )
        # values were stored one higher, so that 0 is not lost in a sparse matrix
        impedance = (pair.data - 1) / max(1, int(pair.data.max()))
        highs = model(
            np.concatenate([np.zeros(n), weights * impedance]),
            matrix,
            np.concatenate([np.full(rows + pairs, -np.inf), [self.count, objective - 0.5]]),
            np.concatenate([np.ones(rows), np.zeros(pairs), [self.count, np.inf]]),
            n_binary=n,
            maximise=False,
            deadline=self.deadline,
            threads=self.threads,
        )
        run(highs, deadline=self.deadline)
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        return _chosen(highs, n, self.count)


def _start(sets: sparse.csr_array, start: NDArray[np.int64], columns: int) -> NDArray[np.float64]:
    """Return a first choice for HiGHS, so that a time limit never comes back empty-handed."""
    values = np.zeros(columns)
    values[start] = 1
    values[sets.shape[1] :] = np.asarray(sets[:, start].sum(axis=1)).ravel() > 0
    return values


def _chosen(highs: highspy.Highs, n: int, count: int) -> NDArray[np.int64]:
    """Return the open sites of the solver's best answer; none where it has none."""
    values = np.asarray(highs.getSolution().col_value[:n])
    chosen = np.flatnonzero(values > 0.5)
    return chosen if len(chosen) == count else np.empty(0, np.int64)


def _merged(
    reach: sparse.csr_array, weights: NDArray[np.int64]
) -> tuple[sparse.csr_array, NDArray[np.int64]]:
    """Merge demand that the same candidates cover; rows sorted, whatever order they came in."""
    found: dict[tuple[int, ...], int] = {}
    for row in range(reach.shape[0]):
        key = tuple(reach.indices[reach.indptr[row] : reach.indptr[row + 1]].tolist())
        found[key] = found.get(key, 0) + int(weights[row])
    keys = sorted(found)
    indptr = np.concatenate([[0], np.cumsum([len(key) for key in keys])])
    indices = np.fromiter((site for key in keys for site in key), np.int64)
    sets = sparse.csr_array(
        (np.ones(len(indices), np.int64), indices, indptr), (len(keys), reach.shape[1])
    )
    return sets, np.array([found[key] for key in keys], dtype=np.int64)


def _within(
    times: TravelTimes | pd.DataFrame, persons: pd.Series[int], threshold: int, sites: list[str]
) -> tuple[NDArray[np.int64], sparse.csr_array, sparse.csr_array]:
    """Return persons by sorted demand id, and the pairs within the threshold.

    The first matrix holds 1, the second the impedance + 1, both with a column a site in the order
    given.
    """
    if isinstance(times, pd.DataFrame):
        demand = pd.Index(times.index)
        matrix = times[sites].to_numpy()
        if not np.issubdtype(matrix.dtype, np.integer):
            raise DataError(
                Problem(
                    "times",
                    "the matrix is not of integers",
                    "Give milliseconds or millimetres, −1 where there is no way.",
                )
            )
        row, column = np.nonzero(is_covered(matrix, threshold))
        value = matrix[row, column].astype(np.int64)
    else:
        demand = pd.Index(times.demand_id)
        place = {site: at for at, site in enumerate(sites)}
        to_column = np.array([place.get(site, -1) for site in times.site_id], dtype=np.int64)
        column = to_column[times.site]
        keep = (column >= 0) & is_covered(times.value, threshold)
        row = np.repeat(np.arange(len(demand)), np.diff(times.indptr))[keep]
        column, value = column[keep], times.value[keep].astype(np.int64)
    weights = whole_persons(persons, demand)
    order = np.argsort(demand.to_numpy().astype(str), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    shape = (len(demand), len(sites))
    at = (rank[row], column)
    near = sparse.csr_array((np.ones(len(value), np.int64), at), shape)
    valued = sparse.csr_array((value + 1, at), shape)
    near.sort_indices()
    valued.sort_indices()
    return weights[order], near, valued


def _checked_sites(
    times: TravelTimes | pd.DataFrame,
    candidates: Collection[str],
    fixed: Collection[str],
    n_new: int,
) -> tuple[list[str], list[str]]:
    """Return candidates and fixed sites, sorted, or say what is wrong with them."""
    known = set(times.columns if isinstance(times, pd.DataFrame) else times.site_id)
    wanted, kept = sorted(set(candidates)), sorted(set(fixed))
    if unknown := sorted({*wanted, *kept} - known):
        raise StudyError(
            f"mclp: {len(unknown)} sites are not in the travel times ({first_ids(unknown)}). "
            "Compute travel times to existing sites and candidates together."
        )
    if both := sorted(set(wanted) & set(kept)):
        raise StudyError(
            f"mclp: {len(both)} sites are both fixed and candidates ({first_ids(both)}). "
            "Leave existing sites out of the candidates."
        )
    if n_new < 0:
        raise StudyError(f"mclp: n_new is {n_new}; it must be 0 or more.")
    if n_new and not wanted:
        raise InfeasibleError(
            "mclp: there are no candidates. Add sites with status candidate, or relax the limits "
            "that excluded them."
        )
    if n_new > len(wanted):
        raise InfeasibleError(
            f"mclp: n_new is {n_new} and there are {len(wanted)} candidates. Lower n_new to "
            f"{len(wanted)} or add candidates."
        )
    return wanted, kept
