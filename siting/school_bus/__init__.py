"""The school bus: stops, routes with seats and an order of pick-up, and what a journey takes.

A journey by bus is known in one of three ways, and says which: along **routes** that are built
(walk, wait, ride), by direct driving time × a **detour** factor with a source, or by **direct**
driving time alone, which is a lower bound and cannot pass a hard rule. The method is in
``docs/method-school-bus.md``.
"""

from __future__ import annotations

from siting.school_bus.along import along
from siting.school_bus.detour import by_detour, by_routes, lower_bound, ranged
from siting.school_bus.routes import ROUTE_COLUMNS, BusRoutes, journeys, routes
from siting.school_bus.stops import Stops, kerbsides, stops

__all__ = [
    "ROUTE_COLUMNS",
    "BusRoutes",
    "Stops",
    "along",
    "by_detour",
    "by_routes",
    "journeys",
    "kerbsides",
    "lower_bound",
    "ranged",
    "routes",
    "stops",
]
