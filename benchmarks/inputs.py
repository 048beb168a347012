"""What is measured on: made-up cities, and the real ones under SITING_TEST_DATA."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyproj

from benchmarks import graphs
from siting.network import RoadNetwork, read_osm

REAL = {
    "Malta on foot": ("malta/malta.osm.pbf", 32633),
    "Heidelberg on foot": ("heidelberg/heidelberg.osm.pbf", 32632),
}


def pbf(name: str) -> Path | None:
    """Return a file of the test data, or None with a message where it is not there."""
    root = os.environ.get("SITING_TEST_DATA")
    file = Path(root) / name if root else None
    if file is None or not file.exists():
        print(f"  {name} is not under SITING_TEST_DATA: left out", flush=True)
        return None
    return file


@cache
def streets(nodes: int) -> RoadNetwork:
    """Return a made-up city."""
    return graphs.streets(nodes)


@cache
def real(name: str) -> RoadNetwork | None:
    """Return a real city on foot, or None."""
    path, epsg = REAL[name]
    file = pbf(path)
    return file and read_osm(file, mode="walk", crs=pyproj.CRS.from_epsg(epsg))


def networks(*, quick: bool, made_up: int) -> Iterator[tuple[str, RoadNetwork]]:
    """Yield the made-up city and the real ones that are there."""
    yield "Made-up city", streets(made_up // 20 if quick else made_up)
    for name in REAL:
        network = None if quick else real(name)
        if network is not None:
            yield name, network


def main_junctions(network: RoadNetwork) -> npt.NDArray[np.int64]:
    """Return the junctions of the longest component."""
    return np.flatnonzero(network.component == int(np.argmax(network.component_km)))
