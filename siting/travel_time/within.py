"""The two places where it is decided whom times speak about, and who is within a limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def is_covered(
    impedance: NDArray[np.integer], threshold: int | NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Covered ⇔ impedance ≤ threshold: the one place where this is decided.

    Parameters
    ----------
    impedance
        Integer milliseconds or millimetres; negative where no site answers.
    threshold
        In the same unit; exactly at the threshold is covered.

    Examples
    --------
    >>> is_covered(np.array([499_999, 500_000, 500_001, -1]), 500_000)
    array([ True,  True, False, False])
    """
    return (impedance >= 0) & (impedance <= threshold)


def is_assessed(state: NDArray[np.object_], island: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the network can speak about points: the one place where this is decided.

    Parameters
    ----------
    state
        The ``state`` of the ``reach`` table.
    island
        True where no road leads from the point to any **existing** site of the service. A new site
        opened there does answer: then the point is not ``unreachable`` and is assessed.
    """
    return np.asarray((state != "unattached") & ~(island & (state == "unreachable")), dtype=bool)
