"""Files before they are layers: there, whole, and in a text encoding that is known."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from siting.errors import DataError, Problem, SitingError
from siting.tables import label

# Fewer bytes than this can be valid in two encodings by chance (the GBK bytes of 联通 are UTF-8).
_TELLING_BYTES: Final = 12


def refuse(table: str, what: str, mend: str, rows: Sequence[str] = ()) -> NoReturn:
    """Raise a :class:`DataError` with one problem."""
    raise DataError(Problem(table, what, mend, tuple(rows))) from None


def existing(path: str | Path, *, table: str) -> Path:
    """Return the path of a file that is there, is a file, and is not empty.

    Raises
    ------
    DataError
        Otherwise; the message names the file.
    """
    path = Path(path)
    shown = label(path.name)
    try:
        if path.is_dir():
            refuse(table, f"{shown} is a folder, not a file", "Name the file inside it.")
        if not path.exists():
            refuse(table, f"the file {shown} is not there ({path})", "Correct the path.")
        if path.stat().st_size == 0:
            refuse(table, f"the file {shown} is empty (0 bytes)", "Export or copy it again.")
        with path.open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        refuse(table, f"the file {shown} cannot be opened ({error})", "Check its permissions.")
    return path


def unreadable(path: Path, error: BaseException, *, table: str, kind: str) -> NoReturn:
    """Raise the :class:`DataError` for a file that its reader cannot make sense of."""
    told = label(str(error).strip().splitlines()[0]) if str(error).strip() else type(error).__name__
    raise DataError(
        Problem(
            table,
            f"{label(path.name)} cannot be read as {kind} ({told})",
            "It is damaged, cut short or of another kind: export or copy it again.",
        )
    ) from error


@contextmanager
def reading(path: Path, *, table: str, kind: str) -> Iterator[None]:
    """Tell whatever a reader raises on a file as that file's :class:`DataError`.

    GDAL, osmium, pyarrow, openpyxl and the parsers below them name no common class of errors, and
    damaged bytes make them raise nearly any of Python's: an ``IndexError`` or a ``struct.error`` of
    theirs is a fact about the file, and no traceback for a user. The cause is kept. Only the call
    of the reader belongs inside.
    """
    try:
        yield
    except SitingError:
        raise
    except Exception as error:  # readers name no common class of what they raise
        unreadable(path, error, table=table, kind=kind)


def codec(encoding: str, *, table: str) -> str:
    """Return the normal name of a text encoding.

    Examples
    --------
    >>> codec("GBK", table="zones")
    'gbk'
    """
    try:
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        refuse(
            table,
            f'"{label(encoding)}" is not a text encoding',
            'Write encoding = "utf-8", "gb18030" or "gbk".',
        )


def decode(
    raw: bytes,
    encoding: str | None,
    *,
    table: str,
    what: str,
    said_by: str = "the study",
) -> str:
    """Return bytes as text in the declared encoding, UTF-8 unless declared.

    Parameters
    ----------
    raw
        The bytes.
    encoding
        The declared encoding, or None.
    what
        What is decoded, for messages (``"zones.csv"``).
    said_by
        Who declared the encoding.

    Raises
    ------
    DataError
        The bytes are not text in that encoding, or are UTF-8 though another is declared.

    Examples
    --------
    >>> decode("岳阳".encode("gbk"), "gbk", table="zones", what="a.csv")
    '岳阳'
    """
    name = codec(encoding or "utf-8", table=table)
    if name in ("utf-8", "utf-8-sig"):
        name = "utf-8-sig"
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            refuse(table, f"{what} is UTF-16 text", 'Save it as UTF-8, or set encoding = "utf-16".')
    elif declared_wrongly(raw, name):
        refuse(
            table,
            f'{what} is UTF-8 text, but {said_by} says encoding = "{encoding}"',
            'Set encoding = "utf-8".',
        )
    try:
        return raw.decode(name)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        other = _suggestion(raw, name)
        refuse(
            table,
            f"{what} is not {'UTF-8' if name == 'utf-8-sig' else name} text "
            f"(first at byte {error.start + 1}, line {line})",
            f"Declare the encoding it was saved in{other}, or save it as UTF-8.",
        )
    except UnicodeError:
        refuse(table, f"{what} is not {name} text", "Declare the encoding it was saved in.")


def declared_wrongly(raw: bytes, name: str) -> bool:
    """Tell whether bytes said to be in another encoding are UTF-8 beyond chance."""
    if name.startswith(("utf", "ascii")) or sum(b > 127 for b in raw) < _TELLING_BYTES:
        return False
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _suggestion(raw: bytes, tried: str) -> str:
    for name in ("utf-8", "gb18030"):
        if name == tried or (name == "utf-8" and tried == "utf-8-sig"):
            continue
        try:
            raw.decode(name)
        except UnicodeDecodeError:
            continue
        return f', probably encoding = "{name}"'
    return ', such as encoding = "gb18030"'
