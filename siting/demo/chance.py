"""Chance that is the same on every machine: uniform streams and smooth value noise.

Only ``Generator.random`` of PCG64 and correctly rounded arithmetic (``+ - * / sqrt``) are used, no
``sin``, ``exp`` or ``normal``: their last bits differ between maths libraries, and a bit is enough
to send a road around the other side of a hill.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def stream(seed: int, topic: str) -> np.random.Generator:
    """Return the random stream of one topic, so that a change in one leaves the others alone.

    Examples
    --------
    >>> stream(1, "roads").random() == stream(1, "roads").random()
    True
    """
    return np.random.Generator(np.random.PCG64([seed, *topic.encode("ascii")]))


def below(rng: np.random.Generator, n: int) -> int:
    """Return a whole number in ``[0, n)``."""
    return int(rng.random() * n)


def shuffled(rng: np.random.Generator, n: int) -> Ints:
    """Return the numbers ``0 … n-1`` in random order."""
    return np.argsort(rng.random(n), kind="stable").astype(np.int64)


def axes(rows: int, columns: int, step: float) -> tuple[Floats, Floats]:
    """Return the coordinates of a raster's columns ``(1, columns)`` and rows ``(rows, 1)``."""
    x = np.arange(columns, dtype=np.float64)[None, :] * step
    y = np.arange(rows, dtype=np.float64)[:, None] * step
    return x, y


def smoothstep(t: Floats) -> Floats:
    """Return the cubic that rises from 0 at ``t <= 0`` to 1 at ``t >= 1``."""
    t = np.minimum(np.maximum(t, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def noise(seed: int, topic: str, x: Floats, y: Floats, scales: Sequence[float]) -> Floats:
    """Return smooth noise in 0–1 around 0.5 at points ``x``, ``y``.

    Parameters
    ----------
    x, y
        Coordinates; their span over the smallest scale sizes the lattices.
    scales
        Lattice spacings, coarse to fine, in the unit of ``x`` and ``y``; each has half the weight
        of the one before it.
    """
    rng = stream(seed, topic)
    total = np.zeros(np.broadcast(x, y).shape)
    weight, weights = 1.0, 0.0
    for scale in scales:
        u = (x - np.min(x)) / scale
        v = (y - np.min(y)) / scale
        i, j = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        lattice = rng.random((int(i.max()) + 2, int(j.max()) + 2))
        fu, fv = smoothstep(u - i), smoothstep(v - j)
        west = lattice[i, j] * (1.0 - fv) + lattice[i, j + 1] * fv
        east = lattice[i + 1, j] * (1.0 - fv) + lattice[i + 1, j + 1] * fv
        total += weight * (west * (1.0 - fu) + east * fu)
        weights += weight
        weight *= 0.5
    return np.asarray(total / weights)


def shares(total: int, weights: Ints) -> Ints:
    """Split ``total`` into whole parts by ``weights``: largest remainder, ties to the first.

    Examples
    --------
    >>> shares(10, np.array([1, 1, 1])).tolist()
    [4, 3, 3]
    """
    whole = int(weights.sum())
    product = weights * total
    parts = product // whole
    order = np.argsort(-(product % whole), kind="stable")
    parts[order[: total - int(parts.sum())]] += 1
    return np.asarray(parts, dtype=np.int64)
