"""Layers read through the cache, with all their problems kept to be told at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import geopandas as gpd
import pandas as pd

from siting import load
from siting.errors import DataError, Problem
from siting.pipeline.cache import Cache, checksum
from siting.pipeline.steps import Steps
from siting.study import Source, Study

T = TypeVar("T", bound=tuple[Any, ...])


@dataclass(frozen=True)
class LayerRecord:
    """One layer as it was read, for ``run.json`` and the pages' sources."""

    layer: str
    file: str
    sha256: str
    rows: int
    date: str
    source: str


class Reader:
    """Reads layers through the cache and keeps all their problems, to be told at once."""

    def __init__(self, study: Study, cache: Cache, step: Steps) -> None:
        self.cache, self.step = cache, step
        self.sources = study.sources()
        self.sums = {name: checksum(source.file) for name, source in self.sources.items()}
        self.problems: list[Problem] = []
        self.found: dict[str, Any] = {}

    def __call__(
        self, kind: str, name: str, shape: type[T], build: Callable[[], T], /, **key: object
    ) -> T | None:
        """Return what ``build`` makes of the layer ``name``; ``None`` where it has problems."""
        self.step(f"read {name}")
        key_of = told(self.sources[name]) | {"sha256": self.sums[name], "as": name} | key
        try:
            self.found[name] = self.cache.tables(kind, key_of, shape, build)
        except DataError as error:
            self.problems += error.problems
            return None
        return self.found[name]  # type: ignore[no-any-return]  # found holds what build returned

    def raise_problems(self) -> None:
        """Raise all problems met so far."""
        if self.problems:
            raise DataError(list(dict.fromkeys(self.problems)))

    def records(self) -> tuple[LayerRecord, ...]:
        """Return one record a layer."""
        return tuple(
            LayerRecord(
                layer=name,
                file=source.file.name,
                sha256=self.sums[name],
                rows=len(self.found[name][0]) if name in self.found else 0,
                date=source.date,
                source=source.source,
            )
            for name, source in self.sources.items()
        )


def read_raw(name: str, source: Source) -> gpd.GeoDataFrame:
    """Read the layer ``name`` of the study in the file's own CRS."""
    polygons = (
        *("zones", "residential", "green", "people.land_use"),
        "schools.admission.catchments",
    )
    shape = "point_or_polygon"
    if name.split("[")[0] in polygons:
        shape = "polygon"
    elif name.startswith(("water", "barriers", "railways")):
        shape = "polygon" if name.startswith("water") else "line"
    elif name == "roads":
        shape = "line"
    elif name in ("park_entrances", "network.signals", "crossings"):
        shape = "point"
    return load.read_layer(
        source.file,
        table=name,
        layer=source.layer,
        crs=source.crs,
        encoding=source.encoding,
        x=source.x,
        y=source.y,
        where=source.where,
        keep=tuple(source.columns.values()),
        geometry=shape,  # type: ignore[arg-type]  # one of its literals
    )


def read_rows(name: str, source: Source) -> pd.DataFrame:
    """Read the rows of a table, or of a layer whose shapes do not matter."""
    if source.file.suffix.lower() in (".csv", ".xlsx"):
        return load.read_table(
            source.file,
            table=name,
            layer=source.layer,
            encoding=source.encoding,
            where=source.where,
        )
    layer = read_raw(name, source)
    return pd.DataFrame(layer.drop(columns=layer.geometry.name))


def told(source: Source) -> dict[str, Any]:
    """Return what of a source decides how it is read; dates and names of people do not.

    Nor does where a file lies. Other files of schools are sources of their own.
    """
    about = {"file", "date", "source"}
    apart = {"rules", "enrolment", "admission", "children"}
    hidden = dict.fromkeys(about | apart, True) | {"land_area": about}
    return source.model_dump(mode="json", exclude=hidden)
