"""Roads → :class:`RoadNetwork`, and points → their place on it.

``read_osm``, ``from_lines`` and ``from_networkx`` make a network; ``attach`` puts points on its
edges; ``save`` and ``open_saved`` keep it between runs.
"""

from __future__ import annotations

from siting.network.attach import attach, barrier_parts, check_reach, usable_edges
from siting.network.barriers import cut, opens_nothing, over_water
from siting.network.defects import join_defects
from siting.network.delay import with_delay, with_signals
from siting.network.edits import Add, Close, Retime, absent, edited, revised
from siting.network.graph import RoadNetwork, same_streets
from siting.network.islands import network_defects
from siting.network.lines import from_lines
from siting.network.nx import from_networkx, to_networkx
from siting.network.osm import read_osm
from siting.network.reattach import reattached
from siting.network.slope import with_slope
from siting.network.speed_file import read_speeds
from siting.network.speeds import MODES, Mode, RoadClass, Speeds, travel_ms
from siting.network.store import open_saved, save
from siting.network.topology import Topology, topology

__all__ = [
    "MODES",
    "Add",
    "Close",
    "Mode",
    "Retime",
    "RoadClass",
    "RoadNetwork",
    "Speeds",
    "Topology",
    "absent",
    "attach",
    "barrier_parts",
    "check_reach",
    "cut",
    "edited",
    "from_lines",
    "from_networkx",
    "join_defects",
    "network_defects",
    "open_saved",
    "opens_nothing",
    "over_water",
    "read_osm",
    "read_speeds",
    "reattached",
    "revised",
    "same_streets",
    "save",
    "to_networkx",
    "topology",
    "travel_ms",
    "usable_edges",
    "with_delay",
    "with_signals",
    "with_slope",
]
