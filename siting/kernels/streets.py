"""What service areas are made of: streets, barriers and tiles as arrays, and what is asked of them.

Lengths are metres and impedances ms (or mm), both as floats with a margin for every rounding that
the integers go through.
"""

from __future__ import annotations

from typing import NamedTuple

from siting.kernels.compile import F64, I32, I64, Bool


class Tiles(NamedTuple):
    """Tiles that have a street in reach, and what :func:`siting.kernels.candidates` says of them.

    ``tile`` (row · columns + column of the grid) and, in compressed rows, streets and barriers;
    all streets within ``limit_m`` of the middle of a tile are listed.
    """

    tile: I64
    street_indptr: I64
    street: I32
    limit_m: F64
    wall_indptr: I64
    wall: I32


class Walls(NamedTuple):
    """Straight pieces of barriers: ends (w, 4), and whether their left is the inside of an area."""

    xy: F64
    solid: Bool


class Streets(NamedTuple):
    """Straight pieces of the streets that a point may attach to, and their edges.

    Of pieces, ``piece`` (s, 8): x, y of one end, dx, dy to the other, 1 / length² and 1 / length
    (m), place of that end on the edge (mm from its tail) and how much farther the other is; then
    ``edge``, and whether they enter the inside of a barrier. Of edges: end nodes, length, and
    impedance of a millimetre towards head and tail, −1 where closed. Of nodes: half of the delay.
    """

    piece: F64
    edge: I32
    in_barrier: Bool
    tail: I32
    head: I32
    length_mm: F64
    forward: F64
    backward: F64
    half_delay: I64


class Asked(NamedTuple):
    """What is asked: a site and a threshold.

    ``label`` is the impedance from each node to the site, ``NEVER`` beyond the search; ``edge``,
    ``offset_mm`` and ``leg`` are where the site is entered. ``access_rate`` is the impedance of a
    millimetre of access leg.
    """

    label: I64
    edge: I64
    offset_mm: I64
    leg: I64
    access_rate: float
    max_access_m: float
    threshold: float
