"""Telling whoever waits which step of a run has begun."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str, int, int], None]
"""Told the step that begins, how many are done, and how many there are."""


def quiet(step: str, done: int, total: int) -> None:
    """Say nothing."""


class Steps:
    """Counts the steps of a run for whoever is told about them."""

    def __init__(self, say: Say, total: int) -> None:
        self.say, self.total, self.done = say, total, 0

    def __call__(self, step: str) -> None:
        """Say that ``step`` begins."""
        self.say(step, self.done, max(self.total, self.done + 1))
        self.done += 1
