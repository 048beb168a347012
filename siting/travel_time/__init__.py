"""Demand × sites: how far it is from each home to each site, in whole milliseconds or millimetres.

Impedance runs from the demand to the site: access leg, partial edge, edges, partial edge, access
leg. Searches start from the sites on the reversed graph. All values are integers, so that results
are the same to the bit whatever the order of rows or the number of threads; formulas are in
``docs/method-travel-time.md``.
"""

from __future__ import annotations

from siting.travel_time.paths import Paths, paths
from siting.travel_time.question import Impedance, partial
from siting.travel_time.search import nearest
from siting.travel_time.times import LARGEST, NEAREST_KNOWN, Bound, TravelTimes, table
from siting.travel_time.within import is_assessed, is_covered

__all__ = [
    "LARGEST",
    "NEAREST_KNOWN",
    "Bound",
    "Impedance",
    "Paths",
    "TravelTimes",
    "is_assessed",
    "is_covered",
    "nearest",
    "partial",
    "paths",
    "table",
]
