"""People at places: from points, or control totals spread over what carries them.

Persons are whole numbers. Every spreading uses the largest remainder, so that totals are kept to
the person whatever they are divided over, and ties go by a digest of the id, so that the order of
rows never matters.
"""

from siting.demand.divide import largest_remainder
from siting.demand.footprint import spread_mm
from siting.demand.groups import cohorts, cohorts_from_columns, cohorts_from_totals
from siting.demand.land import carriers_of, cells
from siting.demand.parts import one_source_a_zone
from siting.demand.people import Demand, from_points
from siting.demand.persons import among, not_whole, whole_persons
from siting.demand.raster import carriers_from_raster, from_raster
from siting.demand.scenario import Projection, on_path, project
from siting.demand.settlement import Density, by_density
from siting.demand.spread import TOWNS, spread
from siting.demand.zoning import membership, zone_of_points

__all__ = [
    "TOWNS",
    "Demand",
    "Density",
    "Projection",
    "among",
    "by_density",
    "carriers_from_raster",
    "carriers_of",
    "cells",
    "cohorts",
    "cohorts_from_columns",
    "cohorts_from_totals",
    "from_points",
    "from_raster",
    "largest_remainder",
    "membership",
    "not_whole",
    "on_path",
    "one_source_a_zone",
    "project",
    "spread",
    "spread_mm",
    "whole_persons",
    "zone_of_points",
]
