"""``study.toml`` → a frozen :class:`Study`: which files, which rules, which questions.

The study file is the only place a user configures siting. Unknown keys are errors, every breach is
told at once, and nothing is guessed: what a default fills in is written into ``run.json``.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import typing
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from siting import rules
from siting.errors import StudyError

Settlement = Literal["urban", "township_seat", "village"]
Where = dict[str, list[str]]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
OWN_COLUMNS = {  # which no group of people may be called
    "demand_id", "population", "settlement", "geometry", "zone_id", "carrier_id", "weight",
    "area_m2", "row", "persons",
}  # fmt: skip
OSM_ENDINGS = (".osm", ".pbf", ".osm.gz", ".osm.bz2")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Source(_Model):
    """One layer of one file.

    Attributes
    ----------
    file
        Path, relative to the study's ``data`` folder; ``$VARIABLES`` are replaced.
    layer
        Layer or sheet, needed where the file has several.
    crs
        Declared CRS (``"EPSG:4547"``), needed where the file carries none; a contradiction is an
        error.
    encoding
        Text encoding of a Shapefile or CSV that does not say (``"gb18030"``).
    x, y
        Coordinate columns of a CSV or XLSX.
    where
        ``{column or OSM tag: [accepted values]}``.
    columns
        ``{our column: the file's column}``.
    date, source
        As of when, and from whom: printed on every page.
    """

    file: Path
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    x: str | None = None
    y: str | None = None
    where: Where | None = None
    columns: dict[str, str] = {}
    date: str = ""
    source: str = ""

    @property
    def is_osm(self) -> bool:
        """Whether the file is an OSM extract, read by tag."""
        return self.file.name.lower().endswith(OSM_ENDINGS)


class Zones(Source):
    """Polygons that results are given by; every zoning sums to the region."""

    zoning: str = "zone"
    settlement: Settlement | None = None


class Totals(Source):
    """Control totals by zone in a table of their own, joined to a zoning by its ids."""

    zoning: str = "zone"


class Group(_Model):
    """People of an age group, from a column or as a declared share of all."""

    column: str | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    source: str = ""
    label_zh: str = ""
    label_en: str = ""

    def label(self, lang: str) -> str:
        """Return the name shown on pages in ``lang``; blank where none is given."""
        return (self.label_zh if lang == "zh" else self.label_en) or self.label_zh or self.label_en

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.share is None):
            raise ValueError("a group needs either column or share, not both")
        if self.share is not None and not self.source.strip():
            raise ValueError("a share needs a source: who says so")
        return self


class People(_Model):
    """People as points (``points``), or control totals spread over carriers (``spread``).

    Attributes
    ----------
    points
        A layer of points with ``population``.
    total
        One control total for the region.
    totals
        Control totals by zone in a table; without it and without ``total``, the zones' own
        ``population`` column is spread.
    spread
        What carries the totals: ``residential`` (cells of residential land), ``buildings`` or
        ``villages`` (points, by their ``weight`` column where mapped, else equally).
    carriers
        The buildings or villages layer.
    settlement
        Settlement class of everyone, where no column says.
    year, source
        As of when, and from whom.
    cell_m
        Side of the cells that residential land is cut into.
    no_carrier
        What happens to a zone that has people and nothing to carry them: ``error``, or
        ``zone_point`` puts them on one point inside the zone and lists it.
    whole
        What happens to fractions of persons at points: ``error``, or rounded by
        ``largest_remainder``, each listed.
    groups
        Age groups, by name.
    """

    points: Source | None = None
    total: Annotated[int, Field(ge=0, le=10**10, strict=True)] | None = None
    totals: Totals | None = None
    spread: Literal["residential", "buildings", "villages"] | None = None
    carriers: Source | None = None
    settlement: Settlement | None = None
    year: Annotated[int, Field(ge=1, le=9999, strict=True)] | None = None
    source: str = ""
    cell_m: Annotated[float, Field(ge=10, le=2000)] = 100.0
    no_carrier: Literal["error", "zone_point"] = "error"
    whole: Literal["error", "largest_remainder"] = "error"
    groups: dict[Identifier, Group] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.points is None) == (self.spread is None):
            raise ValueError(
                "give either [people.points] (a layer of points) or spread = "
                '"residential" | "buildings" | "villages" (control totals), not both'
            )
        if self.points is not None and (self.total is not None or self.totals is not None):
            raise ValueError("points bring their own population; drop total and totals")
        if self.total is not None and self.totals is not None:
            raise ValueError("give total or totals, not both")
        if self.spread in ("buildings", "villages") and self.carriers is None:
            raise ValueError(f'spread = "{self.spread}" needs [people.carriers]')
        return self


class Residential(Source):
    """Residential land: green is judged on it, and totals may be spread over it."""

    settlement: Settlement | None = None
    quarter: Literal["old", "new", ""] = ""


class Green(Source):
    """Parks (``kind = "park"``) or any public green (``kind = "green"``)."""

    kind: Literal["park", "green"] = "park"


class Service(Source):
    """A service: where it is offered, for whom, and by which rules it is judged."""

    label_zh: str = ""
    label_en: str = ""
    mode: Literal["walk", "drive"] = "walk"
    group: str | None = None
    level: str = ""
    rules: tuple[str, ...] = ()

    def label(self, lang: str) -> str:
        """Return the name shown on pages in ``lang``; the study's key where none is given."""
        return (self.label_zh if lang == "zh" else self.label_en) or self.label_zh or self.label_en


class Closures(_Model):
    """Leave one out: what each facility's closure alone would do."""

    service: str


class NewSites(_Model):
    """The best ``n_new`` among candidates by maximal covering (MCLP)."""

    service: str
    rule: str
    n_new: Annotated[int, Field(ge=1, strict=True)]
    candidates: Source
    time_limit_s: Annotated[float, Field(gt=0)] = 60.0


class Decide(_Model):
    """The questions asked."""

    closures: Closures | None = None
    new_sites: NewSites | None = None


class Network(_Model):
    """How points attach to roads and how far searches go.

    ``min_component_km`` keeps homes off stray islands of the graph; ``cutoff_min`` and
    ``cutoff_km`` are search limits, not standards. What lies farther than ``halo_km`` outside the
    zones is not used, and listed.
    """

    max_access_m: Annotated[float, Field(gt=0)] = 500.0
    min_component_km: Annotated[float, Field(ge=0)] = 2.0
    cutoff_min: Annotated[float, Field(gt=0, le=600)] = 120.0
    cutoff_km: Annotated[float, Field(gt=0, le=500)] = 30.0
    halo_km: Annotated[float, Field(ge=0, le=200)] = 10.0
    speeds: Path | None = None


class Basemap(_Model):
    """A tile service, used only where the study names it; the pages then need a network."""

    url: str
    attribution: str


class Study(_Model):
    """A whole study, frozen. ``path`` is where it was read."""

    title: Annotated[str, Field(min_length=1)]
    title_en: str = ""
    region: str = ""
    region_en: str = ""
    language: Literal["zh", "en"] = "zh"
    made_up: bool = False
    data: str = "data/raw"
    crs: str | None = None
    approval_number: str = ""
    notes: tuple[str, ...] = ()
    zones: tuple[Zones, ...] = ()
    roads: Source
    people: People
    residential: Residential | None = None
    green: tuple[Green, ...] = ()
    park_entrances: Source | None = None
    water: tuple[Source, ...] = ()
    barriers: tuple[Source, ...] = ()
    services: Annotated[dict[Identifier, Service], Field(min_length=1)]
    decide: Decide = Decide()
    network: Network = Network()
    rules: dict[str, dict[str, Any]] = {}
    basemap: Basemap | None = None
    path: Path

    @property
    def name(self) -> str:
        """The study's short name: its folder's; its file's where that is not study.toml."""
        if self.path.name != "study.toml":
            return self.path.stem
        return self.path.parent.name or "study"

    def sources(self) -> dict[str, Source]:
        """Return every layer named, by its place in the study file."""
        return dict(_sources("", self))

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        told: list[str] = []
        zonings = [z.zoning for z in self.zones]
        told += [f'zones: zoning "{z}" stands twice' for z in set(zonings) if zonings.count(z) > 1]
        people = self.people
        if people.spread == "residential" and self.residential is None:
            told.append('people.spread = "residential" needs [residential]')
        if self.green and self.residential is None:
            told.append("green is a share of residential land: [green] needs [residential]")
        if people.totals is not None and people.totals.zoning not in zonings:
            told.append(f'people.totals.zoning = "{people.totals.zoning}" is not among {zonings}')
        for name, group in people.groups.items():
            if group.column and people.points is None and people.totals is None:
                told.append(f"people.groups.{name}: a column can only come from points or totals")
            if name in OWN_COLUMNS:
                told.append(
                    f'people.groups.{name}: "{name}" is the name of a column of ours; '
                    "call the group something else"
                )
        if self.decide.new_sites is None and not any(s.rules for s in self.services.values()):
            told.append("no service names a rule to be judged by: set rules = [...] of a service")
        for name, service in self.services.items():
            twice = sorted({r for r in service.rules if service.rules.count(r) > 1})
            told += [f'services.{name}.rules: "{rule_id}" stands twice' for rule_id in twice]
            if service.group is not None and service.group not in people.groups:
                known = list(people.groups)
                told.append(f'services.{name}.group = "{service.group}" is not among {known}')
        for key in ("closures", "new_sites"):
            question = getattr(self.decide, key)
            if question is not None and question.service not in self.services:
                known = list(self.services)
                told.append(f'decide.{key}.service = "{question.service}" is not among {known}')
        if told:
            raise ValueError("\n".join(told))
        return self


def read_study(path: str | Path) -> Study:
    """Read and validate a study file.

    Parameters
    ----------
    path
        ``study.toml``, or the folder that holds it.

    Raises
    ------
    StudyError
        All that is wrong at once: syntax, unknown keys (with the nearest known one), values,
        files that are not there, rules that do not exist.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "study.toml"
    path = path.resolve()
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise StudyError(
            f"study: there is no file {path}. Name a study.toml or its folder."
        ) from None
    except OSError as error:
        raise StudyError(f"study: {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise StudyError(f"study: {path} is not UTF-8. Save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StudyError(f"study: {path} is not TOML: {error}. Mend that line.") from None
    for several in ("zones", "green", "water", "barriers"):
        if isinstance(content.get(several), dict):
            content[several] = [content[several]]
    if "path" in content:
        raise StudyError('study: unknown key "path". Remove it.')
    try:
        study = Study.model_validate({**content, "path": path})
    except ValidationError as error:
        raise StudyError("\n".join(_said(e) for e in error.errors())) from None
    return _resolved(study)


def _resolved(study: Study) -> Study:
    """Make every path absolute, and check that files and rules exist."""
    told: list[str] = []
    base = _expanded(study.data, "data", told)
    folder = (study.path.parent / base) if base is not None else study.path.parent

    def absolute(file: Path, where: str) -> Path:
        name = _expanded(str(file), where, told)
        if name is None or base is None:
            return file
        found = Path(os.path.normpath(folder / name))
        if not found.exists():
            told.append(
                f"{where}: there is no file {found}. Correct the name, or `data` "
                f'(now "{study.data}"), the folder that files are looked for in.'
            )
        elif not found.is_file() and found.suffix.lower() != ".gdb":
            told.append(f"{where}: {found} is not a file. Name the file, not its folder.")
        elif not os.access(found, os.R_OK):
            told.append(f"{where}: {found} may not be read. Give yourself the right to read it.")
        return found

    def walk(where: str, part: Any) -> Any:
        if isinstance(part, Source):
            return part.model_copy(
                update={"file": absolute(part.file, f"{where}.file")}
                | {k: walk(f"{where}.{k}", v) for k, v in _fields(part)}
            )
        if isinstance(part, _Model):
            return part.model_copy(
                update={k: walk(f"{where}.{k}".lstrip("."), v) for k, v in _fields(part)}
            )
        if isinstance(part, dict):
            return {k: walk(f"{where}.{k}", v) for k, v in part.items()}
        if isinstance(part, tuple):
            return tuple(walk(f"{where}[{i + 1}]", v) for i, v in enumerate(part))
        return part

    study = typing.cast("Study", walk("", study))
    if study.network.speeds is not None:
        speeds = absolute(study.network.speeds, "network.speeds")
        study = study.model_copy(
            update={"network": study.network.model_copy(update={"speeds": speeds})}
        )
    try:
        known = rules.load(study.rules)
    except StudyError as error:
        told.append(str(error))
    else:
        asked = [(f"services.{n}.rules", r) for n, s in study.services.items() for r in s.rules]
        if study.decide.new_sites is not None:
            asked.append(("decide.new_sites.rule", study.decide.new_sites.rule))
        new = study.decide.new_sites
        if new is not None and new.rule in known and known[new.rule].measure == "straight_m":
            told.append(
                f'decide.new_sites.rule: "{new.rule}" is a radius; new sites are found on the road '
                "network. Name a rule in network_m or time_min."
            )
        for where, rule_id in asked:
            if rule_id not in known:
                told.append(
                    f'{where}: there is no rule "{rule_id}".{_near(rule_id, known)}'
                    " Run `siting rules` for the list."
                )
            elif known[rule_id].measure not in ("network_m", "straight_m", "time_min"):
                told.append(
                    f'{where}: "{rule_id}" is not a distance or a time; it cannot judge '
                    "coverage. Name a rule in network_m, straight_m or time_min."
                )
    if told:
        raise StudyError("\n".join(told))
    return study


def _fields(part: _Model) -> list[tuple[str, Any]]:
    """Return the fields of ``part`` that may hold models."""
    return [
        (k, getattr(part, k))
        for k in type(part).model_fields
        if isinstance(getattr(part, k), (_Model, dict, tuple)) and k not in ("rules", "columns")
    ]


def _sources(where: str, part: Any) -> list[tuple[str, Source]]:
    found: list[tuple[str, Source]] = [(where, part)] if isinstance(part, Source) else []
    if isinstance(part, _Model):
        for key, value in _fields(part):
            found += _sources(f"{where}.{key}".lstrip("."), value)
    elif isinstance(part, dict):
        for key, value in part.items():
            found += _sources(f"{where}.{key}", value)
    elif isinstance(part, tuple):
        for i, value in enumerate(part):
            found += _sources(f"{where}[{i + 1}]" if len(part) > 1 else where, value)
    return found


def _expanded(name: str, where: str, told: list[str]) -> str | None:
    """Replace ``$VARIABLES``; one that is not set is a breach, not an empty string."""
    expanded = os.path.expandvars(name)
    missing = re.findall(r"\$\{?(\w+)\}?", expanded)
    if missing:
        told.append(f"{where}: the environment variable {missing[0]} is not set. Set it.")
        return None
    if "\0" in expanded:
        told.append(f"{where}: the name holds a NUL character. Remove it.")
        return None
    return expanded


def _said(error: Any) -> str:
    """Say a pydantic error in the study's own words."""
    parts = [f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in error["loc"]]
    where = "".join(parts).lstrip(".") or "study"
    if error["type"] == "extra_forbidden":
        known = _keys_at(error["loc"][:-1])
        return f'study: unknown key "{where}".{_near(str(error["loc"][-1]), known)} Remove it.'
    if error["type"] == "string_pattern_mismatch" and parts[-1] == ".[key]":
        name, place = error["loc"][-2], "".join(parts[:-2]).lstrip(".")
        return (
            f'study: {place}: "{name}" cannot be a name here. Use up to 40 letters a–z, digits and '
            "_, a letter first; what pages show goes into label_zh and label_en."
        )
    if error["type"] == "missing":
        if where == "path":
            where = "study"
        return f'study: "{where}" is missing. Add it; `siting init` writes an example.'
    message = error["msg"].removeprefix("Value error, ").rstrip(".")
    if error["type"] == "value_error":
        prefix = "" if where == "study" else f"{where}: "
        return "\n".join(f"study: {prefix}{line}." for line in message.split("\n"))
    given = "" if error["type"].startswith("model") else f" (given: {str(error['input'])[:80]!r})"
    return f"study: {where}: {message}{given}. Correct it."


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the model at ``loc`` knows."""
    model: Any = Study
    for step in loc:
        if isinstance(step, int):
            continue
        if isinstance(model, type) and issubclass(model, BaseModel):
            if step not in model.model_fields:
                return []
            model = _inner(model.model_fields[step].annotation)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, _Model) else []


def _inner(annotation: Any) -> Any:
    """Return the model inside ``tuple[M, ...]``, ``dict[str, M]`` or ``M | None``."""
    if not typing.get_args(annotation):
        return annotation
    found = [_inner(a) for a in typing.get_args(annotation)]
    models = [f for f in found if isinstance(f, type) and issubclass(f, BaseModel)]
    return models[-1] if models else None


def _near(word: str, known: typing.Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""


def write_example(folder: str | Path) -> Path:
    """Write a commented study file and the folders it names; return the file's path.

    Raises
    ------
    StudyError
        The folder already holds a study, or cannot be written.
    """
    folder = Path(folder)
    file = folder / "study.toml"
    if file.exists():
        raise StudyError(f"init: {file} is there already. Name another folder, or edit that file.")
    try:
        for name in ("data/raw", "data/processed", "maps"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        file.write_text(
            (resources.files("siting") / "study_example.toml").read_text("utf-8"), "utf-8"
        )
    except OSError as error:
        raise StudyError(f"init: {folder} cannot be written: {error.strerror}.") from None
    return file
