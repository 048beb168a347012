"""One run of the demo through the command line, shared by all tests that look at its results."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from finished_run import Finished

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

    def run(*words: str | Path, folder: Path, cwd: Path | None = None) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "siting", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(blocked), "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
        return Finished(folder, done.stdout, done.stderr, done.returncode)

    return run


@pytest.fixture(scope="session")
def demo_run(
    siting_command: Callable[..., Finished], tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    folder = tmp_path_factory.mktemp("demo")
    done = siting_command("demo", "--out", folder, folder=folder)
    assert done.code == 0, done.stderr
    return done
