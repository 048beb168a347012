"""From a .osm.pbf to a network that can be searched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyproj

from benchmarks import clock, inputs, page
from siting.network import RoadNetwork, read_osm

COLUMNS = ("", "least", "median", "runs", "times siting", "nodes", "edges", "km")


def run(*, quick: bool) -> str:
    """Return the section."""
    text = ""
    for name, (path, epsg) in inputs.REAL.items():
        file = inputs.pbf(path)
        if file is None or (quick and name != "Heidelberg on foot"):
            continue
        print(f"  {name}", flush=True)
        text += one(name, file, epsg, quick=quick) + "\n"
    return text or "Not run: no file under SITING_TEST_DATA.\n"


def one(name: str, file: Path, epsg: int, *, quick: bool) -> str:
    """Return the table of one file."""
    size: dict[str, tuple[int, int, float]] = {}

    def ours() -> RoadNetwork:
        network = read_osm(file, mode="walk", crs=pyproj.CRS.from_epsg(epsg))
        _ = network.ms_by_place
        return network

    def read(*, simplify: bool) -> Any:
        from pyrosm import OSM

        osm = OSM(str(file))
        nodes, edges = osm.get_network(network_type="walking", nodes=True)
        return osm.to_graph(
            nodes, edges, graph_type="networkx", network_type="walking", retain_all=True,
            simplify=simplify,
        )  # fmt: skip

    def simplified_by_osmnx() -> Any:
        import osmnx

        graph = read(simplify=False)
        graph.graph["simplified"] = False
        for _, _, street in graph.edges(data=True):
            for tag in street.keys() - {"length", "highway", "osmid", "oneway"}:
                del street[tag]  # some are lists, which OSMnx cannot compare
        return osmnx.simplify_graph(graph)

    def look(who: str, made: Any) -> None:
        if who == "siting":
            size[who] = (made.node_id.size, made.tail.size, made.length_mm.sum() / 1e6)
        else:
            km = sum(d["length"] for _, _, d in made.edges(data=True)) / 1e3
            size[who] = (made.number_of_nodes(), made.number_of_edges(), km)

    entries = {
        "siting": ours,
        "pyrosm → networkx, simplified by pyrosm": lambda: read(simplify=True),
        "pyrosm → networkx → simplified by OSMnx": simplified_by_osmnx,
    }
    times = clock.race(entries, repeats=1 if quick else 3, check=look)
    base = times["siting"].median
    rows = [
        [
            who, page.seconds(t.least), page.seconds(t.median), str(t.runs),
            page.ratio(t.median / base), f"{size[who][0]:,}", f"{size[who][1]:,}",
            f"{size[who][2]:,.0f}",
        ]
        for who, t in times.items()
    ]  # fmt: skip
    return f"**{name}** (peers count each direction of a street as an edge)\n\n" + page.table(
        COLUMNS, rows
    )
