"""People within thresholds: who is covered, who is out of reach, and whom we cannot judge.

Persons are whole numbers (int64) from end to end. For every zoning, zone and settlement class::

    covered + no_seat + out_of_reach + not_assessed = persons

*Not assessed* are people the data cannot speak about: their point is unattached to the network, or
no road leads from it to any existing site of the service and no open one answers (an island of the
graph, or one-way streets that none leads out of), or it lies outside every zone of the zoning; or
their journey is only known to be at least so long, and that is within a hard rule
(:func:`may_pass`). A gap in the data is not a lack of service. Closing the last school of an island
makes its children out of reach: islands are fixed by today's sites. See
``docs/method-coverage.md`` for definitions and an example worked by hand.
"""

from __future__ import annotations

from siting.coverage.basket import Basket, any_of, basket
from siting.coverage.judge import COUNTS, STATES, assess, cover, straight_mm
from siting.coverage.limits import (
    PER_UNIT,
    Thresholds,
    exact,
    is_decided,
    may_pass,
    meets,
    thresholds,
    too_many,
)
from siting.coverage.losses import FirstTwo, first_two, losses
from siting.coverage.members import Members, members
from siting.coverage.places import gaps
from siting.coverage.provision import provision
from siting.coverage.seats import Seats, seated
from siting.coverage.shares import summary
from siting.demand import among, whole_persons
from siting.travel_time import is_assessed, is_covered

__all__ = [
    "COUNTS",
    "PER_UNIT",
    "STATES",
    "Basket",
    "FirstTwo",
    "Members",
    "Seats",
    "Thresholds",
    "among",
    "any_of",
    "assess",
    "basket",
    "cover",
    "exact",
    "first_two",
    "gaps",
    "is_assessed",
    "is_covered",
    "is_decided",
    "losses",
    "may_pass",
    "meets",
    "members",
    "provision",
    "seated",
    "straight_mm",
    "summary",
    "thresholds",
    "too_many",
    "whole_persons",
]
