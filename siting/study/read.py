"""A study file read: syntax, unknown keys, values, files and rules, all breaches at once."""

from __future__ import annotations

import os
import re
import tomllib
import typing
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from siting import rules
from siting.errors import StudyError
from siting.rules import Rule
from siting.study.model import Study, fields
from siting.study.source import Model, Source, near


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
    people = content.get("people")
    for several in ("land_use", "parts"):
        if isinstance(people, dict) and isinstance(people.get(several), dict):
            people[several] = [people[several]]
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
                | {k: walk(f"{where}.{k}", v) for k, v in fields(part)}
            )
        if isinstance(part, Model):
            return part.model_copy(
                update={k: walk(f"{where}.{k}".lstrip("."), v) for k, v in fields(part)}
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
        asked += [(f"baskets.{b.basket.id}.rule", b.basket.rule) for b in study.filled_baskets()]
        if study.decide.new_sites is not None:
            asked.append(("decide.new_sites.rule", study.decide.new_sites.rule))
        new = study.decide.new_sites
        if new is not None and new.rule in known and known[new.rule].measure == "straight_m":
            told.append(
                f'decide.new_sites.rule: "{new.rule}" is a radius; new sites are found on the road '
                "network. Name a rule in network_m or time_min."
            )
        told += _pace_of_baskets(study, known)
        targets = {f"services.{n}.target": s.target for n, s in study.services.items() if s.target}
        told += [
            f'{where}: "{rule_id}" is no share to be reached. Name a rule in share'
            + ("." if rule_id in known else f": there is no such rule.{near(rule_id, known)}")
            for where, rule_id in targets.items()
            if rule_id not in known or known[rule_id].measure != "share"
        ]
        for where, rule_id in asked:
            if rule_id not in known:
                told.append(
                    f'{where}: there is no rule "{rule_id}".{near(rule_id, known)}'
                    " Run `siting rules` for the list."
                )
            elif known[rule_id].measure not in ("network_m", "straight_m", "time_min"):
                told.append(
                    f'{where}: "{rule_id}" is not a distance or a time; it cannot judge '
                    "coverage. Name a rule in network_m, straight_m or time_min."
                )
        told += [
            f'people.scenarios.{name}: town_share = "{step.town_share}" is not a rule that is a '
            f"share.{near(step.town_share, known)}"
            for name, scenario in study.people.scenarios.items()
            for step in scenario.years
            if step.town_share not in known or known[step.town_share].measure != "share"
        ]
        for name, service in study.services.items():
            norm = known.get(service.provision or "")
            if service.provision is not None and (norm is None or norm.unit not in rules.PER_1000):
                meant = near(service.provision, known) if norm is None else ""
                told.append(
                    f'services.{name}.provision: "{service.provision}" is no norm per thousand '
                    f"residents.{meant} Name a rule in {', '.join(rules.PER_1000)}; `siting rules` "
                    "lists them."
                )
            zonings = [zones.zoning for zones in study.zones]
            told += [
                f'rules."{service.provision}".zonings: "{zoning}" is not among {zonings}'
                for zoning in (norm.zonings if norm is not None else ())
                if zoning not in zonings
            ]
    if told:
        raise StudyError("\n".join(told))
    return study


def _pace_of_baskets(study: Study, known: Mapping[str, Rule]) -> list[str]:
    """Say which rules of baskets need a pace, or times that are not a lower bound."""
    told = []
    for made in study.filled_baskets():
        basket, rule = made.basket, known.get(made.basket.rule)
        if rule is None:
            continue
        if rule.measure == "time_min" and basket.mode == "walk" and not basket.walkers:
            told.append(
                f'baskets.{basket.id}.rule: "{rule.id}" is in minutes, and nobody says at whose '
                'pace. Name a rule in metres, or set walkers = "elderly" or "children".'
            )
        direct = sorted(
            name
            for name in made.names
            if (bus := study.services[name].bus) is not None and bus.how == "direct"
        )
        if direct and rule.strength == "hard":
            told.append(
                f'baskets.{basket.id}.rule: the rule "{rule.id}" is hard, and direct driving time '
                f"of services.{direct[0]} is a lower bound that cannot show it is kept. Set "
                'bus.how = "detour".'
            )
    return told


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
        return f'study: unknown key "{where}".{near(str(error["loc"][-1]), known)} Remove it.'
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
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, Model) else []


def _inner(annotation: Any) -> Any:
    """Return the model inside ``tuple[M, ...]``, ``dict[str, M]`` or ``M | None``."""
    if not typing.get_args(annotation):
        return annotation
    found = [_inner(a) for a in typing.get_args(annotation)]
    models = [f for f in found if isinstance(f, type) and issubclass(f, BaseModel)]
    return models[-1] if models else None


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
            (resources.files("siting.study") / "example.toml").read_text("utf-8"), "utf-8"
        )
    except OSError as error:
        raise StudyError(f"init: {folder} cannot be written: {error.strerror}.") from None
    return file
