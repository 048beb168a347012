"""Unchanged inputs are not read and built twice.

An entry is a folder named by a digest of everything it depends on: the bytes of its files, the
parameters, and the code that made it. It holds plain tables (GeoParquet) and networks (``.npz``),
never pickles, and is written under a temporary name and moved.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import geopandas as gpd
import pandas as pd

from siting import load, network
from siting.errors import SitingError

T = TypeVar("T", bound=tuple[Any, ...])
Network = network.RoadNetwork

DAY_S = 86_400
_OURS = re.compile(r"\.?[a-z]+-[0-9a-f]{24}(-[0-9a-f]{8})?")
_ROOMS = ("crs", "kernels", "load", "network", "pipeline", "tables")  # whose work is kept


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file, its companions (``.dbf``, ``.prj``…) or its folder included."""
    digest = hashlib.sha256()
    if file.is_dir():
        parts = sorted(p for p in file.rglob("*") if p.is_file())
    elif file.suffix.lower() == ".shp":
        parts = sorted(p for p in file.parent.iterdir() if p.stem == file.stem and p.is_file())
    else:
        parts = [file]
    for part in parts:
        if len(parts) > 1:
            digest.update(part.name.encode() + b"\0")
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


@cache
def code_checksum() -> str:
    """Return a digest of the code that reads and builds, so that a new version starts afresh."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(f for room in _ROOMS for f in (package / room).rglob("*")):
        if file.suffix in (".py", ".toml"):
            digest.update(file.read_bytes())
    for room in _ROOMS:
        if (single := package / f"{room}.py").is_file():
            digest.update(single.read_bytes())
    return digest.hexdigest()


class Cache:
    """A folder of entries, or none (``folder=None``: everything is built)."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.used: set[str] = set()

    def tables(
        self, kind: str, key: Mapping[str, Any], shape: type[T], build: Callable[[], T]
    ) -> T:
        """Return the tables of a named tuple ``shape``, built or as stored.

        ``kind`` and ``key`` (JSON values) name what the entry depends on, files by checksum.
        """
        names = tuple(inspect.get_annotations(shape))

        def write(result: T, at: Path) -> None:
            for name, table in zip(names, result, strict=True):
                table.to_parquet(at / f"{name}.parquet")

        def read(at: Path) -> T:
            return shape(*(_read_table(at / f"{name}.parquet") for name in names))

        return cast("T", self._entry(kind, key, build, write, read))

    def network(self, key: Mapping[str, Any], build: Callable[[], Network]) -> Network:
        """Return a road network, built or as stored."""
        return cast(
            "Network",
            self._entry(
                "network",
                key,
                build,
                lambda built, at: network.save(built, at / "network.npz"),
                lambda at: network.open_saved(at / "network.npz"),
            ),
        )

    def _entry(
        self,
        kind: str,
        key: Mapping[str, Any],
        build: Callable[[], Any],
        write: Callable[[Any, Path], None],
        read: Callable[[Path], Any],
    ) -> Any:
        if self.folder is None:
            return build()
        told = json.dumps([kind, key, code_checksum()], sort_keys=True, default=str)
        name = f"{kind}-{hashlib.sha256(told.encode()).hexdigest()[:24]}"
        self.used.add(name)
        entry = self.folder / name
        if entry.is_dir():
            try:
                with load.reading(entry, table="cache", kind=kind):
                    return read(entry)
            except SitingError:  # whatever is wrong with a stored entry, building mends it
                shutil.rmtree(entry, ignore_errors=True)
        result = build()
        making = self.folder / f".{name}-{uuid.uuid4().hex[:8]}"
        try:
            making.mkdir(parents=True)
            write(result, making)
            making.replace(entry)
        except OSError:  # no room, no right, or another run was first: the next run builds again
            pass
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return result

    def forget_unused(self) -> None:
        """Remove entries that this run did not use: their inputs have changed.

        Only what a cache made is touched: the folder may be somebody's own. What another run is
        just making is left for a day.
        """
        if self.folder is None or not self.folder.is_dir():
            return
        for entry in self.folder.iterdir():
            if entry.name in self.used or not entry.is_dir() or not _OURS.fullmatch(entry.name):
                continue
            if entry.name.startswith(".") and time.time() - entry.stat().st_mtime < DAY_S:
                continue
            shutil.rmtree(entry, ignore_errors=True)


def _read_table(file: Path) -> pd.DataFrame:
    try:
        table: pd.DataFrame = gpd.read_parquet(file)
    except ValueError:  # a table without a geometry
        table = pd.read_parquet(file)
    return table
