"""Runs taken in turns, so that what else the machine does falls on all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

BUDGET_S = 45.0
"""A run that has taken so long in all is not repeated."""


@dataclass(frozen=True)
class Times:
    """What one entry took, s."""

    least: float
    median: float
    runs: int


def race(
    entries: Mapping[str, Callable[[], Any]],
    *,
    repeats: int,
    budget_s: float = BUDGET_S,
    check: Callable[[str, Any], None] | None = None,
) -> dict[str, Times]:
    """Run entries in turns and return their times; ``check`` sees each one's first result.

    The first run of an entry is not counted (compilation, caches), except where it alone takes
    more than a third of the budget.
    """
    taken: dict[str, list[float]] = {name: [] for name in entries}
    for turn in range(repeats + 1):
        for name, run in entries.items():
            if sum(taken[name]) > budget_s:
                continue
            start = time.perf_counter()
            result = run()
            seconds = time.perf_counter() - start
            if turn == 0:
                if check is not None:
                    check(name, result)
                print(f"    {name}: first run {seconds:.2f} s", flush=True)
            if turn or seconds > budget_s / 3:
                taken[name].append(seconds)
            del result
    return {n: Times(min(t), statistics.median(t), len(t)) for n, t in taken.items()}


def once(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and the seconds it took."""
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start
