"""How much supply is within reach of whom, and how evenly it is shared out between zones.

A threshold says whether a hospital is near; it does not say how many share it. The floating
catchment does: beds per 1,000 persons, counted only within reach. Gini and the Palma ratio say how
far zones are apart. None of these figures passes or fails anybody. See
``docs/method-coverage.md`` for an example worked by hand.
"""

from __future__ import annotations

from siting.access.catchment import (
    PER_PERSONS,
    Band,
    FloatingCatchment,
    bands,
    by_zone,
    floating_catchment,
    supply_of,
)
from siting.access.equity import Equity, equity, gini, lorenz, top_to_bottom

__all__ = [
    "PER_PERSONS",
    "Band",
    "Equity",
    "FloatingCatchment",
    "bands",
    "by_zone",
    "equity",
    "floating_catchment",
    "gini",
    "lorenz",
    "supply_of",
    "top_to_bottom",
]
