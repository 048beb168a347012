"""What all layers share while they are conformed: columns found, cells parsed, ids made.

An :class:`Intake` goes through one layer, collects every problem and every drop on the way, and
at the end either raises all problems at once or gives the rows that are left. Shapes come in by
:mod:`siting.load.geometry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj

from siting import tables
from siting.errors import DataError, Problem
from siting.load.cells import numbers, texts
from siting.load.files import refuse
from siting.load.shapes import digests
from siting.tables import label

Flags = npt.NDArray[np.bool_]
Columns = Mapping[str, str]

CORRECT: Final = "Correct the values."
_WHOLE_MAX: Final = 2**53


class Layer(NamedTuple):
    """A conformed table and its drops."""

    table: Any
    drops: pd.DataFrame


class Intake:
    """One layer on its way from raw rows to a table.

    Parameters
    ----------
    raw
        What :func:`siting.load.read_layer` or ``read_table`` gave, or any table like it.
    layer
        What messages call it.
    columns
        Our column → the file's column. Our names that are not mapped are taken from columns of
        that very name.
    known
        Our column names that this layer can have.
    """

    def __init__(
        self,
        raw: pd.DataFrame,
        *,
        layer: str,
        columns: Mapping[str, str],
        known: Sequence[str],
    ) -> None:
        self.layer = layer
        self.known = tuple(known)
        self.problems: list[Problem] = []
        self.drops: list[tuple[str, str, str, str]] = []
        self.raw = raw.reset_index(drop=True)
        if "row" not in self.raw:
            self.raw = self.raw.assign(row=[f"row {n}" for n in range(1, len(raw) + 1)])
        self.labels: list[str] = [label(r) for r in self.raw["row"]]
        self.keep: Flags = np.ones(len(self.raw), dtype=bool)
        self.columns = self._mapped(columns)
        if len(self.raw) == 0:
            refuse(layer, "the layer has no rows", "Give a layer with rows, or leave it out.")

    def __len__(self) -> int:
        return len(self.raw)

    # --- columns -----------------------------------------------------------------------------

    def _mapped(self, columns: Mapping[str, str]) -> dict[str, str]:
        names = [str(c) for c in self.raw.columns if c not in ("row", "geometry")]
        found = {k: k for k in self.known if k in names}
        for key, column in columns.items():
            column = "row_" if column == "row" and "row_" in names else column
            if key not in self.known:
                self.problems.append(
                    Problem(
                        self.layer,
                        f'columns names an unknown key "{label(key)}"',
                        f"Use one of: {', '.join(self.known)}.",
                    )
                )
            elif column not in names:
                self.problems.append(
                    Problem(
                        self.layer,
                        f'there is no column "{label(column)}" for {key}',
                        f"Set columns.{key} to one of: {', '.join(label(n) for n in names)}.",
                    )
                )
            else:
                found[key] = column
        return found

    def has(self, key: str) -> bool:
        """Tell whether the layer has the column."""
        return key in self.columns

    def require(self, key: str) -> bool:
        """Note a problem where the layer lacks a column that it needs."""
        if key in self.columns or any(f" for {key}" in p.what for p in self.problems):
            return key in self.columns
        self.problems.append(
            Problem(
                self.layer,
                f"there is no column {key}",
                f'Name the file\'s column: columns = {{ {key} = "…" }}.',
            )
        )
        return False

    def text(self, key: str) -> list[str]:
        """Return a column as text, ``""`` where there is none."""
        if key not in self.columns:
            return [""] * len(self)
        parsed = texts(self.raw[self.columns[key]])
        for i in np.flatnonzero(parsed.cleaned):
            before = label(self.raw[self.columns[key]].iloc[int(i)])
            after = label(parsed.values[int(i)])
            self.note(int(i), f"{key} {before!r} is read as {after!r}", "cleaned")
        return parsed.values

    def number(
        self,
        key: str,
        *,
        least: float = 0.0,
        most: float = np.inf,
        blank: bool = True,
        mend: str = "",
    ) -> npt.NDArray[np.float64]:
        """Return a column of numbers, NaN where blank; other cells are problems.

        ``mend`` says what to do about numbers out of range and, where no cell may be ``blank``,
        about blanks; a general word where not given.
        """
        if key not in self.columns:
            return np.full(len(self), np.nan)
        column = self.raw[self.columns[key]]
        parsed = numbers(column)
        for i in np.flatnonzero(parsed.cleaned):
            before = label(column.iloc[int(i)])
            self.note(int(i), f"{key} {before!r} is read as {parsed.values[i]:g}", "cleaned")
        if parsed.bad.any():
            example = parsed.example(column)
            self.wrong(parsed.bad, f"have a {key} that is not a number, such as {example!r}")
        with np.errstate(invalid="ignore"):
            self.wrong(parsed.values < least, f"have a {key} below {least:g}", mend or CORRECT)
            self.wrong(parsed.values > most, f"have a {key} above {most:g}", mend or CORRECT)
        if not blank:
            self.wrong(
                np.isnan(parsed.values) & ~parsed.bad,
                f"have no {key}",
                mend or "Fill the column; write 0 where it is none.",
            )
        return parsed.values

    def whole(
        self,
        key: str,
        *,
        least: float = 0.0,
        most: float = _WHOLE_MAX,
        blank: bool = True,
        mend: str = "",
    ) -> pd.Series[Any]:
        """Return a column of whole numbers (Int64), NA where blank; other cells are problems."""
        values = self.number(key, least=least, most=most, blank=blank, mend=mend)
        part = np.isfinite(values) & (values != np.floor(values))
        self.wrong(part, f"have a {key} that is not a whole number")
        sound = np.isfinite(values) & ~part & (abs(values) <= _WHOLE_MAX)
        filled = np.where(sound, values, 0).astype(np.int64)
        return pd.Series(pd.arrays.IntegerArray(filled, ~sound))

    def choice(self, key: str, words: Mapping[str, str], default: str) -> list[str]:
        """Return a column of known words, each as we write it; ``default`` where blank."""
        values = self.text(key)
        known = {k.casefold(): v for k, v in words.items()}
        said = {v: known.get(v.casefold()) if v else default for v in set(values)}
        unknown = np.array([said[v] is None for v in values], dtype=bool)
        if unknown.any():
            example = label(values[int(np.flatnonzero(unknown)[0])])
            self.wrong(
                unknown,
                f"have a {key} that is not known, such as {example!r}",
                f"Use one of: {', '.join(words)}.",
            )
        return [default if (found := said[v]) is None else found for v in values]

    # --- ids and names -----------------------------------------------------------------------

    def ids(self, key: str, *, prefix: str, content: Sequence[str] = ()) -> list[str]:
        """Return unique ids: the declared column, the OSM id, or made from the row's content.

        Ids made from content (place and the ``content`` columns) are the same whatever the row
        order; rows that are equal in all of it are numbered.
        """
        if key in self.columns:
            values = self.text(key)
            blank = np.array([not v for v in values], dtype=bool)
            self.wrong(blank, f"have no {key}", "Give every row an id, or map no id column.")
            seen = pd.Series(values)
            twice = (seen.duplicated(keep=False) & (seen != "")).to_numpy()
            if twice.any():
                first = label(values[int(np.flatnonzero(twice)[0])])
                self.wrong(
                    twice,
                    f"share their {key} with another, such as {first!r}",
                    "Give every row its own id; parts of one thing belong in one multi-geometry.",
                )
            self.relabel(values, ~blank & ~twice)
            return values
        if "osm_id" in self.raw:
            return [str(v) for v in self.raw["osm_id"]]
        return self._made(prefix, content)

    def names(self, ids: Sequence[str]) -> list[str]:
        """Return names; a row without one is called by its id, and listed where others have one."""
        values = self.text("name")
        for i, (value, own) in enumerate(zip(values, ids, strict=True)):
            if not value and self.has("name"):
                self.note(i, f"no name; called {label(own)}", "named by id")
        return [v or own for v, own in zip(values, ids, strict=True)]

    def alike(self, content: Sequence[str]) -> Flags:
        """Return which rows have place and ``content`` in common with another."""
        return pd.Series(self._digests(content)).duplicated(keep=False).to_numpy()

    def _made(self, prefix: str, content: Sequence[str]) -> list[str]:
        seen: dict[str, int] = {}
        made = []
        for digest in self._digests(content):
            seen[digest] = seen.get(digest, 0) + 1
            made.append(f"{prefix}-{digest}" + (f"-{seen[digest]}" if seen[digest] > 1 else ""))
        return made

    def _digests(self, content: Sequence[str]) -> list[str]:
        placed = isinstance(self.raw, gpd.GeoDataFrame)
        shapes = self.raw.geometry.to_numpy() if placed else None
        return digests([self.text_quietly(c) for c in content], len(self), shapes=shapes)

    def text_quietly(self, key: str) -> list[str]:
        """Return a column as text without listing what was cleaned (it is listed elsewhere)."""
        if key not in self.columns:
            return [""] * len(self)
        return texts(self.raw[self.columns[key]]).values

    def relabel(self, ids: Sequence[str], usable: Flags) -> None:
        """From here on call rows by their ids; what is told already keeps its row number."""
        old = list(self.labels)
        self.labels = [label(i) if ok else was for i, ok, was in zip(ids, usable, old, strict=True)]

    # --- what is wrong, what is left out -----------------------------------------------------

    def wrong(self, rows: Any, what: str, mend: str = CORRECT) -> None:
        """Note a problem for the rows of a mask, if any."""
        places = np.flatnonzero(np.asarray(rows, dtype=bool))
        if len(places):
            self.problems.append(
                Problem(
                    self.layer,
                    f"{len(places)} of {len(self)} rows {what}",
                    mend,
                    tuple(self.labels[int(i)] for i in places),
                )
            )

    def drop(self, rows: Any, what: str | Callable[[int], str]) -> None:
        """Leave out the rows of a mask that are still in, and list them."""
        mask = np.asarray(rows, dtype=bool) & self.keep
        for i in np.flatnonzero(mask):
            self.note(int(i), what if isinstance(what, str) else what(int(i)), "dropped")
        self.keep &= ~mask

    def note(self, row: int, what: str, action: str) -> None:
        """List a row that is left out, or used otherwise than as given."""
        self.drops.append((self.layer, self.labels[row], what, action))

    def finish(self) -> None:
        """Raise every problem met, or say that nothing is left."""
        if not self.problems and not self.keep.any():
            self.problems.append(
                Problem(
                    self.layer,
                    f"none of the {len(self)} rows can be used: {self.drops[0][2]}",
                    "See the rows listed as dropped; give a layer with usable rows.",
                    tuple(self.labels),
                )
            )
        if self.problems:
            raise DataError(self.problems)

    def table(
        self, name: str, columns: Mapping[str, Any], *, crs: pyproj.CRS | None, sort: str
    ) -> Any:
        """Return the rows that are left as a checked table, sorted by ``sort``."""
        data = dict(columns)
        shapes = data.pop("geometry", None)
        frame: pd.DataFrame = pd.DataFrame(
            {
                k: pd.Series(v, dtype="str") if isinstance(v, list) else pd.Series(v)
                for k, v in data.items()
            },
            index=range(len(self)),
        )
        if shapes is not None:
            frame = gpd.GeoDataFrame(frame, geometry=shapes, crs=crs)
        frame = frame[self.keep].sort_values(sort, kind="stable").reset_index(drop=True)
        return tables.check(name, frame, layer=self.layer)

    def listed(self) -> pd.DataFrame:
        """Return the drops table; of a dropped row only why it was dropped."""
        gone = {d[1] for d in self.drops if d[3] == "dropped"}
        kept = [d for d in self.drops if d[3] != "named by id" or d[1] not in gone]
        return tables.drops_table(kept)


def group_of(intake: Intake, group: str, people: Any) -> pd.Series[Any]:
    """Return the people of a group, none of which can be more than all."""
    persons = intake.whole(group, blank=not intake.has(group))
    more = persons.fillna(0).to_numpy(dtype=np.int64) > np.maximum(people, 0)
    intake.wrong(more & (people >= 0), f"have more people in {group} than in population")
    return persons
