"""Parts worked on side by side: in order, with the first error, and the same for any number."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_run import Finished

from siting import kernels
from siting.network import RoadNetwork
from siting.pipeline import inputs, region, roads
from siting.pipeline.cache import Cache
from siting.pipeline.reader import Reader
from siting.pipeline.steps import Steps, quiet
from siting.pipeline.workers import side_by_side
from siting.study import Study, read_study

QUIET = Steps(quiet, 1)


def test_they_run_at_the_same_time_and_come_in_order() -> None:
    meet = threading.Barrier(2, timeout=20)  # passed only if two are there at once

    def work(item: int) -> int:
        meet.wait()
        return -item

    assert list(side_by_side(work, range(6), workers=2)) == [0, -1, -2, -3, -4, -5]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_first_error_in_order_is_raised_and_nothing_begins_after_it(workers: int) -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item in (2, 3):
            raise ValueError(str(item))
        if item > 3:
            time.sleep(0.05)
        return item

    done = side_by_side(work, range(1_000), workers=workers)
    assert [next(done), next(done)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(done)
    threads = threading.active_count()
    count = len(begun)
    assert count < 100  # those at work when it was raised, not all that were asked for
    assert threading.active_count() == threads
    assert len(begun) == count  # whoever was at work has ended


class StoppedError(Exception):
    """What interrupts a run between two of its steps."""


def stops_at(name: str, nth: int) -> Steps:
    """Steps that stop when the nth of a name begins."""
    told: list[str] = []

    def say(step: str, done: int, total: int) -> None:
        told.append(step)
        if sum(other.startswith(name) for other in told) == nth:
            raise StoppedError

    return Steps(say, 1)


class Slow:
    """Work that takes its time; counts how often it has begun."""

    def __init__(self) -> None:
        self.begun = 0

    def __call__(self, *_: object, **__: object) -> tuple[None, None]:
        self.begun += 1
        time.sleep(0.2)
        return None, None

    def has_ended(self) -> bool:
        before = self.begun
        time.sleep(0.5)
        return self.begun == before


@pytest.fixture(scope="module")
def demo(demo_run: Finished) -> tuple[Study, inputs.Inputs]:
    (file,) = Path(demo_run.folder).rglob("study.toml")
    study = read_study(file)
    return study, inputs.read_inputs(study, cache=Cache(None), step=QUIET)


def test_a_run_that_is_stopped_between_services_begins_no_other(
    demo: tuple[Study, inputs.Inputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    (study, read), slow = demo, Slow()
    monkeypatch.setattr(region, "_service_on", slow)
    with pytest.raises(StoppedError) as told:
        region.join(study, read, step=stops_at("travel times", 2), workers=2)
    assert slow.has_ended()
    assert 1 <= slow.begun < len(study.services)
    del told  # what is told of an error keeps its frames, and what they hold, until here


def test_a_run_that_is_stopped_between_networks_begins_no_other(
    demo: tuple[Study, inputs.Inputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    (study, read), slow = demo, Slow()
    monkeypatch.setattr(roads, "ways", lambda _: ["walk"] * 20)
    reader = Reader(study, Cache(None), stops_at("network", 2))
    monkeypatch.setattr(reader.cache, "network", slow)
    with pytest.raises(StoppedError) as told:
        roads.networks(study, reader, read.crs, None, read.road_lines, workers=2)
    assert slow.has_ended()
    assert 1 <= slow.begun < 20
    del told


@pytest.mark.parametrize(
    ("services", "workers", "threads"),
    [(9, None, 1), (2, None, 4), (2, 1, 8), (9, 3, 2), (1, 3, 8)],
)
def test_services_side_by_side_share_the_cores(
    demo: tuple[Study, inputs.Inputs], monkeypatch: pytest.MonkeyPatch,
    services: int, workers: int | None, threads: int,
) -> None:  # fmt: skip
    given = []
    monkeypatch.setattr(region, "_service_on", lambda *args: given.append(args[-1]))
    monkeypatch.setattr(kernels, "default_threads", lambda: 8)
    list(region.services_on(*demo, ["s"] * services, {}, {}, workers=workers))
    assert given == [threads] * services


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, pd.DataFrame):
        return one.equals(other)
    return one == other


def test_a_region_is_the_same_with_any_number_of_workers(
    demo: tuple[Study, inputs.Inputs],
) -> None:
    study, read = demo
    reader = Reader(study, Cache(None), QUIET)
    built: list[dict[str, RoadNetwork]] = [
        roads.networks(study, reader, read.crs, None, read.road_lines, workers=n) for n in (1, 3)
    ]
    assert list(built[0]) == list(built[1])
    assert [n.version for n in built[0].values()] == [n.version for n in built[1].values()]
    one, three = (region.join(study, read, step=QUIET, workers=n) for n in (1, 3))
    for a, b in zip(one.services, three.services, strict=True):
        assert a.name == b.name
        for times, again in ((a.time, b.time), (a.length, b.length)):
            if times is not None:
                assert all(same(value, getattr(again, key)) for key, value in vars(times).items())
    for way, homes in one.homes_at.items():
        pd.testing.assert_frame_equal(homes, three.homes_at[way])
    pd.testing.assert_frame_equal(one.access, three.access)
