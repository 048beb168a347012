"""Parts of a step that know nothing of each other, worked on side by side.

Threads, not processes: what is slow in these parts (compiled searches, sorting, geometry,
compression) lets go of the interpreter, and threads share the tables instead of copying them,
start alike on every system and end with the run.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from siting import kernels

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(
    work: Callable[[T], R], items: Iterable[T], *, workers: int | None = None
) -> Generator[R, None, None]:
    """Yield ``work(item)`` of each item, in the order of the items.

    ``work`` may not depend on what the others do, so that the number of workers changes nothing
    but the time taken. The first error, in that order, is raised as it would be without workers;
    what has not begun by then, or when the caller closes it, is not begun. A caller that may fail
    between two items closes it (:func:`contextlib.closing`): an error that is being told keeps it
    open, and the rest would be worked off beside the telling.

    Parameters
    ----------
    work
        What to do with an item.
    items
        All of them are taken at once.
    workers
        How many threads: the cores given to us by default (``NUMBA_NUM_THREADS``). With one,
        nothing runs beside anything.

    Examples
    --------
    >>> list(side_by_side(abs, [-3, 2, -1], workers=2))
    [3, 2, 1]
    """
    threads = workers or kernels.default_threads()
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, items)
