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
SAMPLE = 20
"""Homes for which the site itself is checked: each takes a whole search of its own."""
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
    ready_s = {"siting": ready}
    threads: dict[str, int] = {}
    absent: list[str] = []
    rows: dict[int | None, list[list[str]]] = {HOUR_MS: [], None: []}
    matrix = peers.Scipy(arcs, network.node_xy).matrix
    own = dijkstra(matrix, indices=sites, min_only=True)
    truth = peers.whole(own)
    few = rng.choice(demands.size, min(SAMPLE, demands.size), replace=False)
    onward = matrix.T.tocsr()
    owners = [first(graphs.each_ms(onward, [(int(demands[i]), 0)], sites)) for i in few]
    made: list[tuple[peers.Peer, float]] = []

    def check(who: str, result: Any, maximum: int | None) -> None:
        expected = truth if maximum is None else np.where(truth <= maximum, truth, peers.FAR)
        if who == "siting, along streets":
            got = np.where(result["state"] == "reached", result["impedance"], peers.FAR)
            want = peers.within(streets, maximum)
            same_owners(who, result, few, places, along_owners)
        elif who == "siting":
            got = np.where(result["state"] == "reached", result["impedance"], peers.FAR)
            want = expected[demands]
            same_owners(who, result, few, site_at, owners)
        else:
            peer = next(p for p, _ in made if p.name == who)
            got, want = peers.within(peer.ms(result), maximum), expected
        if not np.array_equal(got, want):
            raise AssertionError(f"{who}: {int((got != want).sum())} of {want.size} differ")

    streets, along_owners = along(network, arcs, homes, places, few)
    # those that take minutes come last, so that the others need not wait for a quiet machine
    for late in (False, True):
        kinds = [kind for kind in peers.NEAREST if kind.long == late]
        made, lacking = peers.made(kinds, arcs, network.node_xy, clock.once)
        absent += lacking
        ready_s |= {peer.name: seconds for peer, seconds in made}
        threads |= {peer.name: peer.threads for peer, _ in made}
        for maximum in (HOUR_MS, None) if made else ():
            print(f"   {bound(maximum)}", flush=True)
            entries: dict[str, Any] = {
                "siting": lambda m=maximum: travel_time.nearest(
                    network, demand_at, site_at, cutoff=m
                )
            }
            if not late:
                entries["siting, along streets"] = lambda m=maximum: travel_time.nearest(
                    network, homes, places, cutoff=m
                )
            for peer, _ in made:
                entries[peer.name] = lambda peer=peer, m=maximum: peer.nearest(sites, m)
            times = clock.race(
                entries,
                repeats=2 if quick else 7,
                check=lambda who, result, m=maximum: check(who, result, m),
            )
            base = times["siting"].median
            rows[maximum] += [
                [
                    who, page.seconds(ready_s[who]) if who in ready_s else "",
                    page.seconds(t.least), page.seconds(t.median), str(t.runs),
                    page.ratio(t.median / base), str(threads.get(who, 1)),
                ]
                for who, t in times.items()
                if who in threads or not late
            ]  # fmt: skip
    text = f"**{name}**: {network.node_id.size:,} junctions, {arcs.start.size:,} arcs, "
    text += f"{SITES} sites, {demands.size:,} homes.\n\n"
    for maximum, lines in rows.items():
        text += f"{bound(maximum)}:\n\n" + page.table(COLUMNS, lines) + "\n"
    return text + "".join(f"{line}.\n" for line in absent)


def bound(maximum: int | None) -> str:
    """Return how far is searched, in words."""
    return "No maximum" if maximum is None else f"At most {maximum // 60_000} min"


def first(ms: Any) -> int:
    """Return which is nearest, of equally near ones the first; −1 where there is no way."""
    return int(np.argmin(ms)) if np.isfinite(ms).any() else -1


def same_owners(
    who: str, result: pd.DataFrame, few: Any, places: pd.DataFrame, owners: list[int]
) -> None:
    """Raise where the nearest site of one of ``few`` homes is another than that at ``owners``."""
    names = [*places["point_id"], None]  # −1 is the last
    want = [names[at] for at in owners]
    got = result["site_id"].iloc[few].tolist()
    if got != want:
        differ = sum(a != b for a, b in zip(got, want, strict=True))
        raise AssertionError(f"{who}: {differ} of {len(want)} go to another site")


def along(
    network: RoadNetwork, arcs: graphs.Arcs, homes: pd.DataFrame, places: pd.DataFrame, few: Any
) -> tuple[Any, list[int]]:
    """Return ms from homes to the nearest of places along the streets, by scipy.

    And of ``few`` of them which place that is.
    """
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
    onward = matrix.T.tocsr()
    goals = np.arange(n, n + count)
    each = {
        int(i): graphs.each_ms(
            onward,
            list(zip(stub[row == i].tolist(), stub_ms[row == i].tolist(), strict=True)),
            goals,
        )
        for i in few
    }
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
            direct = legs + (int(cost) * abs(way) + length // 2) // max(length, 1)
            best[i] = min(best[i], direct)
            if int(i) in each:
                each[int(i)][j] = min(each[int(i)][j], direct)
    return peers.whole(best), [first(each[int(i)]) for i in few]


def least(entries: Any, nodes: int) -> Any:
    """Return a sparse matrix that keeps the least of repeated entries."""
    value, (row, column) = entries
    order = np.lexsort([value, column, row])
    value, row, column = value[order], row[order], column[order]
    first = np.ones(row.size, dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    return coo_array((value[first], (row[first], column[first])), shape=(nodes, nodes)).tocsr()
