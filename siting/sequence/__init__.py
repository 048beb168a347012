"""Plans over years under budgets: closures, moves, new sites and expansions, with proof.

A :class:`Question` is tables and limits; :func:`programme` answers it with the programme of least
journeys, running cost and building, or names the rules that are at odds. Mergers and new sites use
it alike. See ``docs/method-schools.md``.
"""

from __future__ import annotations

from siting.sequence.pareto import Pareto, pareto
from siting.sequence.result import Programme
from siting.sequence.solve import programme
from siting.sequence.tables import (
    BEDS,
    CHOICES,
    EXPANSIONS,
    HOSTS,
    SEATS,
    SITES,
    UNITS,
    Limits,
    Question,
    check,
)

__all__ = [
    "BEDS",
    "CHOICES",
    "EXPANSIONS",
    "HOSTS",
    "SEATS",
    "SITES",
    "UNITS",
    "Limits",
    "Pareto",
    "Programme",
    "Question",
    "check",
    "pareto",
    "programme",
]
