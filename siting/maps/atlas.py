"""What every page of a run takes besides its own tables, and what is drawn under all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import text
from siting.errors import DataError, Problem
from siting.maps import geometry
from siting.maps.sheet import Sheet


@dataclass(frozen=True, eq=False)
class Atlas:
    """What the pages of one run share; the first thing every page builder takes.

    Attributes
    ----------
    sheet
        What stands around the maps, and the words.
    zones
        Table ``zones`` in a metric CRS.
    sites, offers
        Tables of these names: the existing facilities of what a page shows are drawn.
    water, roads
        Layers under every map: polygons; table ``roads`` (``highway``, lines).
    """

    sheet: Sheet
    zones: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame | None = None
    offers: pd.DataFrame | None = None
    water: gpd.GeoDataFrame | None = None
    roads: gpd.GeoDataFrame | None = None

    @cached_property
    def zonings(self) -> tuple[str, ...]:
        """The zonings, the first of which is shown first."""
        return tuple(dict.fromkeys(self.zones["zoning"].astype(str)))

    @cached_property
    def positions(self) -> dict[str, dict[str, int]]:
        """By zoning, the place of each zone by its id: what the scripts call it."""
        return {
            zoning: {str(i): n for n, i in enumerate(self._zones_of(zoning)["zone_id"])}
            for zoning in self.zonings
        }

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """By zoning, the names of its zones in that order."""
        return {z: self._zones_of(z)["name"].astype(str).tolist() for z in self.zonings}

    @cached_property
    def under(self) -> dict[str, Any]:
        """What the scripts draw under every map, made once for all pages."""
        if self.zones.empty:
            raise DataError(
                Problem("zones", "there is no zone to draw", "Give at least one polygon.")
            )
        west, south, east, north = geometry.lonlat(self.zones).total_bounds.round(5).tolist()
        parts = {zoning: self._zones_of(zoning) for zoning in self.zonings}
        water: list[str] = []
        if self.water is not None and not self.water.empty:
            seen = self.water.geometry.area > (2 * geometry.pixel_m(self.zones)) ** 2
            water = geometry.polygons(self.water[seen])
        return {
            "bounds": [[south, west], [north, east]],
            "zonings": [{"key": z, "label": self.sheet.label("zoning", z)} for z in parts],
            "zones": self.names,
            "shapes": {z: geometry.polygons(p, shared_borders=True) for z, p in parts.items()},
            "names": {zoning: _largest_first(part) for zoning, part in parts.items()},
            "water": water,
            "roads": self._roads[0],
        }

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """How finely the maps are drawn, and what is left out under all of them, in words."""
        say, left_out = self.sheet.say, self._roads[1]
        pixel = text.with_unit(geometry.pixel_m(self.zones), "m", self.sheet.lang)
        drawn = say("note.drawn", tolerance=pixel)
        return (drawn, say("note.roads_left_out", n=text.count(left_out))) if left_out else (drawn,)

    @cached_property
    def _roads(self) -> tuple[list[str], int]:
        if self.roads is None or self.roads.empty:
            return [], 0
        return geometry.roads(self.roads, budget=geometry.ROAD_BUDGET)

    def _zones_of(self, zoning: str) -> gpd.GeoDataFrame:
        return self.zones[self.zones["zoning"].astype(str) == zoning]

    @cached_property
    def spots(self) -> dict[str, list[float]]:
        """Where each site is (``[lat, lon]``) by its id; a site without a shape is nowhere."""
        if self.sites is None:
            return {}
        there = self.sites[self.sites.geometry.notna()]
        return dict(zip(there["site_id"].astype(str), geometry.places(there), strict=True))

    @cached_property
    def site_names(self) -> dict[str, str]:
        """What each site is called, by its id."""
        if self.sites is None:
            return {}
        ids, names = self.sites["site_id"].astype(str), self.sites["name"].astype(str)
        return dict(zip(ids, names, strict=True))

    def facility_ids(self, service: str) -> list[str]:
        """Return the existing sites of a service, in the order in which they are drawn."""
        drawn = self._facilities(service)
        return [] if drawn is None else drawn["site_id"].astype(str).tolist()

    def facilities(self, services: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the existing facilities by service: where they are, encoded, and their names."""
        return {
            service: pins(drawn)
            for service in sorted(set(services))
            if (drawn := self._facilities(service)) is not None
        }

    def _facilities(self, service: str) -> gpd.GeoDataFrame | None:
        if self.sites is None or self.offers is None:
            return None
        ids = self.offers.loc[self.offers["service"] == service, "site_id"]
        there = (self.sites["status"] == "existing") & self.sites["site_id"].isin(ids)
        return self.sites[there]


def pins(drawn: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return places to be drawn as points: where they are, encoded, and their names."""
    return {
        "at": geometry.encode(geometry.spots(drawn)),
        "names": drawn["name"].astype(str).tolist(),
    }


def _largest_first(zones: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Return where each zone's name goes, in the order in which they are given room."""
    spots = geometry.places(zones)
    order = np.argsort(-zones.geometry.area.to_numpy(), kind="stable")
    return [{"i": i, "at": spots[i]} for i in order.tolist()]
