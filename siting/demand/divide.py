"""Whole persons divided in proportion, nobody lost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import DataError, Problem

Integers = npt.NDArray[np.int64]

_INT64: Final = 2**62


def largest_remainder(
    weights: Sequence[float] | npt.NDArray[Any] | pd.Series[Any],
    total: int,
    *,
    ids: Sequence[str] | None = None,
) -> Integers:
    """Divide ``total`` whole persons in proportion to weights, exactly.

    Each gets the whole part of its quota ``total · w / Σw``; what is left goes one by one to the
    largest remainders (Hamilton's method). Equal remainders are taken in the order of a digest of
    their ids (BLAKE2b, 8 bytes, of the UTF-8 id): ids follow the map, and the smallest first would
    put the odd persons of a whole region into one corner of it. The arithmetic is in integers of
    any size, so no weight is lost to rounding.

    Parameters
    ----------
    weights
        Finite numbers, 0 or more; a Series brings its ids in its index.
    total
        0 or more.
    ids
        What the digests are of; without ids, equal remainders are taken by position.

    Returns
    -------
    numpy.ndarray
        int64, in the order of ``weights``; its sum is ``total``.

    Raises
    ------
    DataError
        A weight is negative or not finite, all are 0 with a total to divide, or the total is
        negative.

    Examples
    --------
    >>> largest_remainder([5, 3, 1], 4, ids=["c", "a", "b"]).tolist()
    [2, 1, 1]
    """
    if isinstance(weights, pd.Series) and ids is None:
        ids = [str(i) for i in weights.index]
    values = np.asarray(weights)
    count = len(values)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError(Problem("weights", "a weight is not a finite number", "Correct it."))
    if total < 0 or (count and (values < 0).any()):
        raise DataError(Problem("weights", "a weight or the total is negative", "Correct it."))
    if total == 0:
        return np.zeros(count, dtype=np.int64)
    exact = _integers(values)
    whole = int(exact.sum()) if count else 0
    if whole == 0:
        raise DataError(
            Problem("weights", f"all weights are 0, but there are {total} to divide", "Add some.")
        )
    if exact.dtype != object and int(exact.max()) * total >= _INT64:
        exact = exact.astype(object)
    share = exact * total
    quota = share // whole
    rest = share - quota * whole
    left = total - int(quota.sum())
    result = quota.astype(np.int64)
    if left:
        names: Sequence[Any] = range(count) if ids is None else [digest(i) for i in ids]
        order = sorted(range(count), key=lambda i: (-int(rest[i]), names[i]))
        result[order[:left]] += 1
    return result


def digest(name: str) -> tuple[bytes, str]:
    """Return what ties are broken by: no order that follows the map."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest(), name


def _integers(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return weights as integers in the same proportion, exactly."""
    if values.dtype.kind in "iub":
        exact = values.astype(np.int64)
    else:
        ratios = [float(v).as_integer_ratio() for v in values.tolist()]
        scale = max((d for _, d in ratios), default=1)  # denominators are powers of two
        exact = np.empty(len(ratios), dtype=object)
        exact[:] = [n * (scale // d) for n, d in ratios]
    small = max((int(e) for e in exact), default=0) < _INT64 // max(len(exact), 1)
    return exact.astype(np.int64 if small else object)
