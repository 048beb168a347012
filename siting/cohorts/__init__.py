"""Children by single years of age, at every place and in later years, in whole persons.

Bands of a census become single years (:func:`single_years`), zones' children are dealt out to
places (:func:`children`), and cohorts grow older (:func:`carried_forward`). Nothing is assumed
here: births, survival and moves are the caller's, who knows their source and prints it. See
``docs/method-schools.md``.
"""

from __future__ import annotations

from siting.cohorts.bands import HOW, SingleYears, birth_drop, single_years
from siting.cohorts.forward import FLOWS, Forward, carried_forward, dealt
from siting.cohorts.grades import by_grade, split_by_grade, to_town
from siting.cohorts.places import children

__all__ = [
    "FLOWS",
    "HOW",
    "Forward",
    "SingleYears",
    "birth_drop",
    "by_grade",
    "carried_forward",
    "children",
    "dealt",
    "single_years",
    "split_by_grade",
    "to_town",
]
