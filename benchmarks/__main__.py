"""``python -m benchmarks [--only SECTION] [--without PEER] [--quick]``.

Runs the comparisons, prints the tables and writes them into docs/benchmarks.md; ``--quick`` runs
small ones to see that all works, and writes nothing.
"""

from __future__ import annotations

import argparse
import importlib

from benchmarks import page, peers

SECTIONS = ("nearest", "table", "build", "growth", "areas", "seats", "scale")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=SECTIONS, action="append")
    parser.add_argument("--without", metavar="PEER", action="append", default=[])
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    for kinds in (peers.NEAREST, peers.TABLE):
        kinds[:] = [kind for kind in kinds if kind.name not in asked.without]
    without = "".join(f" --without {name}" for name in asked.without)
    for name in asked.only or SECTIONS:
        print(f"{name}", flush=True)
        text = importlib.import_module(f"benchmarks.{name}").run(quick=asked.quick)
        print(text, flush=True)
        if not asked.quick:
            page.write(name, text, f"python -m benchmarks --only {name}{without}")


if __name__ == "__main__":
    main()
