"""Service areas: the ground from which a site is within a threshold."""

from __future__ import annotations

from siting.isochrone.areas import service_areas

__all__ = ["service_areas"]
