"""docs/benchmarks.md: each section is replaced when it is run, the rest stays."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
VERSIONS = (
    "siting", "numpy", "numba", "scipy", "networkx", "osmnx", "pandana", "networkit", "igraph",
    "routingkit-cch", "cityseer", "pyrosm",
)  # fmt: skip


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def seconds(value: float) -> str:
    """Return seconds in three figures."""
    return (
        f"{value * 1000:.0f} ms"
        if value < 1
        else f"{value:.1f} s"
        if value < 100
        else f"{value:.0f} s"
    )


def ratio(value: float) -> str:
    """Return a ratio in two or three figures."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def machine() -> str:
    """Return where, when and with what this was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        model = re.search(r"model name\s*:\s*(.*)", cpu.read_text()).group(1)  # type: ignore[union-attr]
    busy = os.getloadavg()[0]
    found = []
    for name in VERSIONS:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return (
        f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}, {model}, {os.cpu_count()} cores, "
        f"{memory:.0f} GB, load {busy:.1f} at the end, Python {platform.python_version()}; "
        f"{', '.join(found)}."
    )


def write(section: str, text: str, command: str) -> None:
    """Replace what stands between the marks of a section."""
    start, end = f"<!-- {section} -->", f"<!-- /{section} -->"
    page = PAGE.read_text("utf-8")
    if start not in page:
        raise ValueError(f"{PAGE} has no mark {start}")
    body = f"{start}\n{text.strip()}\n\n`{command}`: {machine()}\n{end}"
    head, rest = page.split(start, 1)
    PAGE.write_text(head + body + rest.split(end, 1)[1], "utf-8")
