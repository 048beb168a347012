"""The comparisons run, and stop where answers differ; how fast anything is, is not asserted."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import clock, graphs, nearest, page, peers, table
from siting import travel_time


def test_made_up_cities_are_whole_random_and_the_same_again():
    network, again = graphs.streets(900), graphs.streets(900)
    assert network.version == again.version != graphs.streets(900, seed=1).version
    assert network.component_km.size == 1
    assert 2.5 < 2 * network.tail.size / network.node_id.size < 2.75
    # numbered at random: a street joins junctions a third of all numbers apart on average
    apart = np.abs(network.tail.astype(int) - network.head).mean() / network.node_id.size
    assert 0.28 < apart < 0.38


def test_scipy_and_networkx_agree_with_siting(monkeypatch, capsys):
    few = [peers.Scipy, peers.ScipyOwners, peers.Networkx]
    monkeypatch.setattr(peers, "NEAREST", few)
    monkeypatch.setattr(peers, "TABLE", [peers.Scipy, peers.Networkx])
    monkeypatch.setattr(nearest, "SITES", 20)
    monkeypatch.setattr(table, "SITES", 200)
    network = graphs.streets(900)
    for text in (
        nearest.one("small", network, quick=True), table.one("small", network, quick=True)
    ):  # fmt: skip
        assert {"siting", "scipy", "networkx"} <= {
            line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")
        }


def test_a_peer_that_differs_stops_the_run(monkeypatch):
    class Wrong(peers.Scipy):
        name = "wrong"

        def ms(self, answer):
            return super().ms(answer) + 1

    monkeypatch.setattr(peers, "NEAREST", [Wrong])
    monkeypatch.setattr(nearest, "SITES", 20)
    with pytest.raises(AssertionError, match=r"wrong: \d+ of 900 differ"):
        nearest.one("small", graphs.streets(900), quick=True)


def test_a_site_that_is_not_the_nearest_stops_the_run(monkeypatch):
    """As near, and another: impedance alone would not tell."""
    honest = travel_time.nearest
    monkeypatch.setattr(nearest, "SITES", 20)

    def swapped(*args, **more):
        found = honest(*args, **more)
        return found.assign(site_id=np.roll(found["site_id"].to_numpy(), 1))

    monkeypatch.setattr(travel_time, "nearest", swapped)
    network = graphs.streets(900)
    monkeypatch.setattr(peers, "NEAREST", [peers.Scipy])
    with pytest.raises(AssertionError, match=r"siting: \d+ of 20 go to another site"):
        nearest.one("small", network, quick=True)


def test_a_row_without_its_third_nearest_stops_the_run(monkeypatch):
    honest = travel_time.table
    monkeypatch.setattr(peers, "TABLE", [])
    monkeypatch.setattr(table, "SITES", 200)
    monkeypatch.setattr(table, "QUARTER_MS", 1_000)  # most have none within it

    def fewer(*args, k, **more):
        return honest(*args, k=min(k, 2), **more)

    monkeypatch.setattr(travel_time, "table", fewer)
    with pytest.raises(AssertionError, match=r"siting and 3 nearest: \d+ of 20 rows differ"):
        table.one("small", graphs.streets(900), quick=True)


def test_a_peer_that_is_not_installed_is_named():
    class Absent(peers.Peer):
        name = "absent"

        def __init__(self, arcs, xy):
            raise ImportError("no such thing")

    network = graphs.streets(100)
    made, absent = peers.made([Absent], graphs.arcs(network), network.node_xy, clock.once)
    assert made == []
    assert absent == ["absent: not installed (no such thing)"]


def test_a_section_is_replaced_and_the_rest_stays(monkeypatch, tmp_path):
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", file)
    page.write("a", "new", "do it")
    text = file.read_text("utf-8")
    assert text.startswith("before\n<!-- a -->\nnew\n\n`do it`: ")
    assert text.endswith("\n<!-- /a -->\nafter\n")
    assert "old" not in text
    with pytest.raises(ValueError, match="no mark"):
        page.write("b", "new", "do it")
