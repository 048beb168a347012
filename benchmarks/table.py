"""All pairs of places and sites within a maximum, and the three nearest beyond it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
from scipy.sparse.csgraph import dijkstra

from benchmarks import clock, graphs, inputs, page, peers
from siting import kernels, travel_time
from siting.network import RoadNetwork

SITES = 1000
BLOCK = 50
SAMPLE = 20
"""Homes whose rows with the three nearest are checked: each takes a whole search of its own."""
QUARTER_MS = 900_000
HOUR_MS = 3_600_000
COLUMNS = ("", "to get ready", "least", "median", "runs", "times siting", "threads")


def run(*, quick: bool) -> str:
    """Return the section."""
    parts = [
        one(name, network, quick=quick)
        for name, network in inputs.networks(quick=quick, made_up=400_000)
        if name != "Heidelberg on foot"
    ]
    return "\n".join([*parts, memory(quick=quick)])


def packed(triples: peers.Triples, demands: int) -> Any:
    """Return pairs as sorted integers, to compare tables."""
    site, demand, ms = (np.asarray(column, dtype=np.int64) for column in triples)
    order = np.lexsort([demand, site])
    return np.stack([(site * demands + demand)[order], ms[order]])


def one(name: str, network: RoadNetwork, *, quick: bool) -> str:
    """Return the tables of one network."""
    print(f"  {name}: {network}", flush=True)
    arcs = graphs.arcs(network)
    rng = np.random.default_rng(6)
    nodes = inputs.main_junctions(network)
    sites = np.sort(rng.choice(nodes, SITES // 10 if quick else SITES, replace=False))
    demands = rng.choice(nodes, min(100_000, nodes.size), replace=False)
    demand_at = graphs.points_at(network, demands, "D")
    site_at = graphs.points_at(network, sites, "S")
    _, ready = clock.once(lambda: (network.ms_by_place, network.strong_parts))
    made, absent = peers.made(peers.TABLE, arcs, network.node_xy, clock.once)
    threads = {peer.name: peer.threads for peer, _ in made}
    ready_s = {"siting": ready} | {peer.name: seconds for peer, seconds in made}
    scipy = peers.Scipy(arcs, network.node_xy)
    few = rng.choice(demands.size, min(SAMPLE, demands.size), replace=False).tolist()
    onward = scipy.matrix.T.tocsr()
    each = {i: graphs.each_ms(onward, [(int(demands[i]), 0)], sites) for i in few}
    text = f"**{name}**: {network.node_id.size:,} junctions, {sites.size:,} sites, "
    text += f"{demands.size:,} homes.\n\n"
    for maximum in (QUARTER_MS, HOUR_MS):
        print(f"   {maximum // 60_000} min", flush=True)
        truth: list[Any] = []

        def check(who: str, result: Any, truth: list[Any] = truth, maximum: int = maximum) -> None:
            if who == "siting and 3 nearest":  # more pairs than the others give
                same_rows(who, result, each, maximum, 3)
                return
            if who == "siting":
                row = np.repeat(np.arange(demands.size), np.diff(result.indptr))
                result = (result.site, row, result.value)
            got = packed(result, demands.size)
            if not truth:
                truth.append(got)
            if not np.array_equal(got, truth[0]):
                raise AssertionError(f"{who}: another table")

        def ours(k: int, maximum: int = maximum) -> Any:
            return lambda: travel_time.table(
                network, demand_at, site_at, impedance="time", cutoff=maximum, k=k
            )

        entries = {"siting": ours(0), "siting and 3 nearest": ours(3)}
        for peer, _ in made:
            entries[peer.name] = lambda peer=peer, m=maximum: peer.table(sites, demands, m)
        times = clock.race(entries, repeats=1 if quick else 5, check=check)
        base = times["siting"].median
        rows = [
            [
                who, page.seconds(ready_s[who]) if who in ready_s else "",
                page.seconds(t.least), page.seconds(t.median), str(t.runs),
                page.ratio(t.median / base),
                str(threads.get(who, kernels.default_threads())),
            ]
            for who, t in times.items()
        ]  # fmt: skip
        text += f"At most {maximum // 60_000} min, {truth[0].shape[1]:,} pairs:\n\n"
        text += page.table(COLUMNS, rows) + "\n"
    block = sites[:BLOCK]
    _, block_s = clock.once(lambda: dijkstra(scipy.matrix, indices=block))
    share = sites.size / block.size
    text += (
        "No peer gives the three nearest beyond the maximum. Who wants them from scipy needs a "
        f"whole search from every site, about {page.seconds(block_s * share)} ({share:.0f} times "
        f"a block of {block.size} sites, 1 run) before any is chosen.\n\n"
    )
    return text + "".join(f"{line}.\n" for line in absent)


def same_rows(who: str, result: Any, each: dict[int, Any], maximum: int, k: int) -> None:
    """Raise where a home's row is not all sites within the maximum and the ``k`` nearest."""
    differ = 0
    for i, ms in each.items():
        ranked = np.lexsort([np.arange(ms.size), ms])
        kept = [j for n, j in enumerate(ranked.tolist()) if ms[j] <= maximum or n < k]
        want = [(j, int(ms[j])) for j in kept if np.isfinite(ms[j])]
        part = slice(result.indptr[i], result.indptr[i + 1])
        got = list(zip(result.site[part].tolist(), result.value[part].tolist(), strict=True))
        differ += got != want
    if differ:
        raise AssertionError(f"{who}: {differ} of {len(each)} rows differ")


def memory(*, quick: bool) -> str:
    """Return the table of peak memory, each run in a process of its own."""
    rows = []
    for k in (0, 3):
        for minutes in (15, 60, 180):
            call = [sys.executable, "-m", "benchmarks.memory", str(minutes), str(k)]
            if quick:
                call.append("20000")
            done = subprocess.run(call, capture_output=True, text=True, check=True)
            got = json.loads(done.stdout.splitlines()[-1])
            rows.append(
                [
                    f"{minutes} min, k = {k}", f"{got['pairs']:,}",
                    *(f"{got[part] / 2**20:.0f} MiB" for part in ("result", "peak", "allowed")),
                ]
            )  # fmt: skip
    columns = (
        "table",
        "pairs",
        "result",
        "peak over start",
        "2 × result + 100 B × nodes × threads",
    )
    return (
        "Peak memory on Linux, made-up city, 1,000 sites: the most the process ever held "
        "(`VmHWM`, reset before the table) less what it held before, which is the network, its "
        "search order, the attachments and the compiled code.\n\n" + page.table(columns, rows)
    )
