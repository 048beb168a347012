"""15 minutes' walk round every school of Malta, beside the recipe of OSMnx's isochrone notebook.

The recipe (https://github.com/gboeing/osmnx-examples, "Draw an isochrone map"): the sub-graph
within the time of the node next to the school, a table of its nodes in which each edge looks up
its ends, circles of 50 m round nodes and 25 m round streets with 16 corners a quarter, joined. Once
as the notebook does it, and once with arrays instead of a look-up per edge, 8 corners a quarter and
holes filled. All are then held against a raster of 4 m whose cells are attached and timed by
shapely and networkx.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from benchmarks import clock, graphs, inputs, page
from siting.network import RoadNetwork, attach, to_networkx

LIMIT_MS = 900_000
CELL_M = 4.0
RULES = {"max_access_m": 200.0, "min_component_km": 5.0}
STREET_M, NODE_M = 25.0, 50.0
COMPARED = 24
Bool = npt.NDArray[np.bool_]


def run(*, quick: bool) -> str:
    """Return the section."""
    places = inputs.pbf("malta/facilities.geojson")
    network = inputs.real("Malta on foot")
    if places is None or network is None:
        return "Not run: no file under SITING_TEST_DATA.\n"
    table = gpd.read_file(places)
    schools = table[table["amenity"] == "school"].to_crs(network.crs)
    points = gpd.GeoSeries(schools.geometry.to_numpy(), index=schools["osm"], crs=network.crs)
    if quick:
        points = points.iloc[:3]
    at = attach(network, points, **RULES)
    points, at = points[(at["edge_id"] >= 0).to_numpy()], at[at["edge_id"] >= 0]
    shapes: dict[str, Sequence[Any]] = {}

    def keep(who: str, result: Any) -> None:
        shapes[who] = result

    # reversed: from homes to the school, as siting asks
    back, ready = clock.once(lambda: to_networkx(network).reverse())
    entries = {
        "siting": lambda: ours(network, at),
        "OSMnx notebook": lambda: notebook(back, points),
        "the same, vectorised by us": lambda: vectorised(back, points),
    }
    times = clock.race(entries, repeats=1 if quick else 2, budget_s=150.0, check=keep)
    base = times["siting"].median
    rng = np.random.default_rng(9)
    chosen = np.sort(rng.choice(len(points), min(COMPARED, len(points)), replace=False))
    cells: dict[str, list[list[int]]] = {who: [] for who in shapes}
    for i in chosen.tolist():
        x, y, truth = within(network, at.iloc[[i]], points.iloc[i])
        for who, areas in shapes.items():
            claimed = shapely.contains_xy(areas[i], x, y)
            found = (claimed & ~truth, claimed, truth & ~claimed, truth)
            cells[who].append([int(part.sum()) for part in found])
    rows = []
    for who, t in times.items():
        over, claimed, under, truth = np.array(cells[who]).T
        rows.append(
            [
                who, page.seconds(ready) if who != "siting" else "", page.seconds(t.least),
                page.seconds(t.median), str(t.runs), page.ratio(t.median / base),
                *(
                    f"{100 * part.sum() / whole.sum():.2f} % / {100 * (part / whole).max():.2f} %"
                    for part, whole in ((over, claimed), (under, truth))
                ),
            ]
        )  # fmt: skip
    columns = (
        "", "to get ready", "least", "median", "runs", "times siting",
        "claimed wrongly (of the claimed): total / worst school",
        "missed (of the true): total / worst school",
    )  # fmt: skip
    return (
        f"{len(points)} schools of Malta, 15 min on foot; the last two columns on a raster of "
        f"{CELL_M:.0f} m round {len(chosen)} of them, chosen at random.\n\n"
        + page.table(columns, rows)
    )


def ours(network: RoadNetwork, at: pd.DataFrame) -> list[Any]:
    """Return siting's areas in the order of ``at``."""
    from siting.isochrone import service_areas

    areas = service_areas(network, at, thresholds=[LIMIT_MS], **RULES)
    by_site = dict(zip(areas["site_id"], areas.geometry, strict=True))
    return [by_site[site] for site in at["point_id"]]


def notebook(back: Any, points: gpd.GeoSeries) -> list[Any]:
    """Return the areas as the notebook makes them, street by street."""
    import osmnx

    centres = osmnx.distance.nearest_nodes(back, points.x.to_numpy(), points.y.to_numpy())
    out = []
    for centre in centres:
        near = nx.ego_graph(back, centre, radius=LIMIT_MS, distance="travel_ms")
        places = [shapely.Point(where["x"], where["y"]) for _, where in near.nodes(data=True)]
        junctions = gpd.GeoDataFrame({"node": list(near.nodes)}, geometry=places).set_index("node")
        streets = []
        for start, stop in near.edges():
            ends = [junctions.loc[node].geometry for node in (start, stop)]
            street = back.get_edge_data(start, stop)[0]
            streets.append(street.get("geometry", shapely.LineString(ends)))
        circles = junctions.buffer(NODE_M).geometry
        bands = gpd.GeoSeries(streets).buffer(STREET_M).geometry
        out.append(gpd.GeoSeries([*circles, *bands]).union_all())
    return out


def vectorised(back: Any, points: gpd.GeoSeries) -> list[Any]:
    """Return the same areas made with arrays, 8 corners a quarter and holes filled."""
    import osmnx

    centres = osmnx.distance.nearest_nodes(back, points.x.to_numpy(), points.y.to_numpy())
    out = []
    for centre in centres:
        part = nx.ego_graph(back, centre, radius=LIMIT_MS, distance="travel_ms")
        nodes = shapely.points([(d["x"], d["y"]) for _, d in part.nodes(data=True)])
        streets = [d["geometry"] for _, _, d in part.edges(data=True)]
        shapes = [*shapely.buffer(nodes, NODE_M), *shapely.buffer(streets, STREET_M)]
        whole = shapely.union_all(shapes)
        parts = whole.geoms if whole.geom_type == "MultiPolygon" else [whole]
        out.append(shapely.MultiPolygon([shapely.Polygon(p.exterior) for p in parts]))
    return out


def within(
    network: RoadNetwork, school: pd.DataFrame, point: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Bool]:
    """Return the cell centres round a school and which of them are within the limit of it.

    Cells are attached by shapely's tree to the nearest edge that will do; times come from networkx
    and the method's formulas.
    """
    reach = LIMIT_MS / 3.6e6 * network.access_kph * 1000 + 10
    across = np.arange(-reach, reach, CELL_M)
    x, y = (a.ravel() for a in np.meshgrid(point.x + across, point.y + across))
    usable = np.flatnonzero(
        network.stoppable
        & (network.length_mm > 0)
        & (network.component_km[network.component[network.tail]] >= RULES["min_component_km"])
    )
    tree = shapely.STRtree(network.geometry[usable])
    cells = shapely.points(x, y)
    (index, nearest), far = tree.query_nearest(
        cells, max_distance=RULES["max_access_m"], return_distance=True, all_matches=False
    )
    edge = usable[nearest]
    share = shapely.line_locate_point(network.geometry[edge], cells[index], normalized=True)
    cell_at = pd.DataFrame(
        {
            "edge_id": edge,
            "offset_mm": np.rint(share * network.length_mm[edge]).astype(np.int64),
            "access_mm": np.rint(far * 1000).astype(np.int64),
        }
    )
    arcs = graphs.arcs(network)
    graph = nx.DiGraph()
    graph.add_weighted_edges_from(
        zip(arcs.end.tolist(), arcs.start.tolist(), arcs.ms.tolist(), strict=True)
    )
    _, node, ms = graphs.ends(network, school, leaving=False)
    for end, cost in zip(node.tolist(), ms.tolist(), strict=True):
        old = graph.get_edge_data("school", end, {"weight": cost})["weight"]
        graph.add_edge("school", end, weight=min(cost, old))
    found = nx.single_source_dijkstra_path_length(graph, "school", cutoff=LIMIT_MS)
    reached = np.full(arcs.nodes, np.iinfo(np.int64).max // 2)
    for end, cost in found.items():
        if end != "school":
            reached[end] = cost
    row, stub, stub_ms = graphs.ends(network, cell_at, leaving=True)
    best = np.full(len(cell_at), np.iinfo(np.int64).max // 2)
    np.minimum.at(best, row, reached[stub] + stub_ms)
    same = np.flatnonzero(cell_at["edge_id"].to_numpy() == int(school["edge_id"].iloc[0]))
    best[same] = np.minimum(best[same], along(network, cell_at.iloc[same], school))
    truth = np.zeros(x.size, dtype=bool)
    truth[index] = best <= LIMIT_MS
    return x, y, truth


def along(network: RoadNetwork, cells: pd.DataFrame, school: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return ms from cells to the school along the one edge both are on."""
    edge, offset = int(school["edge_id"].iloc[0]), int(school["offset_mm"].iloc[0])
    length, speed = int(network.length_mm[edge]), round(network.access_kph * 1000)
    way = offset - cells["offset_mm"].to_numpy()
    ms = np.where(way >= 0, network.forward_ms[edge], network.backward_ms[edge])
    street = (ms * np.abs(way) + length // 2) // length
    mm = cells["access_mm"].to_numpy()
    legs = sum(
        (7200 * leg + speed) // (2 * speed) for leg in (mm, int(school["access_mm"].iloc[0]))
    )
    return np.where((ms >= 0) | (way == 0), legs + street, np.iinfo(np.int64).max // 2)
