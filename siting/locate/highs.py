"""HiGHS, quiet and the same every time: sparse arrays in, a solver ready to run out."""

from __future__ import annotations

import time

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from siting.errors import SolverError

SEED = 1
TRUST = 1e-6  # relative: more than sums over columns lose, less than any decision is worth


def model(
    cost: NDArray[np.float64],
    matrix: sparse.csr_array,
    row_low: NDArray[np.float64],
    row_high: NDArray[np.float64],
    *,
    n_binary: int,
    maximise: bool,
    deadline: float | None,
    threads: int,
) -> highspy.Highs:
    """Hand sparse arrays to HiGHS: the first ``n_binary`` columns binary, all within 0 and 1."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(cost), len(row_low)
    lp.sense_ = highspy.ObjSense.kMaximize if maximise else highspy.ObjSense.kMinimize
    lp.col_cost_, lp.col_lower_ = cost, np.zeros(len(cost))
    lp.col_upper_ = np.ones(len(cost))
    lp.row_lower_, lp.row_upper_ = row_low, row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = matrix.indptr
    lp.a_matrix_.index_ = matrix.indices
    lp.a_matrix_.value_ = matrix.data
    kinds = highspy.HighsVarType
    lp.integrality_ = [kinds.kInteger] * n_binary + [kinds.kContinuous] * (len(cost) - n_binary)
    highspy.Highs.resetGlobalScheduler(True)  # its thread count is else that of the first solve
    highs = quiet()
    options: dict[str, bool | int | float] = {
        "random_seed": SEED,
        "threads": threads,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": 1e-6,
    }
    if deadline is not None:
        options["time_limit"] = max(0.0, deadline - time.monotonic())
    for option, setting in options.items():
        highs.setOptionValue(option, setting)
    if highs.passModel(lp) == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the model.")
    return highs


def run(
    highs: highspy.Highs,
    *,
    start: NDArray[np.float64] | None = None,
    deadline: float | None = None,
) -> None:
    """Run a solver, and hold what it reports to its own answer.

    HiGHS 1.16.0 loses a constant of its presolve when it is given a start, and then calls answers
    proved that are not (about one small model in 300). What gives it away is that the objective it
    reports is not that of its answer: then it is asked again without the start, and if that does
    not add up either nothing is believed.

    Parameters
    ----------
    highs
        From :func:`model`.
    start
        A first answer, column by column.
    deadline
        Of both runs together, as :func:`time.monotonic` counts.

    Raises
    ------
    SolverError
        The answer does not have the objective that is reported for it.
    """
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start.tolist()
        highs.setSolution(solution)
    highs.run()
    if adds_up(highs):
        return
    if start is not None:
        highs.clearSolver()
        if deadline is not None:  # its clock runs on from the first time
            left = max(0.0, deadline - time.monotonic())
            highs.setOptionValue("time_limit", highs.getRunTime() + left)
        highs.run()
        if adds_up(highs):
            return
    raise SolverError(
        "HiGHS reports an objective that its answer does not have. Use another version of highspy."
    )


def adds_up(highs: highspy.Highs) -> bool:
    """Whether the answer has the objective reported for it, and the bound lies on its other side.

    True where there is no answer to hold it to.
    """
    solution, info, lp = highs.getSolution(), highs.getInfo(), highs.getLp()
    values = np.asarray(solution.col_value)
    if not solution.value_valid or len(values) == 0:
        return True
    objective = float(np.asarray(lp.col_cost_) @ values) + lp.offset_
    slack = TRUST * max(1.0, abs(objective))
    if abs(info.objective_function_value - objective) > slack:
        return False
    beyond = info.mip_dual_bound - objective
    if lp.sense_ == highspy.ObjSense.kMaximize:
        beyond = -beyond
    return bool(not np.isfinite(beyond) or beyond <= slack)


def quiet() -> highspy.Highs:
    """Return a solver that prints nothing, its banner included.

    ``Highs.__init__`` switches callbacks on, which prints the banner before any option can be set;
    so build it without (no callback is used here) and set the option first.
    """
    highs = highspy.Highs.__new__(highspy.Highs)
    super(highspy.Highs, highs).__init__()
    highs.setOptionValue("output_flag", False)
    return highs
