"""Shortest ways on streets read without siting, by scipy: who is how far from which site.

Of parallel edges the shortest counts. The search starts at the sites and goes against the traffic.
All sums are of whole numbers, well below 2 to the 53, so that doubles hold them exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from malta_independent import Place, Walks
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra


class Search:
    """The streets for one impedance, ``"mm"`` or ``"ms"``."""

    def __init__(self, streets: Walks, unit: str) -> None:
        self.streets, self.unit = streets, unit
        best: dict[tuple[int, int], int] = {}
        for u, v, value in streets.arcs(unit):
            assert value > 0, "a sparse matrix has no streets of length 0"
            best[u, v] = min(value, best.get((u, v), value))
        nodes = sorted({n for e in streets.edges for n in (e.u, e.v)})
        self.at = {n: i for i, n in enumerate(nodes)}
        self.u = np.array([self.at[u] for u, _ in best])
        self.v = np.array([self.at[v] for _, v in best])
        self.value = np.array(list(best.values()), dtype=float)
        self.matrix = coo_array((self.value, (self.u, self.v)), (len(nodes),) * 2).tocsr()

    def _ends(self, place: Place, *, leaving: bool) -> list[tuple[int, int]]:
        ends = self.streets.ends(place, self.unit, leaving=leaving)
        return [(self.at[node], value) for node, value in ends]

    def _homes(self, homes: Mapping[str, Place]) -> tuple[np.ndarray, np.ndarray]:
        """Two junctions and the way to each, by home; no way is infinite."""
        node = np.zeros((len(homes), 2), dtype=int)
        way = np.full((len(homes), 2), np.inf)
        for i, home in enumerate(homes.values()):
            for k, (at, value) in enumerate(self._ends(home, leaving=True)):
                node[i, k], way[i, k] = at, value
        return node, way

    def pairs(
        self, sites: Mapping[str, Place], homes: Mapping[str, Place], limit: int
    ) -> dict[str, dict[str, int]]:
        """Impedance from each home to every site within the limit; homes without one have {}."""
        node, way = self._homes(homes)
        names = list(homes)
        on: dict[int, list[int]] = {}
        for i, home in enumerate(homes.values()):
            on.setdefault(home.edge, []).append(i)
        found: dict[str, dict[str, int]] = {name: {} for name in names}
        for site, place in sites.items():
            away = np.full(len(self.at), np.inf)
            for at, value in self._ends(place, leaving=False):
                away = np.minimum(away, dijkstra(self.matrix, indices=at, limit=limit) + value)
            least = (away[node] + way).min(axis=1)
            for i in on.get(place.edge, ()):
                between = self.streets.along(homes[names[i]], place, self.unit)
                least[i] = min([least[i], *between])
            for i in np.flatnonzero(least <= limit):
                found[names[i]][site] = int(least[i])
        return found

    def nearest(self, sites: Iterable[Place], homes: Mapping[str, Place]) -> dict[str, int]:
        """Least impedance from each home to any site; homes that no street leads from are out."""
        hub = len(self.at)
        doors: dict[int, int] = {}
        at: dict[int, list[Place]] = {}
        for site in sites:
            at.setdefault(site.edge, []).append(site)
            for node, value in self._ends(site, leaving=False):
                doors[node] = min(value, doors.get(node, value))
        # a step of 1 more for each, taken off again: a door may stand at a junction
        steps = np.array([[node, value + 1] for node, value in doors.items()]).reshape(-1, 2)
        u = np.append(self.u, np.full(len(steps), hub))
        v = np.append(self.v, steps[:, 0])
        value = np.append(self.value, steps[:, 1].astype(float))
        matrix = coo_array((value, (u, v)), (hub + 1, hub + 1)).tocsr()
        away = dijkstra(matrix, indices=hub) - 1
        node, way = self._homes(homes)
        least = (away[node] + way).min(axis=1)
        found = {}
        for i, (name, home) in enumerate(homes.items()):
            ways = [least[i]]
            for site in at.get(home.edge, ()):
                ways += self.streets.along(home, site, self.unit)
            if min(ways) < np.inf:
                found[name] = int(min(ways))
        return found
