"""``python -m benchmarks.scale_run SCALE``: one whole run of a generated region, as JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.memory import held
from siting import demo, pipeline, study


def main() -> None:
    """Measure one scale; like steps are put together (``read roads`` and ``read water``)."""
    scale = sys.argv[1]
    steps: dict[str, dict[str, float]] = {}
    now: list[Any] = []

    def say(step: str, _done: int = 0, _total: int = 0) -> None:
        wall, cpu = time.perf_counter(), sum(os.times()[:2])
        if now:
            name, began, used = now
            here = steps.setdefault(name, {"wall": 0.0, "cpu": 0.0, "peak": 0.0})
            here["wall"] += wall - began
            here["cpu"] += cpu - used
            here["peak"] = max(here["peak"], held("VmHWM") / 1e9)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
        now[:] = [_like(step), wall, cpu]

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("generate and write")
        files = demo.write_region(folder / "data" / "raw" / "demo", scale=scale)
        done = pipeline.run(study.read_study(files.study), root=folder, say=say)
        say("end")
        pages = [file.stat().st_size for file in done.maps_folder.glob("*.html")]
    inputs = done.results.region.inputs
    steps["all"] = {
        "wall": sum(step["wall"] for step in steps.values()),
        "cpu": sum(step["cpu"] for step in steps.values()),
        "peak": max(step["peak"] for step in steps.values()),
    }
    sizes = {
        "people": int(inputs.demand["population"].sum()),
        "places where they live": len(inputs.demand),
        "junctions on foot": int(inputs.networks["walk"].node_id.size),
        "streets on foot": len(inputs.networks["walk"].tail),
        "services": len(done.results.study.services),
        "sites": len(done.results.region.places.sites),
        "largest page, kB": max(pages) // 1000,
        "all pages, kB": sum(pages) // 1000,
    }
    print(json.dumps({"scale": scale, "steps": steps, "sizes": sizes}))


def _like(step: str) -> str:
    """Return the step's kind: what is before a colon, or the verb ``read``."""
    return "read files" if step.startswith("read ") else step.split(":")[0]


if __name__ == "__main__":
    main()
