"""The norms as data: every number that judges, with its source and how sure we are of it.

Rules live in the ``*.toml`` files beside this module, one table per rule id. A study may override a
rule by id with a reason; the override travels with the rule onto every page that prints it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from siting.errors import StudyError

Settlement = Literal["urban", "township_seat", "village"]
Measure = Literal[
    "network_m",
    "straight_m",
    "time_min",
    "share",
    "area_m2",
    "speed_kph",
    "factor",
    "count",
    "text",
]
Status = Literal["confirmed", "secondary", "unconfirmed", "draft", "assumed"]

UNIT_OF = {
    "network_m": "m",
    "straight_m": "m",
    "time_min": "min",
    "share": "share",
    "speed_kph": "kph",
    "factor": "factor",
}
"""The one unit of what is measured in one; a number in another would be read as if in this."""

RANGE_OF = {"share": (0.0, 1.0), "speed_kph": (0.1, 300.0), "factor": (0.1, 10.0)}
"""Numbers beyond these are slips of the pen: 5 for 5 %, metres a minute for km/h."""

MOST = 1e9
PER_1000 = ("seats_per_1000", "beds_per_1000", "m2_per_1000")
"""Units of norms per thousand residents, which are counts."""


class Rule(BaseModel):
    """One norm: a number (or a range), what it judges, and where it was read.

    Attributes
    ----------
    id
        Stable identifier; pages print it beside every verdict.
    text_zh, text_en
        The norm in a sentence.
    value, low, high
        One number, or both ends of a range, in ``unit``; a ``text`` rule has none.
    unit
        Unit of the numbers.
    measure
        What is measured: network or straight-line metres, minutes, a share, an area…
    judges
        Settlement classes it judges; others are reported and never passed or failed by it.
    zonings
        Of a norm per thousand residents: the zonings whose zones it judges, as the study names
        them; all by default.
    of
        The denominator: people, residential land or pupils.
    strictly
        Of a target: more than the number, where the text says so, not merely as much.
    strength
        ``hard`` blocks, ``soft`` is a finding, ``to_know`` is printed.
    source, clause, status
        Document, clause, and whether its text was read.
    reason
        Why a study overrides it; ``None`` for the rule as shipped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    text_zh: str
    text_en: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str
    measure: Measure
    judges: tuple[Settlement, ...] = ("urban", "township_seat", "village")
    zonings: tuple[str, ...] = ()
    of: Literal["people", "land", "pupils"] = "people"
    strictly: bool = False
    strength: Literal["hard", "soft", "to_know"] = "soft"
    source: str
    clause: str = ""
    status: Status
    reason: str | None = None

    @model_validator(mode="after")
    def _one_number_or_a_range(self) -> Rule:
        ranged = self.low is not None and self.high is not None
        if self.zonings and self.unit not in PER_1000:
            raise ValueError(
                f"rule {self.id} is in {self.unit} and judges zones of every zoning; zonings are "
                f"for {', '.join(PER_1000)}, remove them"
            )
        if self.measure == "text":
            if self.value is not None or self.low is not None or self.high is not None:
                raise ValueError(f"rule {self.id} is a text and has no number")
            return self
        if self.value is None and not ranged:
            raise ValueError(f"rule {self.id} needs a value, or both low and high")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"rule {self.id}: low {self.low} is above high {self.high}")
        numbers = [n for n in (self.value, self.low, self.high) if n is not None]
        if any(not n >= 0 for n in numbers):
            raise ValueError(f"rule {self.id} has a negative or undefined number")
        unit = UNIT_OF.get(self.measure, self.unit)
        if self.unit != unit:
            raise ValueError(
                f"rule {self.id} measures {self.measure} and is in {self.unit!r}; write it in "
                f'{unit} and set unit = "{unit}"'
            )
        least, most = RANGE_OF.get(self.measure, (0.0, MOST))
        if any(not least <= n <= most for n in numbers):
            raise ValueError(f"rule {self.id} must lie within {least:g}–{most:g} {self.unit}")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends of the range; twice the value where there is none."""
        low = self.low if self.low is not None else self.strict
        high = self.high if self.high is not None else self.loose
        return low, high

    @property
    def strict(self) -> float:
        """The number to judge by: the value, else the low end of the range."""
        return self._number(self.value, self.low)

    @property
    def loose(self) -> float:
        """The most generous reading: the high end of the range, else the value."""
        return self._number(self.high, self.value)

    def _number(self, first: float | None, second: float | None) -> float:
        number = first if first is not None else second
        if number is None:
            raise StudyError(f"rule {self.id} is a text, it has no number to judge by")
        return number


def load(overrides: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Rule]:
    """Return all rules by id, with a study's overrides applied.

    Parameters
    ----------
    overrides
        ``{rule id: {field: new value, "reason": why}}``. An id that is not shipped defines a new
        rule and then needs every field, a reason included.

    Raises
    ------
    StudyError
        An override without a reason, with an unknown field or an impossible number; all at once.

    Examples
    --------
    >>> load()["primary.radius"].value
    500.0
    """
    shipped: dict[str, dict[str, Any]] = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            for rule_id, fields in tomllib.loads(file.read_text("utf-8")).items():
                _flatten(rule_id, fields, shipped)
    problems: list[str] = []
    merged = {rule_id: dict(fields) for rule_id, fields in shipped.items()}
    for rule_id, change in _undotted(overrides or {}).items():
        if not str(change.get("reason", "")).strip():
            problems.append(
                f'rules."{rule_id}": an override needs a reason. Add reason = "why and by whom".'
            )
        merged.setdefault(rule_id, {})
        if "value" in change:  # a single number replaces a shipped range, and the other way round
            merged[rule_id] = {k: v for k, v in merged[rule_id].items() if k not in ("low", "high")}
        elif "low" in change and "high" in change:
            merged[rule_id].pop("value", None)
        merged[rule_id] |= dict(change)
    rules: dict[str, Rule] = {}
    for rule_id, fields in merged.items():
        try:
            rules[rule_id] = Rule.model_validate({"id": rule_id, **fields})
        except ValidationError as error:
            problems += [
                f'rules."{rule_id}".{".".join(map(str, e["loc"])) or "*"}: {e["msg"]}.'
                for e in error.errors()
            ]
    if problems:
        problems.append("Run `siting rules` to see the rules and their fields.")
        raise StudyError("\n".join(problems))
    return rules


def _undotted(overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return overrides by rule id, whether ``[rules."a.b"]`` or ``[rules.a.b]`` was written."""
    found: dict[str, Mapping[str, Any]] = {}
    for rule_id, change in overrides.items():
        inner = {k: v for k, v in change.items() if isinstance(v, Mapping)}
        own = {k: v for k, v in change.items() if k not in inner}
        for name, fields in _undotted(inner).items():
            found[f"{rule_id}.{name}"] = fields
        if own or not inner:
            found[rule_id] = own
    return found


def _flatten(prefix: str, fields: Mapping[str, Any], into: dict[str, dict[str, Any]]) -> None:
    """Turn TOML's nested tables ``[primary.radius]`` back into dotted ids."""
    if "unit" in fields:
        into[prefix] = dict(fields)
        return
    for key, value in fields.items():
        _flatten(f"{prefix}.{key}", value, into)
