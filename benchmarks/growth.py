"""How time grows with the city: 0.1 to 1.6 million junctions."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import clock, graphs, inputs, page, peers
from siting import travel_time

SIZES = (100_000, 400_000, 1_600_000)
HALF_HOUR_MS = 1_800_000
SITES_A_NODE = 1 / 2000


def run(*, quick: bool) -> str:
    """Return the section; sizes take turns."""
    sizes = tuple(size // 20 for size in SIZES) if quick else SIZES
    entries: dict[str, Any] = {}
    settled: dict[int, int] = {}
    for size in sizes:
        print(f"  {size:,} junctions", flush=True)
        network = inputs.streets(size)
        n = network.node_id.size
        rng = np.random.default_rng(8)
        sites = np.sort(rng.choice(n, round(n * SITES_A_NODE), replace=False))
        far_in = np.sort(rng.choice(n, 1000, replace=False))
        scipy = peers.Scipy(graphs.arcs(network), network.node_xy)
        homes = graphs.points_at(network, rng.choice(n, n // 4, replace=False), "D")
        site_at, far_at = (graphs.points_at(network, at, "S") for at in (sites, far_in))
        every = graphs.points_at(network, np.arange(n), "N")
        table = travel_time.table(
            network, every, far_at, impedance="time", cutoff=HALF_HOUR_MS, k=0
        )
        settled[size] = table.value.size
        few = homes.iloc[: 100_000 // 4]
        entries[f"scipy {size}"] = lambda s=scipy, at=sites: s.nearest(at, None)
        entries[f"siting {size}"] = lambda net=network, d=homes, s=site_at: travel_time.nearest(
            net, d, s
        )
        entries[f"table {size}"] = lambda net=network, d=few, s=far_at: travel_time.table(
            net, d, s, impedance="time", cutoff=HALF_HOUR_MS, k=0
        )
    times = clock.race(entries, repeats=2 if quick else 5)
    first = sizes[0]

    def growth(what: str, size: int) -> float:
        return times[f"{what} {size}"].median / times[f"{what} {first}"].median

    rows = [
        [
            f"{size:,}",
            page.seconds(times[f"scipy {size}"].median),
            page.seconds(times[f"siting {size}"].median),
            page.ratio(times[f"siting {size}"].median / times[f"scipy {size}"].median),
            page.ratio(growth("scipy", size)), page.ratio(growth("siting", size)),
            page.ratio(growth("siting", size) / growth("scipy", size)),
        ]
        for size in sizes
    ]  # fmt: skip
    per = {size: times[f"table {size}"].median / settled[size] for size in sizes}
    bounded = [
        [
            f"{size:,}", f"{settled[size]:,}", page.seconds(times[f"table {size}"].median),
            f"{per[size] * 1e9:.0f} ns", page.ratio(per[size] / per[first]),
        ]
        for size in sizes
    ]  # fmt: skip
    return (
        "Nearest site, one site for 2,000 junctions and one home for four; medians.\n\n"
        + page.table(
            (
                "junctions", "scipy", "siting", "siting / scipy", "growth of scipy",
                "growth of siting", "growth of siting / of scipy",
            ),
            rows,
        )
        + "\nTable within 30 min, 1,000 sites and 25,000 homes at every size; medians.\n\n"
        + page.table(
            ("junctions", "junctions settled", "siting", "per settled junction", "to the first"),
            bounded,
        )
    )  # fmt: skip
