"""Where results go: one run at a time, and never over what somebody else put there."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from siting import maps, report
from siting.errors import StudyError, first_ids
from siting.study import Study

LOCK = ".siting-lock"
PAGES = ("index", *maps.PAGES)
TABLES = (
    *("coverage", "comparison", "gaps", "green", "closures", "closures_receivers"),
    *("closures_limits", "new_sites", "sites", "access", "drops"),
    *("baskets", "basket_services", "accessibility", "accessibility_sites", "equity", "losses"),
    *("schools", "teaching", "enrolment", "children", "findings"),
)
FILES = ("results.gpkg", "report.xlsx", "run.json")


def of_run(
    study: Study, root: Path | None, out: Path | None, only: str | None
) -> tuple[Path, Path, Path]:
    """Return where tables, pages and the cache go."""
    part = "" if only is None else f"-{only}"
    if out is not None:
        base = out if only is None else out / f"only{part}"
        return base, base / "maps", out / "cache"
    base = root or study.path.parent
    tables_folder = base / "data" / "processed" / f"{study.name}{part}"
    cache = base / "data" / "processed" / ".cache" / study.name
    return tables_folder, base / "maps" / f"{study.name}{part}", cache


@contextlib.contextmanager
def claimed(tables_folder: Path, maps_folder: Path) -> Iterator[None]:
    """Hold the folders of a run until it is done.

    Raises
    ------
    StudyError
        The folder cannot be made or written, another run is at work in it, or it holds what no
        run puts there: results replace whole folders.
    """
    try:
        made = not tables_folder.exists()
        tables_folder.mkdir(parents=True, exist_ok=True)
        lock = (tables_folder / LOCK).open("a+b")
    except OSError as error:
        raise StudyError(
            f"results: {tables_folder} cannot be written: {error.strerror}. Name another folder "
            "with --out, or give yourself the right to write there."
        ) from None
    with lock:
        try:
            _lock(lock.fileno())
        except OSError:
            raise StudyError(
                f"results: another run is at work in {tables_folder}. Wait for it to end, or name "
                "another folder with --out."
            ) from None
        try:
            report.restore(tables_folder)
            _refuse_foreign(tables_folder, maps_folder)
            yield
        finally:
            with contextlib.suppress(OSError):
                (tables_folder / LOCK).unlink()
            if made:
                with contextlib.suppress(OSError):  # it stays where results are in it
                    tables_folder.rmdir()


def _lock(file: int) -> None:
    """Lock an open file or raise OSError; the system lets go of it when the process ends."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_nlink == 0:
            raise OSError("the run before has just ended and taken its lock along")


def _refuse_foreign(tables_folder: Path, maps_folder: Path) -> None:
    earlier = _tables_of(tables_folder / "run.json")
    told = []
    if earlier is None:
        there = [str(tables_folder / f) for f in FILES if (tables_folder / f).exists()]
        told += [(tables_folder, there)] if there else []
    tables = {*TABLES, *(earlier or ())}
    for folder, names in (
        (tables_folder / "tables", {f"{name}.csv" for name in tables}),
        (maps_folder, {f"{name}.html" for name in PAGES}),
    ):
        if folder.exists() and not folder.is_dir():
            told.append((folder, [str(folder)]))
        elif folder.is_dir():
            foreign = sorted(
                f.name
                for f in folder.iterdir()
                if (f.name not in names or not f.is_file()) and not report.is_litter(f.name)
            )
            told += [(folder, foreign)] if foreign else []
    if told:
        raise StudyError(
            "\n".join(
                f"results: {folder} holds {len(names)} files that no run put there "
                f"({first_ids(names)}). Results replace them: move them elsewhere, or name "
                "another folder with --out."
                for folder, names in told
            )
        )


def _tables_of(file: Path) -> tuple[str, ...] | None:
    """Return the tables that an earlier run recorded, or None where there is no record of ours."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or "siting" not in found:
        return None
    return tuple(found.get("rows", ()))
