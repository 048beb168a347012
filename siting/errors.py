"""What can go wrong, said so that the reader can mend it.

Every error a user can cause is a ``SitingError``. A message says what, how many, the first five
ids, and the mend; see :func:`first_ids` for the one way ids are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class SitingError(Exception):
    """Base of every error that the user of siting can mend."""


class StudyError(SitingError, ValueError):
    """The study file cannot be read or contradicts itself."""


@dataclass(frozen=True)
class Problem:
    """One breach of one table's contract.

    Attributes
    ----------
    table
        The layer as the study names it (``"zones"``, ``"services.clinic"``).
    what
        What is wrong, with counts.
    rows
        Identifiers (or 1-based data row numbers written ``"row 7"``) of the rows concerned.
    mend
        What the user can do about it.
    """

    table: str
    what: str
    mend: str
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the problem as one line."""
        where = f" ({first_ids(self.rows)})" if self.rows else ""
        return f"{self.table}: {self.what}{where}. {self.mend}"


class DataError(SitingError, ValueError):
    """One or more inputs break their contract; ``problems`` holds all of them."""

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def table(self) -> str:
        """The first table concerned."""
        return self.problems[0].table


class FetchError(SitingError, OSError):
    """Something could not be fetched from the internet."""


class NetworkError(SitingError, ValueError):
    """The roads cannot be made into a network, or a network cannot answer."""


class InfeasibleError(SitingError, ValueError):
    """No plan satisfies the limits; the message says what to relax."""


class SolverError(SitingError, RuntimeError):
    """The solver failed for a reason other than infeasibility."""


def first_ids(ids: Iterable[object], count: int = 5) -> str:
    """Return the first ``count`` ids and how many follow.

    Examples
    --------
    >>> first_ids(["S014", "S088"])
    'S014, S088'
    >>> first_ids(range(7))
    '0, 1, 2, 3, 4 and 2 more'
    """
    listed = [str(i) for i in ids]
    head = ", ".join(listed[:count])
    return f"{head} and {len(listed) - count} more" if len(listed) > count else head
