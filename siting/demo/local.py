"""One county of the region: its zones, land, people and villages, and how its names begin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.demo.scale import Scale
from siting.demo.settlements import Villages


@dataclass(frozen=True, eq=False)
class Local:
    """What schools and clinics of a county are made of.

    Attributes
    ----------
    number
        Of the county.
    topic
        Makes the random streams of this county its own.
    of_county, of_town
        How names begin: of what the county runs, and of what is in its town.
    many
        Whether the region has other counties.
    zones, blocks, points
        Its townships (indexed by seat, subdistricts first), blocks and people.
    villages
        Names of the villages whose middle lies in it.
    """

    number: int
    topic: str
    of_county: str
    of_town: str
    many: bool
    zones: gpd.GeoDataFrame
    blocks: gpd.GeoDataFrame
    points: gpd.GeoDataFrame
    villages: tuple[str, ...]

    @property
    def townships(self) -> list[int]:
        """Seats that are no subdistricts."""
        return [int(seat) for seat in self.zones.index[self.zones["kind"] != "街道"]]


def locals_of(
    scale: Scale,
    zones: gpd.GeoDataFrame,
    blocks: gpd.GeoDataFrame,
    people: gpd.GeoDataFrame,
    villages: Villages,
) -> Iterator[Local]:
    """Return the counties one by one; everybody is in one of them, a village as a whole."""
    county = zones.set_index("zone_id")["county"]
    own = people["zone_id"].map(county)
    rural = people["settlement"] == "village"
    home = pd.Series(own[rural].to_numpy(), index=people.loc[rural, "community"])
    home = home[~home.index.duplicated()]
    own = own.where(~rural, people["community"].map(home)).to_numpy()
    of_seat = zones["county"].to_numpy()[blocks["seat"].to_numpy()]
    of_block = blocks["zone_id"].map(county).where(blocks["town"], of_seat).to_numpy()
    names = np.array(villages.names)
    of_village = home.reindex(names).to_numpy()
    for number, it in enumerate(scale.counties):
        yield Local(
            number=number,
            topic=f" {number}" if scale.many else "",
            of_county=it.name if scale.many else "县",
            of_town=it.name[:-1] if scale.many else "",
            many=scale.many,
            zones=zones[zones["county"] == number],
            blocks=blocks[of_block == number],
            points=people[own == number],
            villages=tuple(names[of_village == number].tolist()),
        )
