"""The nearest site of every place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from benchmarks import clock, graphs, inputs, page, peers
from siting import travel_time
from siting.network import RoadNetwork

SITES = 200
HOUR_MS = 3_600_000
COLUMNS = ("", "to get ready", "least", "median", "runs", "times siting", "threads")


def run(*, quick: bool) -> str:
    """Return the section."""
    parts = []
    for name, network in inputs.networks(quick=quick, made_up=400_000):
        parts.append(one(name, network, quick=quick))
    return "\n".join(parts)


def one(name: str, network: RoadNetwork, *, quick: bool) -> str:
    """Return the tables of one network."""
    print(f"  {name}: {network}", flush=True)
    arcs = graphs.arcs(network)
    rng = np.random.default_rng(3)
    nodes = inputs.main_junctions(network)
    sites = np.sort(rng.choice(nodes, SITES, replace=False))
    demands = rng.choice(nodes, min(100_000, nodes.size), replace=False)
    demand_at = graphs.points_at(network, demands, "D")
    site_at = graphs.points_at(network, sites, "S")
    homes = graphs.points_on(network, demands.size, "H", seed=4)
    places = graphs.points_on(network, SITES, "P", seed=5)
    _, ready = clock.once(lambda: network.ms_by_place)
    made, absent = peers.made(peers.NEAREST, arcs, network.node_xy, clock.once)
    ready_s = {"siting": ready} | {peer.name: seconds for peer, seconds in made}
    threads = {peer.name: peer.threads for peer, _ in made}
    own = dijkstra(peers.Scipy(arcs, network.node_xy).matrix, indices=sites, min_only=True)
    truth = peers.whole(own)
    text = f"**{name}**: {network.node_id.size:,} junctions, {arcs.start.size:,} arcs, "
    text += f"{SITES} sites, {demands.size:,} homes.\n\n"
    for maximum in (HOUR_MS, None):
        bound = "at most 60 min" if maximum else "no maximum"
        print(f"   {bound}", flush=True)
        expected = truth if maximum is None else np.where(truth <= maximum, truth, peers.FAR)

        def check(who: str, result: Any, maximum: Any = maximum, expected: Any = expected) -> None:
            if who == "siting, along streets":
                got = np.where(result["impedance"] >= 0, result["impedance"], peers.FAR)
                want = along(network, arcs, homes, places)
            elif who == "siting":
                got = np.where(result["state"] == "reached", result["impedance"], peers.FAR)
                want = expected[demands]
            else:
                peer = next(p for p, _ in made if p.name == who)
                got, want = peers.within(peer.ms(result), maximum), expected
            if not np.array_equal(got, want):
                raise AssertionError(f"{who}: {int((got != want).sum())} of {want.size} differ")

        def ours(at: pd.DataFrame, to: pd.DataFrame, maximum: int | None) -> Any:
            return lambda: travel_time.nearest(network, at, to, cutoff=maximum)

        entries = {
            "siting": ours(demand_at, site_at, maximum),
            "siting, along streets": ours(homes, places, maximum),
        }
        for peer, _ in made:
            entries[peer.name] = lambda peer=peer, m=maximum: peer.nearest(sites, m)
        times = clock.race(entries, repeats=2 if quick else 7, check=check)
        base = times["siting"].median
        rows = [
            [
                who, page.seconds(ready_s[who]) if who in ready_s else "",
                page.seconds(t.least), page.seconds(t.median), str(t.runs),
                page.ratio(t.median / base), str(threads.get(who, 1)),
            ]
            for who, t in times.items()
        ]  # fmt: skip
        text += f"{bound}:\n\n" + page.table(COLUMNS, rows) + "\n"
    return text + "".join(f"{line}.\n" for line in absent)


def along(
    network: RoadNetwork, arcs: graphs.Arcs, homes: pd.DataFrame, places: pd.DataFrame
) -> Any:
    """Return ms from homes to the nearest of places along the streets, by scipy."""
    n, count = arcs.nodes, len(places)
    owner, node, ms = graphs.ends(network, places, leaving=False)
    row, stub, stub_ms = graphs.ends(network, homes, leaving=True)
    entries = (
        np.concatenate([arcs.ms, ms]).astype(float),
        (np.concatenate([arcs.end, n + owner]), np.concatenate([arcs.start, node])),
    )
    # a place may come to a junction twice, along a loop: the least counts, and none is added
    matrix = least(entries, n + count)
    reached = dijkstra(matrix, indices=np.arange(n, n + count), min_only=True)
    best = np.full(len(homes), np.inf)
    np.minimum.at(best, row, reached[stub] + stub_ms)
    speed = round(network.access_kph * 1000)
    by_edge = places.groupby("edge_id").indices
    for i in np.flatnonzero(homes["edge_id"].isin(by_edge.keys())):
        home = homes.iloc[i]
        for j in by_edge[home["edge_id"]]:
            place = places.iloc[j]
            edge, way = int(home["edge_id"]), int(place["offset_mm"] - home["offset_mm"])
            cost = (network.forward_ms if way >= 0 else network.backward_ms)[edge]
            length = int(network.length_mm[edge])
            if cost < 0 and way:
                continue
            legs = sum(
                (2 * 3600 * int(p["access_mm"]) + speed) // (2 * speed) for p in (home, place)
            )
            best[i] = min(best[i], legs + (int(cost) * abs(way) + length // 2) // max(length, 1))
    return peers.whole(best)


def least(entries: Any, nodes: int) -> Any:
    """Return a sparse matrix that keeps the least of repeated entries."""
    value, (row, column) = entries
    order = np.lexsort([value, column, row])
    value, row, column = value[order], row[order], column[order]
    first = np.ones(row.size, dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    return coo_array((value[first], (row[first], column[first])), shape=(nodes, nodes)).tocsr()
