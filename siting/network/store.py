"""Networks kept between runs: one ``.npz`` file, no pickle."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from siting.errors import NetworkError
from siting.network.graph import DROP_COLUMNS, RoadNetwork, assemble

FORMAT = 2
ARRAYS = (
    "node_id", "node_xy", "tail", "head", "length_mm", "forward_ms", "backward_ms", "stoppable",
    "way_id", "bridge", "tunnel", "half_delay_ms", "signal",
)  # fmt: skip


def save(network: RoadNetwork, path: Path | str) -> None:
    """Write a network to ``path`` (``.npz``), under a temporary name first.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from siting.network import from_lines
    >>> roads = gpd.GeoDataFrame(
    ...     {"highway": ["residential"]}, geometry=[shapely.LineString([(0, 0), (60, 0)])], crs=4547
    ... )
    >>> network = from_lines(roads, mode="walk")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(network, Path(folder) / "walk.npz")
    ...     open_saved(Path(folder) / "walk.npz").version == network.version
    True
    """
    file = Path(path)
    words = sorted(set(network.highway.tolist()))
    about = {
        "format": FORMAT,
        "mode": network.mode,
        "access_kph": network.access_kph,
        "crs": network.crs.to_wkt(),
        "version": network.version,
        "drops": network.drops.to_dict(orient="list"),
        "highway": words,
    }
    number = {word: i for i, word in enumerate(words)}
    lines = shapely.to_wkb(network.geometry, byte_order=1)
    arrays: dict[str, Any] = {name: getattr(network, name) for name in ARRAYS}
    arrays["highway"] = np.array([number[word] for word in network.highway], dtype=np.int32)
    arrays["wkb"] = np.frombuffer(b"".join(lines), dtype=np.uint8)
    arrays["wkb_end"] = np.cumsum([len(line) for line in lines])
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as out:
            _write(out, arrays)
        Path(temporary).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _write(out: BinaryIO, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as ``np.savez_compressed`` does, which compresses five times as long."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def open_saved(path: Path | str) -> RoadNetwork:
    """Return the network written by :func:`save`, equal to the bit.

    Raises
    ------
    NetworkError
        The file is not there, not such a file, damaged, or of another version of siting.

    Examples
    --------
    >>> open_saved("walk.npz")
    Traceback (most recent call last):
    ...
    siting.errors.NetworkError: roads: walk.npz is not a whole saved network ([Errno 2] No such \
file or directory: 'walk.npz'). Read the roads again.
    """
    try:
        network, version = _opened(Path(path))
    except (
        OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile,
        shapely.errors.ShapelyError, pyproj.exceptions.CRSError,
    ) as error:  # fmt: skip
        raise NetworkError(
            f"roads: {path} is not a whole saved network ({error}). Read the roads again."
        ) from error
    if network.version != version:
        raise NetworkError(
            f"roads: {path} was changed since it was saved (version {network.version[:12]}, "
            f"expected {version[:12]}). Read the roads again."
        )
    return network


def _opened(path: Path) -> tuple[RoadNetwork, str]:
    """Return the network as it stands in the file, and the version it had when it was saved.

    Damaged bytes make what reads them raise as it will.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    about = json.loads(arrays["about"].tobytes())
    if about["format"] != FORMAT:
        raise ValueError("saved by another version of siting")
    blob, ends = arrays["wkb"].tobytes(), arrays["wkb_end"].tolist()
    lines = [blob[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    words = np.array(about["highway"], dtype=object)
    network = assemble(
        mode=about["mode"],
        access_kph=about["access_kph"],
        crs=pyproj.CRS.from_wkt(about["crs"]),
        highway=words[arrays["highway"]],
        geometry=shapely.from_wkb(np.array(lines, dtype=object)),
        drops=pd.DataFrame(about["drops"], columns=list(DROP_COLUMNS), dtype="str"),
        **{name: arrays[name] for name in ARRAYS},
    )
    return network, str(about["version"])
