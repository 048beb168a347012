"""Who goes where, by a named rule; who has no seat, and why.

``nearest`` sends everybody to the nearest open site, ``catchment`` to the site of their admission
area, ``directed`` a whole closed site to a named receiver. ``max_served`` seats as many as can be
within a threshold, then at least person-time, then by smallest id: the three populations (covered,
no seat, out of reach) are by this rule. Persons are whole and every one is accounted for::

    allocated + no_seat + out_of_reach + not_assessed = persons

Unknown capacity is not unlimited: where seats are asked for, a site without a number is refused.
"""

from __future__ import annotations

from siting.allocation.by_rule import catchment, directed, nearest
from siting.allocation.max_served import max_served, without_each
from siting.allocation.result import REASONS, Allocation
from siting.allocation.seats import seats_at, seats_of

__all__ = [
    "REASONS",
    "Allocation",
    "catchment",
    "directed",
    "max_served",
    "nearest",
    "seats_at",
    "seats_of",
    "without_each",
]
