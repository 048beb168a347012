"""Files → tables: read one layer, then conform it.

``read_layer`` reads any supported file in its own CRS and labels its rows; ``zones``, ``sites``,
``people`` and their kin turn that into a table of docs/architecture.md in the working CRS, with
every problem raised at once and every row not used as given listed in a drops table.
"""

from siting.load.conform import (
    Parks,
    barriers,
    carriers,
    join_drops,
    parks,
    residential,
    roads,
    signals,
    water,
    zones,
)
from siting.load.elevation import Elevation, read_elevation
from siting.load.files import reading
from siting.load.intake import Layer
from siting.load.places import Sites, join_sites, people, sites
from siting.load.population import population
from siting.load.raster import raster_bounds
from siting.load.read import lonlat_bounds, read_layer, read_table
from siting.load.schools import age_bands, births, catchments, enrolment, schools
from siting.load.totals import totals

__all__ = [
    "Elevation",
    "Layer",
    "Parks",
    "Sites",
    "age_bands",
    "barriers",
    "births",
    "carriers",
    "catchments",
    "enrolment",
    "join_drops",
    "join_sites",
    "lonlat_bounds",
    "parks",
    "people",
    "population",
    "raster_bounds",
    "read_elevation",
    "read_layer",
    "read_table",
    "reading",
    "residential",
    "roads",
    "schools",
    "signals",
    "sites",
    "totals",
    "water",
    "zones",
]
