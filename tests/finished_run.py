"""A finished run of the command, and how tests read what it wrote."""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest


@dataclass(frozen=True)
class Finished:
    """A finished run: its folder and what it printed."""

    folder: Path
    stdout: str
    stderr: str
    code: int

    def table(self, name: str) -> pd.DataFrame:
        found = sorted(self.folder.rglob(f"tables/{name}.csv"))
        assert len(found) == 1, found
        return pd.read_csv(found[0], dtype={"zone_id": str}, keep_default_na=False, na_values=[""])

    def record(self) -> dict[str, Any]:
        (found,) = sorted(self.folder.rglob("run.json"))
        return dict(json.loads(found.read_text("utf-8")))


def run_once(
    name: str,
    words: tuple[str | Path, ...],
    siting_command: Callable[..., Finished],
    tmp_path_factory: pytest.TempPathFactory,
) -> Finished:
    """Run a command with a folder for its results once for all workers; they only read it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, told = base / f"run_{name}", base / f"run_{name}.txt"
    with (base / f"run_{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if told.exists():
            return Finished(folder, told.read_text("utf-8"), "", 0)
        done = siting_command(*words, "--out", folder, folder=folder)
        assert done.code == 0, done.stderr
        told.write_text(done.stdout, "utf-8")
    return done


def study_run(
    name: str,
    siting_command: Callable[..., Finished],
    tmp_path_factory: pytest.TempPathFactory,
) -> Finished:
    """Run a study of tests/studies once for all workers."""
    study = Path(__file__).parent / "studies" / name
    return run_once(name, ("run", study), siting_command, tmp_path_factory)
