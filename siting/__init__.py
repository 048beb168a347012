"""siting tells a city where its schools, clinics and parks should be.

``siting.run(siting.read_study(path))`` walks the whole line; every room of it can be used alone
(``siting.network``, ``siting.travel_time``, ``siting.coverage``…). Rooms are imported when first
named, so that ``import siting`` and ``siting --help`` stay light.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("siting")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

_ROOMS = (
    "coverage",
    "crs",
    "demand",
    "demo",
    "errors",
    "evaluate",
    "green",
    "isochrone",
    "load",
    "locate",
    "maps",
    "merger",
    "network",
    "pipeline",
    "plan",
    "report",
    "rules",
    "school_bus",
    "study",
    "tables",
    "text",
    "travel_time",
)
_NAMES = {"read_study": "study", "run": "pipeline"}

__all__ = ["__version__", "read_study", "run", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"siting.{name}")
    if name in _NAMES:
        return getattr(import_module(f"siting.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'siting' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
