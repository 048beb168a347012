"""How kernels are compiled and run in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
"""Label of a node that no search has reached."""

_F = TypeVar("_F", bound=Callable[..., Any])
_R = TypeVar("_R")


def compiled(function: _F) -> _F:
    """Return ``function`` compiled by numba: cached on disk, without the GIL."""
    return cast("_F", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def default_threads() -> int:
    """Return how many threads to search with: ``NUMBA_NUM_THREADS``, else the cores given to us."""
    return int(vars(numba.config)["NUMBA_NUM_THREADS"])


def parallel_blocks(work: Callable[[int, int], _R], count: int, *, threads: int) -> list[_R]:
    """Run ``work(start, stop)`` over blocks of ``range(count)``, results in block order.

    ``work`` must release the GIL to gain anything. Results do not depend on ``threads`` as long as
    ``work`` treats each item by itself. There are several blocks a thread, because sources in a
    dense centre cost more than sources at the edge of the map.
    """
    blocks = max(1, min(count, threads * 8 if threads > 1 else 1))
    edges = np.linspace(0, count, blocks + 1).astype(int).tolist()
    spans = list(pairwise(edges))
    if threads == 1:
        return [work(start, stop) for start, stop in spans]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda span: work(*span), spans))
