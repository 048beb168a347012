"""Shared by all tests: where the real inputs are, what a missing need means, and whole runs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from finished_run import Finished, run_once, study_run
from hypothesis import HealthCheck, settings

REQUIRE_ALL = os.environ.get("SITING_REQUIRE_ALL") == "1"

# The same examples on every machine, and no deadline: a shared machine stalls, a law does not.
settings.register_profile(
    "siting",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("siting")


def lacking(reason: str) -> NoReturn:
    """Skip for want of something; under SITING_REQUIRE_ALL=1 that is a failure."""
    if REQUIRE_ALL:
        pytest.fail(f"SITING_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


# Files of long tests, begun first and in this order: no worker is left alone with one at the end,
# and while the first compiles the kernels the second needs none: nothing is compiled twice.
LONG = (
    "test_demo_run.py",
    "test_browser.py",
    "test_notebooks.py",
    "test_porto_alegre_whole.py",
    "test_malta_whole.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real inputs that the repository does not hold."""
    folder = os.environ.get("SITING_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SITING_TEST_DATA names no folder: the real inputs are not here")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    lacking("no Chromium is installed (make test installs it as root on Debian or Ubuntu)")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """Give one Chromium to all tests of a worker: two of playwright's loops do not go together."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=flags)


# Refuses every connection, so that whatever runs under it has shown that it needs no network.
NO_NETWORK = """
import socket
def refuse(*args, **kwargs):
    raise OSError("this test runs without a network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="session")
def siting_command(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Finished]:
    """Run the siting command in a process of its own, with the network refused."""
    blocked = tmp_path_factory.mktemp("no_network")
    (blocked / "sitecustomize.py").write_text(NO_NETWORK, "utf-8")
    path = os.pathsep.join([str(blocked), *filter(None, [os.environ.get("PYTHONPATH")])])

    def run(*words: str | Path, folder: Path, cwd: Path | None = None) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "siting", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
        return Finished(folder, done.stdout, done.stderr, done.returncode)

    return run


@pytest.fixture(scope="session")
def demo_run(
    siting_command: Callable[..., Finished], tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    return run_once("demo", ("demo",), siting_command, tmp_path_factory)


@pytest.fixture(scope="session")
def malta(
    test_data: Path,
    siting_command: Callable[..., Finished],
    tmp_path_factory: pytest.TempPathFactory,
) -> Finished:
    return study_run("malta", siting_command, tmp_path_factory)


@pytest.fixture(scope="session")
def porto_alegre(
    test_data: Path,
    siting_command: Callable[..., Finished],
    tmp_path_factory: pytest.TempPathFactory,
) -> Finished:
    return study_run("porto_alegre", siting_command, tmp_path_factory)


@pytest.fixture(scope="session")
def yueyang(
    test_data: Path,
    siting_command: Callable[..., Finished],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Finished]:
    from tests.pipeline.yueyang_roads import write_roads

    made = tmp_path_factory.mktemp("made_roads")
    write_roads(test_data / "yueyang", made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SITING_MADE_ROADS", str(made))
        yield study_run("yueyang", siting_command, tmp_path_factory)
