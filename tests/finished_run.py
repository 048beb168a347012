"""A finished run of the command, and how tests read what it wrote."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd


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
