"""``python -m benchmarks.memory MINUTES K [NODES]``: what one table takes, as JSON."""

from __future__ import annotations

import gc
import json
import re
import sys
from pathlib import Path

from benchmarks import graphs
from siting import kernels, travel_time


def held(field: str) -> int:
    """Return a field of the process's status, bytes."""
    found = re.search(rf"{field}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found, field
    return int(found.group(1)) * 1024


def main() -> None:
    """Measure one table."""
    minutes, k = int(sys.argv[1]), int(sys.argv[2])
    nodes = int(sys.argv[3]) if len(sys.argv) > 3 else 400_000
    small = graphs.streets(400)
    some = graphs.points_on(small, 50, "D", seed=1)
    travel_time.table(small, some, some.iloc[:5], impedance="time", cutoff=60_000 * minutes, k=k)
    network = graphs.streets(nodes)
    homes = graphs.points_on(network, nodes // 4, "D", seed=1)
    sites = graphs.points_on(network, 1000, "S", seed=2)
    _ = network.ms_by_place, network.strong_parts
    gc.collect()
    before = held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    times = travel_time.table(network, homes, sites, impedance="time", cutoff=60_000 * minutes, k=k)
    peak = held("VmHWM") - before
    arrays = (
        times.indptr, times.site, times.value, times.demand_id, times.site_id, times.access,
        times.attached, times.component, times.reach_class, times.reachable,
    )  # fmt: skip
    result = sum(array.nbytes for array in arrays)
    allowed = 2 * result + 100 * network.node_id.size * kernels.default_threads()
    print(
        json.dumps({"pairs": times.value.size, "result": result, "peak": peak, "allowed": allowed})
    )


if __name__ == "__main__":
    main()
