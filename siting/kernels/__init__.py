"""Shortest-path kernels, and flows, over arrays: numba, no tables, no units of their own.

A graph is three arrays in compressed rows: ``indptr`` (int64, nodes + 1), ``target`` (int32) and
``weight`` (int64, non-negative). Row ``x`` lists the arcs that a search leaving ``x`` may take; for
demand → site times the caller passes the *reversed* graph and searches from the sites.

Everything is an integer, so no result depends on the order of rows, of queues or of threads.
Where an owner is carried, a node's label is the single integer ``impedance * owners + owner``:
comparing labels compares first impedance and then owner, and adding ``weight * owners`` moves along
an arc. Ties therefore go to the smallest owner exactly, over arcs of weight zero too.

All kernels release the GIL; :func:`parallel_blocks` runs one over blocks of sources in threads.
"""

from __future__ import annotations

from siting.kernels.areas import claim
from siting.kernels.chains import walk_chains
from siting.kernels.compile import NEVER, compiled, default_threads, parallel_blocks
from siting.kernels.order import order_along_curve
from siting.kernels.outline import FIRST_CUT, NOTHING, WHOLE, outline_rings
from siting.kernels.rows import (
    compressed_rows,
    count_rows,
    first_wanted,
    merged_k,
    scatter_rows,
    sort_rows,
)
from siting.kernels.search import (
    nearest_k_labels,
    nearest_labels,
    pairs_within,
    pairs_workspace,
)
from siting.kernels.shut import EVERYBODY, NOBODY, SOME, without_each
from siting.kernels.streets import Asked, Streets, Tiles, Walls
from siting.kernels.tiles import Grid, candidates, segments_in_bins
from siting.kernels.transport import transport

__all__ = [
    "EVERYBODY",
    "FIRST_CUT",
    "NEVER",
    "NOBODY",
    "NOTHING",
    "SOME",
    "WHOLE",
    "Asked",
    "Grid",
    "Streets",
    "Tiles",
    "Walls",
    "candidates",
    "claim",
    "compiled",
    "compressed_rows",
    "count_rows",
    "default_threads",
    "first_wanted",
    "merged_k",
    "nearest_k_labels",
    "nearest_labels",
    "order_along_curve",
    "outline_rings",
    "pairs_within",
    "pairs_workspace",
    "parallel_blocks",
    "scatter_rows",
    "segments_in_bins",
    "sort_rows",
    "transport",
    "walk_chains",
    "without_each",
]
