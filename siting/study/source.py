"""What every table of a study file is made of: a frozen model, and one layer of a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Settlement = Literal["urban", "township_seat", "village"]
Where = dict[str, list[str]]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
OSM_ENDINGS = (".osm", ".pbf", ".osm.gz", ".osm.bz2")


class Model(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Source(Model):
    """One layer of one file.

    Attributes
    ----------
    file
        Path, relative to the study's ``data`` folder; ``$VARIABLES`` are replaced.
    layer
        Layer or sheet, needed where the file has several.
    crs
        Declared CRS (``"EPSG:4547"``), needed where the file carries none; a contradiction is an
        error.
    encoding
        Text encoding of a Shapefile or CSV that does not say (``"gb18030"``).
    x, y
        Coordinate columns of a CSV or XLSX.
    where
        ``{column or OSM tag: [accepted values]}``.
    columns
        ``{our column: the file's column}``.
    date, source
        As of when, and from whom: printed on every page.
    """

    file: Path
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    x: str | None = None
    y: str | None = None
    where: Where | None = None
    columns: dict[str, str] = {}
    date: str = ""
    source: str = ""

    @property
    def is_osm(self) -> bool:
        """Whether the file is an OSM extract, read by tag."""
        return self.file.name.lower().endswith(OSM_ENDINGS)


def near(word: str, known: Iterable[str]) -> str:
    """Return the question whether the nearest known word was meant; ``""`` where none is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""
