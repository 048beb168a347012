"""A programme found by hand, for the solver to begin with."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from siting.sequence.model import Model
from siting.sequence.tables import Question

BEST_CHOICES: Final = 3  # of each unit, that are tried together when a site closes


def begun(model: Model, asked: Question) -> NDArray[np.int64] | None:
    """Return a good programme found by hand: sites closed one by one where that gains; or None.

    Every site is tried whole, in every year, its units each at one of their cheapest choices; the
    most gain comes first, and what breaks no rule stays. Deterministic: ties by column.
    """
    body, high = model.matrix()
    columns = body.tocsc()
    gains = np.array([float(g) for g in model.gains])
    close: dict[tuple[str, int], int] = {}
    move: dict[tuple[str, int], list[int]] = {}
    for c, column in enumerate(model.columns):
        if column.kind == "close":
            close[column.of, column.year] = c
        elif column.kind == "move":
            move.setdefault((column.of, column.year), []).append(c)
    residents: dict[str, list[str]] = {}
    for unit, site in sorted(zip(asked.units["unit_id"], asked.units["site_id"], strict=True)):
        residents.setdefault(site, []).append(unit)
    bundles: list[tuple[float, tuple[int, ...], str, int]] = []
    for (site, year), closing in close.items():
        options = [
            sorted(move.get((unit, year), []), key=lambda c: (gains[c], c))[:BEST_CHOICES]
            for unit in residents.get(site, [])
        ]
        for chosen in product(*options):
            bundle = (closing, *chosen)
            bundles.append((float(gains[list(bundle)].sum()), bundle, site, year))
    forced = dict(asked.must_close)
    bundles.sort(key=lambda b: (b[2] not in forced, b[0], b[1]))
    values = np.zeros(len(gains), dtype=np.int64)
    receives = {
        (column.of, column.year): c
        for c, column in enumerate(model.columns)
        if column.kind == "receives"
    }
    activity = np.zeros(len(high))
    closed: set[str] = set()
    for gain, bundle, site, year in bundles:
        wanted = site in forced and year <= forced[site]
        if site in closed or (gain >= 0 and not wanted):
            continue
        taken = list(bundle)
        for c in bundle:
            if model.columns[c].kind == "move":
                taken += [
                    r
                    for (to, t), r in receives.items()
                    if to == model.columns[c].to and t >= year and not values[r]
                ]
        taken = list(dict.fromkeys(taken))
        after = activity + np.asarray(columns[:, taken].sum(axis=1)).ravel()
        if _worse(after, activity, high):
            continue
        values[taken] = 1
        activity = after
        closed.add(site)
    return values if not model.broken(values) else None


def _worse(after: NDArray[Any], before: NDArray[Any], high: NDArray[Any]) -> bool:
    """Whether a row is broken that was kept, or broken further."""
    return bool(((after > high) & (after > before)).any())
