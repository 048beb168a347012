"""Most persons seated: one answer beside a general solver, and every closure, by how full it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linprog
from scipy.spatial import cKDTree

from benchmarks import clock, page
from siting import allocation
from siting.travel_time import TravelTimes

TOWNS = 60
WIDTH_M = 100_000
TOWN_M = 4_000
CHOICES = 30
"""Sites within reach of each home."""
RATIOS = (0.8, 1.0, 1.05, 1.2, 1.5)


class City(NamedTuple):
    """What ``max_served`` is asked."""

    times: TravelTimes
    persons: pd.Series[int]
    capacity: pd.Series[int]


def city(homes: int, sites: int, ratio: float, *, seed: int = 0) -> City:
    """Return homes and sites in towns, and ``ratio`` seats for every person, unevenly spread."""
    rng = np.random.default_rng(seed)
    middle = rng.random((TOWNS, 2)) * WIDTH_M
    at, site_at = (
        middle[rng.integers(0, TOWNS, n)] + rng.normal(0, TOWN_M, (n, 2)) for n in (homes, sites)
    )
    choices = min(CHOICES, sites)
    metres, near = cKDTree(site_at).query(at, k=choices)
    mm = np.rint(metres * 1_000).astype(np.int32)
    home_id, site_id = (
        np.array([f"{kind}{i:06d}" for i in range(n)], dtype=object)
        for kind, n in (("D", homes), ("S", sites))
    )
    times = TravelTimes(
        mode="walk", impedance="length", cutoff=int(mm.max()), k=0, demand_id=home_id,
        site_id=site_id, indptr=np.arange(0, homes * choices + 1, choices), value=mm.ravel(),
        site=near.astype(np.int32).ravel(), access=np.zeros(homes, np.int64),
        attached=np.ones(homes, bool), component=np.zeros(homes, np.int32),
        site_components=((0,),) * sites, reach_class=np.zeros(homes, np.int32),
        reachable=np.ones((1, sites), bool),
    )  # fmt: skip
    persons = rng.integers(1, 60, homes)
    seats = rng.multinomial(round(int(persons.sum()) * ratio), rng.dirichlet(np.full(sites, 5.0)))
    return City(times, pd.Series(persons, index=home_id), pd.Series(seats, index=site_id))


def ours(asked: City) -> tuple[int, int]:
    """Return persons served and person-metres by siting."""
    found = allocation.max_served(
        asked.times, asked.persons, open_sites=list(asked.capacity.index),
        threshold=asked.times.cutoff, capacity=asked.capacity,
    )  # fmt: skip
    return found.served, int((found.table["persons"] * found.table["impedance"]).sum())


def each(asked: City) -> pd.DataFrame:
    """Return what each closure alone takes."""
    return allocation.without_each(
        asked.times, asked.persons, open_sites=list(asked.capacity.index),
        threshold=asked.times.cutoff, capacity=asked.capacity,
    )  # fmt: skip


def _pairs(asked: City) -> tuple[Any, Any, Any, int]:
    times = asked.times
    row = np.repeat(np.arange(len(times.demand_id)), np.diff(times.indptr))
    cost = times.value.astype(np.int64)
    return row, times.site, cost, (len(asked.capacity) + 2) * int(cost.max() + 1)


def highs(asked: City) -> tuple[int, int]:
    """Return the same by HiGHS: a variable a pair, whole because the data are."""
    row, site, cost, bonus = _pairs(asked)
    at, one = np.arange(len(row)), np.ones(len(row))
    n, s = len(asked.persons), len(asked.capacity)
    limits = sparse.vstack(
        [sparse.csr_array((one, (row, at)), (n, len(row))),
         sparse.csr_array((one, (site, at)), (s, len(row)))]
    )  # fmt: skip
    most = np.concatenate([asked.persons.to_numpy(), asked.capacity.to_numpy()])
    found = linprog(cost - float(bonus), A_ub=limits, b_ub=most, method="highs")
    flow = np.rint(found.x).astype(np.int64)
    return int(flow.sum()), int((flow * cost).sum())


def networkx(asked: City) -> tuple[int, int]:
    """Return the same by networkx: a largest flow of least cost, by its network simplex."""
    row, site, cost, bonus = _pairs(asked)
    graph = nx.DiGraph()
    total = int(asked.persons.sum())
    graph.add_node("to", demand=total)
    for i, n in enumerate(asked.persons):
        graph.add_node(("home", i), demand=-int(n))
        graph.add_edge(("home", i), "to", weight=bonus)  # left without a seat
    for j, n in enumerate(asked.capacity):
        graph.add_edge(("site", j), "to", capacity=int(n))
    graph.add_weighted_edges_from(
        (("home", i), ("site", j), c)
        for i, j, c in zip(row.tolist(), site.tolist(), cost.tolist(), strict=True)
    )
    spent, flow = nx.network_simplex(graph)
    left = sum(flow["home", i]["to"] for i in range(len(asked.persons)))
    return total - left, spent - bonus * left


def beside(homes: int, sites: int, ratio: float, peers: dict[str, Any], *, repeats: int) -> str:
    """Return a table of siting beside solvers that seat as many at the same person-metres."""
    asked = city(homes, sites, ratio)
    truth: list[tuple[int, int]] = []

    def check(who: str, result: tuple[int, int]) -> None:
        truth.append(result)
        if result != truth[0]:
            raise AssertionError(f"{who}: {result} persons and person-mm, not {truth[0]}")

    solvers = {"siting": ours, **peers}
    taken = clock.race(
        {who: lambda solve=solve: solve(asked) for who, solve in solvers.items()},
        repeats=repeats, check=check,
    )  # fmt: skip
    base = taken["siting"].median
    rows = [
        [who, page.seconds(t.median), str(t.runs), page.ratio(t.median / base)]
        for who, t in taken.items()
    ]
    return (
        f"{homes:,} homes, {sites} sites, {ratio:g} seats a person; {truth[0][0]:,} of "
        f"{int(asked.persons.sum()):,} persons seated by all, at the same person-metres:\n\n"
        + page.table(("", "median", "runs", "times siting"), rows)
        + "\n"
    )


def run(*, quick: bool) -> str:
    """Return the section."""
    scale = 20 if quick else 1
    repeats = 1 if quick else 3
    parts = [
        beside(5_000 // scale, 60 // min(scale, 4), 1.0, {"HiGHS": highs}, repeats=repeats),
        beside(1_000 // scale, 40 // min(scale, 4), 0.9,
               {"HiGHS": highs, "networkx": networkx}, repeats=repeats),
    ]  # fmt: skip
    homes, sites = 100_000 // scale, 1_200 // scale
    rows = []
    for ratio in RATIOS:
        print(f"  {ratio} seats a person", flush=True)
        asked = city(homes, sites, ratio)
        (served, _), one = clock.once(lambda asked=asked: ours(asked))
        table, every = clock.once(lambda asked=asked: each(asked))
        rows.append(
            [
                f"{ratio:g}", f"{served:,}", page.seconds(one), page.seconds(every),
                f"{int((table['lost'] > 0).sum()):,}",
            ]
        )  # fmt: skip
    told = (
        f"{homes:,} homes of {int(asked.persons.sum()):,} persons, {sites:,} sites, "
        f"{CHOICES} in reach of each; one run each. Closures: the answer, and from it each of "
        "the sites shut alone, everybody counted:\n"
    )
    columns = ("seats a person", "seated", "one answer", "and each closure", "lose seats")
    return "\n".join([*parts, told, page.table(columns, rows)])
