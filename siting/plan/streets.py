"""Streets that a Plan builds, closes or makes slower, as its file says it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

import numpy as np
import pyproj
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from siting.network import Mode, edits
from siting.network.project import projected

LonLat = tuple[
    Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)],
    Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)],
]
EPSG: Final = {"CGCS2000": 4490, "WGS84": 4326}


class _Street(BaseModel):
    """What edits of streets share: places are longitude and latitude in a named datum."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crs: Literal["CGCS2000", "WGS84"] = "CGCS2000"

    def _xy(self, places: Iterable[LonLat], crs: pyproj.CRS) -> tuple[tuple[float, float], ...]:
        lonlat = np.array(list(places), dtype=float).reshape(-1, 2)
        xy = projected(lonlat, source=pyproj.CRS(EPSG[self.crs]), target=crs)
        return tuple((float(x), float(y)) for x, y in xy)


class AddStreet(_Street):
    """A street to be built; see :class:`siting.network.edits.Add`."""

    kind: Literal["add"] = "add"
    line: tuple[LonLat, ...] = Field(min_length=2)
    highway: str
    oneway: Literal["", "yes", "-1", "no"] = ""
    speed_kph: Annotated[float, Field(gt=0, le=300)] | None = None
    bridge: bool = False
    tunnel: bool = False
    name: str = ""
    join: Literal["ends", "crossings"] = "ends"

    def on(self, crs: pyproj.CRS) -> edits.Add:
        """Return the edit in the CRS of a network."""
        told = self.model_dump(exclude={"kind", "crs", "line"})
        return edits.Add(line=self._xy(self.line, crs), **told)


class CloseStreet(_Street):
    """A street to be closed; see :class:`siting.network.edits.Close`."""

    kind: Literal["close"] = "close"
    way: StrictInt | None = None
    near: LonLat | None = None
    modes: tuple[Mode, ...] = ()

    def on(self, crs: pyproj.CRS) -> edits.Close:
        """Return the edit in the CRS of a network."""
        near = None if self.near is None else self._xy([self.near], crs)[0]
        return edits.Close(way=self.way, near=near, modes=self.modes)


class RetimeStreet(_Street):
    """Another speed on a street; see :class:`siting.network.edits.Retime`."""

    kind: Literal["retime"] = "retime"
    mode: Mode
    way: StrictInt | None = None
    near: LonLat | None = None
    kph: Annotated[float, Field(gt=0, le=300)] | None = None
    time_factor: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None

    def on(self, crs: pyproj.CRS) -> edits.Retime:
        """Return the edit in the CRS of a network."""
        near = None if self.near is None else self._xy([self.near], crs)[0]
        told = self.model_dump(exclude={"kind", "crs", "near"})
        return edits.Retime(near=near, **told)


StreetEdit = Annotated[AddStreet | CloseStreet | RetimeStreet, Field(discriminator="kind")]
