"""Pages of maps, one file each, that open without any network.

Every builder takes the :class:`Atlas` of the run and the tables it shows, and returns the page as
text. Layers are put into WGS 84 here and nowhere above.
"""

from __future__ import annotations

from siting.maps.atlas import Atlas
from siting.maps.baskets import ShownBasket, basket_finding, basket_row, baskets_page
from siting.maps.coverage import coverage_page, finding, is_judged, within
from siting.maps.gaps import gaps_page
from siting.maps.geometry import pixel_m
from siting.maps.green import green_page
from siting.maps.index import Card, index_page
from siting.maps.mergers import (
    Proof,
    ShownProgramme,
    mergers_finding,
    mergers_page,
    proof_of,
)
from siting.maps.new_sites import new_sites_finding, new_sites_page
from siting.maps.park_per_person import rooms
from siting.maps.pocket_parks import pocket_parks_finding
from siting.maps.ranking import schools_finding, schools_page
from siting.maps.sheet import PAGES, Sheet, Source, Tiles

__all__ = [
    "PAGES",
    "Atlas",
    "Card",
    "Proof",
    "Sheet",
    "ShownBasket",
    "ShownProgramme",
    "Source",
    "Tiles",
    "basket_finding",
    "basket_row",
    "baskets_page",
    "coverage_page",
    "finding",
    "gaps_page",
    "green_page",
    "index_page",
    "is_judged",
    "mergers_finding",
    "mergers_page",
    "new_sites_finding",
    "new_sites_page",
    "pixel_m",
    "pocket_parks_finding",
    "proof_of",
    "rooms",
    "schools_finding",
    "schools_page",
    "within",
]
