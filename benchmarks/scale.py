"""How a whole run grows from the generated county to the city: time and memory by step."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks import page

SMALL, LARGE = "county", "city"


def run(*, quick: bool) -> str:
    """Return the section; each scale runs in a process of its own, nothing read before."""
    _measured(SMALL)  # not counted: it may compile the searches
    small, large = (_measured(scale) for scale in (SMALL, "mini-city" if quick else LARGE))
    rows = [
        _row(name, small["steps"][name], found)
        for name, found in large["steps"].items()
        if name in small["steps"]
    ]
    sizes = [
        [what, f"{small['sizes'][what]:,}", f"{large['sizes'][what]:,}",
         page.ratio(large["sizes"][what] / small["sizes"][what])]
        for what in large["sizes"]
    ]  # fmt: skip
    names = (small["scale"], large["scale"])
    return (
        "What is made:\n\n"
        + page.table(("", *names, "growth"), sizes)
        + "\nFrom nothing to pages, one run each; `s` is time on the clock, `cpu s` of all "
        "threads, `peak` the most memory held by the process during the step.\n\n"
        + page.table(
            ("step", *(f"{name}: {what}" for name in names for what in ("s", "cpu s", "peak")),
             "growth of cpu"),
            rows,
        )
    )  # fmt: skip


def _row(name: str, small: dict[str, float], large: dict[str, float]) -> list[str]:
    cells = [name]
    for part in (small, large):
        cells += [page.seconds(part["wall"]), page.seconds(part["cpu"]), f"{part['peak']:.2f} GB"]
    return [*cells, page.ratio(large["cpu"] / max(small["cpu"], 0.01))]


def _measured(scale: str) -> dict[str, Any]:
    print(f"  {scale}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale_run", scale],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
