"""Most persons seated, then least way, then the smallest ids: by HiGHS, with its proof.

Two linear programs (how many; how far, with as many) and a search in whole numbers among the
equally good answers. The prices of the second prove it: they are held against it, in integers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

Pairs = Mapping[str, Mapping[str, int]]


def seated(
    persons: Mapping[str, int],
    seats: Mapping[str, int],
    pairs: Pairs,
    keep: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Persons of each home that have a seat at one of its sites; ``keep`` of them in any case."""
    keep = {} if keep is None else keep
    # those who keep their seats are homes of their own, which are filled
    kept = [(home, n, True) for home in sorted(persons) if (n := keep.get(home, 0)) and pairs[home]]
    rest = [
        (home, n, False)
        for home in sorted(persons)
        if (n := persons[home] - keep.get(home, 0)) and pairs[home]
    ]
    homes = kept + rest
    sites = sorted(seats)
    at = {site: j for j, site in enumerate(sites)}
    arcs = [(i, at[s], t) for i, (home, _, _) in enumerate(homes) for s, t in pairs[home].items()]
    if not arcs:
        return {}
    row, col, way = (np.array(column) for column in zip(*arcs, strict=True))
    one = np.ones(len(arcs))
    by_home = coo_array((one, (row, np.arange(len(arcs)))), (len(homes), len(arcs))).tocsr()
    by_site = coo_array((one, (col, np.arange(len(arcs)))), (len(sites), len(arcs))).tocsr()
    count = np.array([n for _, n, _ in homes])
    capacity = np.array([seats[site] for site in sites])
    full, free = by_home[: len(kept)], by_home[len(kept) :]
    limits = np.concatenate([count[len(kept) :], capacity])

    def solve(cost: np.ndarray, equal: list, right: np.ndarray):
        found = linprog(
            cost,
            A_ub=vstack([free, by_site]),
            b_ub=limits,
            A_eq=vstack(equal) if equal else None,
            b_eq=right if equal else None,
            method="highs-ds",
        )
        assert found.status == 0, found.message
        return found

    filled = [full] if kept else []
    most = round(-solve(-one, filled, count[: len(kept)]).fun)
    whole = coo_array(one.reshape(1, -1)).tocsr()
    best = solve(way.astype(float), [*filled, whole], np.append(count[: len(kept)], most))
    x = np.rint(best.x).astype(int)
    # prices: how much a person less, or a seat more, would shorten the way; at least 0
    price = np.rint(-best.ineqlin.marginals).astype(int)
    own = np.rint(best.eqlin.marginals).astype(int)  # of those who are filled, and of all together
    u = np.concatenate([-own[: len(kept)], price[: len(rest)]])
    v, each = price[len(rest) :], own[len(kept)]
    slack = way + u[row] + v[col] - each
    load, served = by_site @ x, by_home @ x
    assert (x >= 0).all()
    assert (served <= count).all()
    assert (load <= capacity).all()
    assert x.sum() == most
    assert (price >= 0).all()
    assert (slack >= 0).all()
    assert (slack[x > 0] == 0).all()
    assert (load[v > 0] == capacity[v > 0]).all()
    assert (served[u > 0] == count[u > 0]).all()
    assert (served[: len(kept)] == count[: len(kept)]).all()
    # which answers are as good: those along arcs without slack; of them the smallest ids' seats
    tight: list[list[int]] = [[] for _ in homes]
    held: list[dict[int, int]] = [{} for _ in sites]
    for (i, j, _), n, loose in zip(arcs, x.tolist(), slack.tolist(), strict=True):
        if loose == 0:
            tight[i].append(j)
            held[j][i] = n
    served = served.tolist()
    for i in range(len(kept), len(homes)):
        while served[i] < count[i] and _take(i, tight, held, served, u, count):
            pass
    found: dict[str, int] = {}
    for (home, _, _), n in zip(homes, served, strict=True):
        found[home] = found.get(home, 0) + int(n)
    return found


def _take(i: int, tight, held, served, u, count) -> bool:
    """Seat more of a home in the place of a later one that may be left out, if that is possible."""
    came: dict[int, tuple[int, int]] = {i: (-1, -1)}  # home → (site it is asked at, by which home)
    queue = [i]
    for home in queue:
        for site in tight[home]:
            for other, n in held[site].items():
                if n == 0 or other in came:
                    continue
                came[other] = (site, home)
                queue.append(other)
                if other > i and u[other] == 0:
                    path, step = [], other
                    while step != i:
                        path.append((step, *came[step]))
                        step = came[step][1]
                    moved = min([held[s][o] for o, s, _ in path] + [count[i] - served[i]])
                    for o, s, by in path:
                        held[s][o] -= moved
                        held[s][by] += moved
                    served[other] -= moved
                    served[i] += moved
                    return True
    return False
