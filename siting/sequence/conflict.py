"""Which rules cannot all be kept, where no programme keeps them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from siting.sequence.model import Model
from siting.sequence.solver import solved

WITHIN_S: Final = 60.0


def conflict(model: Model, *, threads: int = 1, within_s: float = WITHIN_S) -> tuple[str, ...]:
    """Return rules that cannot all be kept, none of which can be left out of the set.

    QuickXplain (Junker 2004): halves of the rules are tried together, so that few rules among many
    are found in few solves. Past ``within_s`` the set found so far is returned, which then may not
    be the smallest.
    """
    deadline = time.monotonic() + within_s
    every = model.rules

    def possible(kept: Sequence[str]) -> bool:
        if time.monotonic() > deadline:
            return False
        without = frozenset(every) - frozenset(kept)
        found, _, sure = solved(
            model, deadline=deadline, threads=threads, without=without, any_will_do=True
        )
        return found is not None or not sure

    if not possible(()):
        return ()
    return tuple(sorted(_explained(possible, (), (), every)))


def _explained(
    possible: Callable[[Sequence[str]], bool],
    kept: tuple[str, ...],
    added: tuple[str, ...],
    rules: tuple[str, ...],
) -> tuple[str, ...]:
    if added and not possible(kept):
        return ()
    if len(rules) == 1:
        return rules
    half = len(rules) // 2
    first, second = rules[:half], rules[half:]
    of_second = _explained(possible, (*kept, *first), first, second)
    of_first = _explained(possible, (*kept, *of_second), of_second, first)
    return (*of_first, *of_second)
