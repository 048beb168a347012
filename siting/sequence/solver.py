"""The model handed to HiGHS, and its answers held to the rules in whole numbers."""

from __future__ import annotations

from fractions import Fraction

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from siting.errors import SolverError, first_ids
from siting.locate import highs
from siting.sequence.model import Model

Values = NDArray[np.int64]


def solved(
    model: Model,
    *,
    start: Values | None = None,
    gap: float = 0.0,
    deadline: float | None = None,
    threads: int = 1,
    without: frozenset[str] = frozenset(),
    other_than: Values | None = None,
    at_most: Fraction | None = None,
    any_will_do: bool = False,
) -> tuple[Values | None, Fraction | None, bool]:
    """Return the best values (None: there are none), a bound below, and whether this is proved.

    Parameters
    ----------
    model
        What to solve, in scaled rows and gains; every answer is held to the rows exactly.
    start, gap, deadline, threads
        As of :func:`siting.sequence.programme`; a start is never returned worse than it was.
    without
        Rules left out.
    other_than, at_most
        Another answer than these values, with an objective no higher.
    any_will_do
        Any answer at all: nothing is minimised.
    """
    body, high = model.matrix(without)
    n = len(model.columns)
    gains = np.array([float(g) for g in model.gains])
    scale = max(1.0, float(np.abs(gains).max(initial=0.0)))
    if other_than is not None:
        told = [c for c, column in enumerate(model.columns) if column.kind != "receives"]
        cut = np.zeros(n)
        cut[told] = np.where(other_than[told] > 0, 1.0, -1.0)
        body = sparse.vstack([body, sparse.csr_array(cut[None, :])], format="csr")
        high = np.append(high, float(other_than[told].sum()) - 1)
    if at_most is not None:
        body = sparse.vstack([body, sparse.csr_array((gains / scale)[None, :])], format="csr")
        high = np.append(high, float((at_most - model.keep_all) / Fraction(scale)) + 1e-9)
    weight = np.ones(len(high))
    np.maximum.at(weight, np.repeat(np.arange(len(high)), np.diff(body.indptr)), np.abs(body.data))
    body = (sparse.diags_array(1 / weight) @ body).tocsr()
    solver = highs.model(
        np.zeros(n) if any_will_do else gains / scale,
        body,
        np.full(len(high), -np.inf),
        high / weight,
        n_binary=n,
        maximise=False,
        deadline=deadline,
        threads=threads,
    )
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("mip_feasibility_tolerance", 1e-9)
    first = start if other_than is None else None
    highs.run(solver, start=None if first is None else first.astype(float), deadline=deadline)
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None, None, True
    proved = status == highspy.HighsModelStatus.kOptimal
    stopped = status in (highspy.HighsModelStatus.kTimeLimit, highspy.HighsModelStatus.kInterrupt)
    if not proved and not stopped:
        raise SolverError(f"HiGHS ended with {solver.modelStatusToString(status)} on programme.")
    best = start
    raw = np.asarray(solver.getSolution().col_value)
    if len(raw) == n and n:
        values = (raw > 0.5).astype(np.int64)
        broken = [rule for rule in model.broken(values) if rule not in without]
        if not broken and (best is None or model.objective(values) < model.objective(best)):
            best = values
        elif broken and proved:
            raise SolverError(f"HiGHS broke {first_ids(broken)} by rounding on programme.")
    if n == 0:
        best = np.zeros(0, dtype=np.int64)
    if best is None:
        if any_will_do or other_than is not None:
            return None, None, False
        raise SolverError("HiGHS found no programme in time. Give it more time_limit_s.")
    if proved and gap == 0:
        return best, model.objective(best), True
    dual = solver.getInfo().mip_dual_bound
    if not np.isfinite(dual):
        return best, None, proved
    return best, min(model.objective(best), model.keep_all + Fraction(dual * scale)), proved
