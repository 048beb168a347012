"""Compressed rows: built, filled, sorted, merged, looked up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from siting.kernels.compile import I32, I64, NEVER, compiled


def compressed_rows(row: npt.NDArray[Any], *, rows: int) -> tuple[I64, I64]:
    """Sort entries into compressed rows.

    Parameters
    ----------
    row
        The row of each entry.
    rows
        Number of rows.

    Returns
    -------
    tuple
        ``indptr`` (rows + 1) and the order of entries, row by row and as given within a row.
        Nothing is merged: of parallel arcs all stay, so that the least of them is what counts.

    Examples
    --------
    >>> indptr, order = compressed_rows(np.array([1, 0, 1]), rows=2)
    >>> indptr.tolist(), order.tolist()
    ([0, 1, 3], [1, 0, 2])
    """
    indptr = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=rows), out=indptr[1:])
    return indptr, _counted(row.astype(np.int64), indptr[:-1].copy())


@compiled
def _counted(row: I64, fill: I64) -> Any:
    """Return the order of entries by row; ``fill`` (where each row starts) moves on."""
    order = np.empty(row.size, dtype=np.int64)
    for i in range(row.size):
        order[fill[row[i]]] = i
        fill[row[i]] += 1
    return order


@compiled
def merged_k(demand_indptr: I64, entry_label: I64, owners: int, k: int) -> Any:
    """Return the least labels of up to ``k`` distinct owners of each row of labels.

    Parameters
    ----------
    demand_indptr, entry_label
        Labels in compressed rows, in any order and with ``NEVER`` among them.
    owners, k
        As in :func:`nearest_k_labels`.

    Returns
    -------
    int64 array (rows, k), ascending, ``NEVER`` where there are fewer.
    """
    rows = demand_indptr.size - 1
    result = np.full((rows, k), NEVER, dtype=np.int64)
    for row in range(rows):
        count = 0
        for entry in range(demand_indptr[row], demand_indptr[row + 1]):
            label = entry_label[entry]
            if label == NEVER or (count == k and label >= result[row, k - 1]):
                continue
            # the place of this owner if it is there already, else the end
            last = count
            for i in range(count):
                if result[row, i] % owners == label % owners:
                    last = i
                    break
            if last < count:
                if label >= result[row, last]:
                    continue
            elif count < k:
                count += 1
            else:
                last = k - 1
            while last > 0 and result[row, last - 1] > label:
                result[row, last] = result[row, last - 1]
                last -= 1
            result[row, last] = label
    return result


@compiled
def count_rows(size: I64, row: I32) -> None:
    """Add the entries of each row to ``size``, without the copy that ``bincount`` makes."""
    for i in range(row.size):
        size[row[i]] += 1


@compiled
def scatter_rows(
    fill: I64, first: int, count: I64, row: I32, value: I32, out_column: I32, out_value: I32
) -> None:
    """Write a block of columns into rows.

    Parameters
    ----------
    fill
        The next free place of each row; moves on.
    first, count
        The first column of the block and the entries of each of its columns.
    row, value
        The entries, column after column.
    out_column, out_value
        Where they go.
    """
    i = 0
    for column in range(count.size):
        for _ in range(count[column]):
            at = fill[row[i]]
            out_column[at] = first + column
            out_value[at] = value[i]
            fill[row[i]] = at + 1
            i += 1


@compiled
def sort_rows(indptr: I64, column: I32, value: I32, first: int, last: int) -> None:
    """Sort rows ``first`` … ``last - 1`` in place by value, then column; values not negative."""
    longest = np.int64(0)
    for row in range(first, last):
        longest = max(longest, indptr[row + 1] - indptr[row])
    packed = np.empty(longest, dtype=np.int64)
    for row in range(first, last):
        start, stop = indptr[row], indptr[row + 1]
        for i in range(start, stop):
            packed[i - start] = (np.int64(value[i]) << 32) | np.int64(column[i])
        packed[: stop - start].sort()
        for i in range(start, stop):
            value[i] = packed[i - start] >> 32
            column[i] = packed[i - start] & 0xFFFFFFFF


@compiled
def first_wanted(indptr: I64, column: I32, wanted: npt.NDArray[np.bool_]) -> Any:
    """Return, per row sorted by value, the position of the first wanted column, −1 where none."""
    rows = indptr.size - 1
    where = np.full(rows, -1, dtype=np.int64)
    for row in range(rows):
        for i in range(indptr[row], indptr[row + 1]):
            if wanted[column[i]]:
                where[row] = i
                break
    return where
