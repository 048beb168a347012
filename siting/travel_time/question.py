"""Attachments → the numbers a search needs."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import DataError, NetworkError, Problem
from siting.kernels import NEVER, compressed_rows
from siting.network import RoadNetwork, travel_ms

Impedance = Literal["time", "length"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]


def partial(edge: I64, part_mm: I64, length_mm: I64) -> I64:
    """Return the impedance of part of an edge, rounded half up: ``(edge·part + len//2) // len``.

    Examples
    --------
    >>> partial(np.array([100]), np.array([1]), np.array([8])).tolist()
    [13]
    """
    result: I64 = (edge * part_mm + length_mm // 2) // np.maximum(length_mm, 1)
    return result


class Question:
    """Attachments as the numbers a search needs: seeds of sites, stubs of demand, direct pairs.

    A seed is a node from which a site can be entered, a stub a node at which a demand comes onto
    the network. A point at an end of its edge is at that node and may use any edge there; a point
    within a one-way edge can leave by one end only and be reached from the other only. A direct
    pair lies on one edge and need not touch a node. An entry is a place where a site is entered.
    """

    def __init__(
        self,
        network: RoadNetwork,
        demand_at: pd.DataFrame,
        site_at: pd.DataFrame,
        impedance: Impedance,
        cutoff: int | None,
    ) -> None:
        if impedance not in ("time", "length"):
            raise NetworkError(
                f'travel_time: impedance is {impedance!r}; it is "time" or "length".'
            )
        if cutoff is not None and cutoff < 0:
            raise NetworkError(f"travel_time: cutoff is {cutoff}; give 0 or more, or None.")
        problems = [
            *_problems(network, demand_at, "demand attachments", unique=True),
            *_problems(network, site_at, "site attachments", unique=False),
        ]
        if problems:
            raise DataError(problems)
        self.network = network
        ms = np.stack([network.forward_ms, network.backward_ms])
        by_length = impedance == "length"
        self.edge_impedance = np.where(ms >= 0, network.length_mm, -1) if by_length else ms
        self.delay = (
            network.half_delay_ms if impedance == "time" else np.zeros_like(network.half_delay_ms)
        )
        self.impedance = impedance

        self.demand_id = demand_at["point_id"].to_numpy(dtype=object)
        self.demands = len(self.demand_id)
        self.attached = demand_at["edge_id"].to_numpy() >= 0
        self.component = np.where(self.attached, demand_at["component"], -1).astype(np.int32)
        self.access = np.where(self.attached, self._legs(demand_at), -1)
        rows = np.flatnonzero(self.attached)
        self._demand_edge = demand_at["edge_id"].to_numpy(dtype=np.int64)[rows]
        self._demand_offset = demand_at["offset_mm"].to_numpy(dtype=np.int64)[rows]
        self._demand_row = rows
        self.stub_demand, self.stub_node, self.stub_value = self._ends(
            rows, self._demand_edge, self._demand_offset, self.access[rows], leaving=True
        )

        ids = site_at["point_id"].to_numpy(dtype=object)
        self.site_id, owner = _sorted_ids(ids)
        on = site_at["edge_id"].to_numpy() >= 0
        owner = owner[on]
        edge = site_at["edge_id"].to_numpy(dtype=np.int64)[on]
        offset = site_at["offset_mm"].to_numpy(dtype=np.int64)[on]
        leg = self._legs(site_at)[on]
        self.seed_owner, self.seed_node, self.seed_value = self._ends(
            owner, edge, offset, leg, leaving=False
        )
        self.entry_owner, self.entry_edge, self.entry_offset, self.entry_leg = (
            owner, edge, offset, leg
        )  # fmt: skip
        held: list[set[int]] = [set() for _ in self.site_id]
        for s, c in zip(owner.tolist(), site_at["component"].to_numpy()[on].tolist(), strict=True):
            held[s].add(int(c))
        self.site_components = tuple(tuple(sorted(c)) for c in held)
        self.direct_demand, self.direct_owner, self.direct_value = self._direct(
            owner, edge, offset, leg
        )
        self._check_range()

    @property
    def graph(self) -> tuple[I64, I32, I64]:
        """The reversed graph in compressed rows, half of the delay at both ends of each arc."""
        indptr, source, arc = self.network.arrivals
        weight = self.edge_impedance.reshape(-1)[arc]
        if self.delay.any():
            weight = weight + self.delay[source] + np.repeat(self.delay, np.diff(indptr))
        return indptr, source, weight

    @property
    def graph_by_place(self) -> tuple[I64, I32, I64]:
        """The same graph with nodes by rank (``RoadNetwork.arrivals_by_place``).

        Searches start from ``seed_rank`` and come to ``stub_rank`` on it, in half the time.
        """
        network = self.network
        _, indptr, source, _ = network.arrivals_by_place
        weight = network.ms_by_place if self.impedance == "time" else network.mm_by_place
        return indptr, source, weight

    @cached_property
    def seed_rank(self) -> I32:
        """The nodes of the seeds, as ``graph_by_place`` numbers them."""
        result: I32 = self.network.arrivals_by_place[0][self.seed_node]
        return result

    @cached_property
    def stub_rank(self) -> I32:
        """The nodes of the stubs, as ``graph_by_place`` numbers them."""
        result: I32 = self.network.arrivals_by_place[0][self.stub_node]
        return result

    def _legs(self, attachments: pd.DataFrame) -> I64:
        """Return the impedance of access legs."""
        mm = attachments["access_mm"].to_numpy(dtype=np.int64)
        return mm if self.impedance == "length" else travel_ms(mm, self.network.access_kph)

    def _ends(
        self, who: I64, edge: I64, offset: I64, leg: I64, *, leaving: bool
    ) -> tuple[I64, I32, I64]:
        """Return (who, node, impedance) of both ends of an edge, where the way there is open.

        Coming to an end costs half of the delay there; whoever stands at it has come already.
        """
        length = self.network.length_mm[edge]
        forward, backward = self.edge_impedance[0][edge], self.edge_impedance[1][edge]
        to_head, to_tail = (forward, backward) if leaving else (backward, forward)
        at_head, at_tail = offset == length, offset == 0
        head_node, tail_node = self.network.head[edge], self.network.tail[edge]
        own = self._end_delay(edge, offset)
        head = partial(to_head, length - offset, length) + self.delay[head_node] + own
        tail = partial(to_tail, offset, length) + self.delay[tail_node] + own
        head, tail = np.where(at_head, 0, head), np.where(at_tail, 0, tail)
        open_head, open_tail = at_head | (to_head >= 0), at_tail | (to_tail >= 0)
        return (
            np.concatenate([who[open_head], who[open_tail]]),
            np.concatenate([head_node[open_head], tail_node[open_tail]]),
            np.concatenate([(leg + head)[open_head], (leg + tail)[open_tail]]),
        )

    def _direct(self, owner: I64, edge: I64, offset: I64, leg: I64) -> tuple[I64, I64, I64]:
        """Return (demand, owner, impedance) of all pairs that share an edge and may use it."""
        indptr, order = compressed_rows(edge, rows=self.network.tail.size)
        low = indptr[self._demand_edge]
        count = indptr[self._demand_edge + 1] - low
        i = np.repeat(np.arange(count.size), count)
        j = order[np.arange(i.size) - np.repeat(np.cumsum(count) - count, count) + low[i]]
        way = offset[j] - self._demand_offset[i]
        shared = edge[j]
        whole = np.where(way >= 0, self.edge_impedance[0][shared], self.edge_impedance[1][shared])
        along = partial(whole, np.abs(way), self.network.length_mm[shared])
        at_ends = self._end_delay(shared, offset[j]) + self._end_delay(
            shared, self._demand_offset[i]
        )
        along = np.where(way == 0, 0, along + at_ends)
        free = (whole >= 0) | (way == 0)
        demand = self._demand_row[i]
        value = self.access[demand] + along + leg[j]
        return demand[free], owner[j[free]], value[free]

    def _end_delay(self, edge: I64, offset: I64) -> I64:
        """Return half of the junction's delay where a point stands at an end of its edge."""
        network = self.network
        node = np.where(offset == 0, network.tail[edge], network.head[edge])
        at_end = (offset == 0) | (offset == network.length_mm[edge])
        result: I64 = np.where(at_end, self.delay[node], 0)
        return result

    def _check_range(self) -> None:
        """Raise where labels could leave 64 bits; no real network comes near."""
        # closed directions are −1: with one added for each, this is no less than the sum
        longest = (
            int(self.edge_impedance.sum())
            + self.edge_impedance.size
            + 2 * int(self.delay.sum())
            + sum(int(values.max(initial=0)) for values in (self.seed_value, self.stub_value))
        )
        if (longest + 1) * max(1, len(self.site_id)) >= NEVER:
            raise NetworkError(
                f"travel_time: edges sum to {longest}, too much for {len(self.site_id)} sites. "
                "Check lengths and speeds."
            )


def _problems(network: RoadNetwork, at: pd.DataFrame, name: str, *, unique: bool) -> list[Problem]:
    """Return what is wrong with a table of attachments."""
    needed = ["point_id", "edge_id", "offset_mm", "access_mm", "component"]
    missing = [column for column in needed if column not in at.columns]
    if missing:
        return [Problem(name, f"has no {', '.join(missing)}", "Make it with network.attach.")]
    problems = []
    if unique and at["point_id"].duplicated().any():
        twice = at.loc[at["point_id"].duplicated(), "point_id"].unique()
        problems.append(
            Problem(
                name,
                f"{len(twice)} demand ids stand in several rows",
                "Give each demand point one row.",
                tuple(str(i) for i in twice),
            )
        )
    # by arrays: to pick rows of a table takes longer than the search of a small town
    edge, offset, access, component = (
        at[column].to_numpy() for column in ("edge_id", "offset_mm", "access_mm", "component")
    )
    near = np.clip(edge, 0, network.tail.size - 1).astype(np.int64)
    foreign = (edge >= 0) & (
        (edge >= network.tail.size)
        | (offset < 0)
        | (offset > network.length_mm[near])
        | (access < 0)
        | (component != network.component[network.tail[near]])
    )
    if foreign.any():
        problems.append(
            Problem(
                name,
                f"{int(foreign.sum())} of {len(at)} rows are not of this network",
                "Attach the points to the network that is searched.",
                tuple(at.loc[foreign, "point_id"].astype(str)),
            )
        )
    return problems


def _sorted_ids(ids: Objects) -> tuple[Objects, I64]:
    """Return the distinct ids in string order and the position of each given one."""
    distinct = sorted(set(ids.tolist()))
    position = {name: i for i, name in enumerate(distinct)}
    result = np.empty(len(distinct), dtype=object)
    result[:] = distinct
    return result, np.array([position[name] for name in ids], dtype=np.int64)
