"""The three green indicators, as shares of residential land, in a straight line and on foot.

300米见绿 (``see_green_300``), 500米见园 (``park_500``) and 公园绿地服务半径覆盖率
(``park_radius_rate``) are never mixed. The straight line from the park's edge is the official
reading; on foot, from entrances and along paths, stands beside it and never exceeds it. See
``docs/method-coverage.md``.
"""

from __future__ import annotations

from siting.green.entrances import boundary_samples, park_entrances
from siting.green.indicators import INDICATORS, Indicator, SizeClass, Target, indicators, targets
from siting.green.overlay import buffer_error_m
from siting.green.per_person import park_per_person
from siting.green.places import lattice, squares_at, taken
from siting.green.pocket import PocketParks, pocket_parks
from siting.green.rate import Green, green_coverage, summary

__all__ = [
    "INDICATORS",
    "Green",
    "Indicator",
    "PocketParks",
    "SizeClass",
    "Target",
    "boundary_samples",
    "buffer_error_m",
    "green_coverage",
    "indicators",
    "lattice",
    "park_entrances",
    "park_per_person",
    "pocket_parks",
    "squares_at",
    "summary",
    "taken",
    "targets",
]
