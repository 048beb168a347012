"""OSM extracts by tag: nodes, closed ways and multipolygon or boundary relations.

Every element that carries the tags becomes one row, labelled ``n123``, ``w45`` or ``r6``. An
element that cannot have the geometry asked for (a node where land is wanted, an open way, a
relation that does not close) is a row without geometry, so that it is listed, not lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import geopandas as gpd
import osmium
import osmium.filter
import osmium.geom
import pandas as pd
import pyproj
import shapely

from siting import crs as crs_
from siting.load.files import reading, refuse
from siting.tables import label

Where: TypeAlias = Mapping[str, Sequence[str]]

# Keys that say what a feature is: several of them in one ``where`` are alternatives, since one
# thing is tagged by one of them. Every other key narrows.
MAIN_KEYS: Final = (
    "aeroway", "amenity", "barrier", "boundary", "building", "craft", "emergency", "entrance",
    "healthcare", "highway", "historic", "landuse", "leisure", "man_made", "natural", "office",
    "place", "power", "public_transport", "railway", "route", "shop", "tourism", "waterway",
)  # fmt: skip
_KEPT: Final = ("name", "name:zh", "name:en", "ref", "access")


def read_tagged(
    path: Path,
    *,
    table: str,
    where: Where,
    geometry: str,
    keep: Sequence[str] = (),
) -> gpd.GeoDataFrame:
    """Read the elements that carry the tags.

    Parameters
    ----------
    where
        Tag key → accepted values (``"*"`` for any). Main keys (:data:`MAIN_KEYS`) are
        alternatives, other keys narrow: ``{"leisure": ["park"], "landuse": ["grass"]}`` is
        either, ``{"boundary": ["administrative"], "admin_level": ["8"]}`` is both. A tag with
        several values (``school;kindergarten``) matches by any of them.
    geometry
        ``"point"`` and ``"point_or_polygon"`` take nodes and areas, ``"polygon"`` areas,
        ``"line"`` ways.
    keep
        Further tags to keep as columns.
    """
    wanted = {str(k): {str(v) for v in values} for k, values in where.items()}
    if not wanted or not all(wanted.values()):
        refuse(
            table,
            "an OSM extract is read by tag, and no tag is given",
            'Set where, such as where = { amenity = ["school"] }.',
        )
    tags = list(dict.fromkeys([*_KEPT, *wanted, *keep]))
    reader = _Reader(wanted, geometry, [t for t in tags if t not in ("row", "osm_id", "geometry")])
    with reading(path, table=table, kind="an OSM extract"):
        reader.read(str(path))
    if not reader.elements:
        refuse(table, f"{label(path.name)} holds no OSM elements", "Download the extract again.")
    frame = reader.frame()
    if frame.empty:
        told = "; ".join(f"{k} = {', '.join(sorted(v))}" for k, v in wanted.items())
        refuse(
            table,
            f"nothing in {label(path.name)} is tagged {label(told)}",
            "Correct where; taginfo.openstreetmap.org lists the tags in use.",
        )
    return frame


class _Reader:
    """One pass over an extract: rows of matching elements, by label."""

    def __init__(self, wanted: Mapping[str, set[str]], geometry: str, tags: Sequence[str]) -> None:
        self.wanted = wanted
        self.geometry = geometry
        self.tags = tags
        self.elements = 0
        self.rows: dict[str, dict[str, Any]] = {}
        self.shapes: dict[str, Any] = {}
        self.members: set[int] = set()  # ways that an assembled relation is made of

    def read(self, path: str) -> None:
        lines = self.geometry == "line"
        main = [k for k in self.wanted if k in MAIN_KEYS] or list(self.wanted)
        keys = osmium.filter.KeyFilter(*main)
        processor = osmium.FileProcessor(path)
        processor = processor.with_locations() if lines else processor.with_areas(keys)
        self.elements = _count(path)
        factory = osmium.geom.WKBFactory()
        element: Any  # which of the five kinds, type_str() says
        for element in processor.with_filter(osmium.filter.KeyFilter(*main)):
            if not self._matches(element.tags):
                continue
            kind = element.type_str()
            if kind == "a":
                which = "w" if element.from_way() else "r"
                name = f"{which}{element.orig_id()}"
                self._keep(name, element, factory.create_multipolygon(element))
            elif kind == "n" and not lines:
                point = None
                if self.geometry in ("point", "point_or_polygon") and element.location.valid():
                    point = factory.create_point(element)
                self._keep(f"n{element.id}", element, point)
            elif kind == "w":
                line = None
                if lines and len(element.nodes) > 1:
                    try:
                        line = factory.create_linestring(element)
                    except (osmium.InvalidLocationError, RuntimeError):
                        line = None  # a way cut by the extract's edge; listed without geometry
                self._keep(f"w{element.id}", element, line)
            elif kind == "r" and not lines:
                self._keep(f"r{element.id}", element, None)
                self.members.update(m.ref for m in element.members if m.type == "w")

    def frame(self) -> gpd.GeoDataFrame:
        """Return the rows in the order nodes, ways, relations, each by number."""
        # a boundary's ways often repeat its tags: they are in the file through their relation
        names = [
            n
            for n in self.rows
            if n in self.shapes or not (n[0] == "w" and int(n[1:]) in self.members)
        ]
        names.sort(key=lambda n: ("nwr".index(n[0]), int(n[1:])))
        columns: dict[str, Any] = {
            "row": pd.Series(names, dtype="str"),
            "osm_id": pd.Series(names, dtype="str"),
        }
        for tag in self.tags:
            columns[tag] = pd.Series([self.rows[n].get(tag) for n in names], dtype=object)
        shapes = shapely.from_wkb([self.shapes.get(n) for n in names])
        return gpd.GeoDataFrame(columns, geometry=shapes, crs=pyproj.CRS.from_epsg(4326))

    def _matches(self, tags: Any) -> bool:
        main = [k for k in self.wanted if k in MAIN_KEYS]
        rest = [k for k in self.wanted if k not in MAIN_KEYS]
        return (not main or any(self._has(tags, k) for k in main)) and all(
            self._has(tags, k) for k in rest
        )

    def _has(self, tags: Any, key: str) -> bool:
        value = tags.get(key)
        if value is None:
            return False
        accepted = self.wanted[key]
        return "*" in accepted or not accepted.isdisjoint(v.strip() for v in value.split(";"))

    def _keep(self, name: str, element: Any, shape: str | None) -> None:
        self.rows.setdefault(name, {t: element.tags.get(t) for t in self.tags if t in element.tags})
        if shape is not None:
            self.shapes[name] = bytes.fromhex(shape)


def _count(path: str) -> int:
    """Return 1 if the extract holds any element, else 0."""
    return next((1 for _ in osmium.FileProcessor(path)), 0)


def check_declared(table: str, crs: crs_.Declared, others: Mapping[str, object]) -> None:
    """Refuse options that an OSM extract cannot have."""
    if crs is not None:
        crs_.of_layer(pyproj.CRS.from_epsg(4326), crs, table=table)
    given = [k for k, v in others.items() if v is not None]
    if given:
        refuse(table, f"an OSM extract has no {' and no '.join(given)}", "Remove it.")
