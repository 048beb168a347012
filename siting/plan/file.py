"""``plan.json``: the same Plan always gives the same text."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from pydantic import ValidationError

from siting.errors import StudyError, first_ids
from siting.plan.algebra import check
from siting.plan.model import VERSION, Plan


def to_json(plan: Plan) -> str:
    """Return the text of ``plan.json``: the same Plan always gives the same text.

    Examples
    --------
    >>> from siting.plan import Period
    >>> plan = Plan(name="today", periods=(Period(open={"clinic": ("b", "a")}),))
    >>> from_json(to_json(plan)) == plan
    True
    """
    told = plan.model_dump(mode="json")
    told["network_edits"] = [json.loads(edit) for edit in plan.sorted_edits()]
    if not plan.network_edits:  # as such plans were written before there were any
        del told["network_edits"]
    for period in told["periods"]:
        if not period["seats"]:
            del period["seats"]
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def from_json(text: str, *, offers: pd.DataFrame | None = None) -> Plan:
    """Read the text of a ``plan.json``.

    Parameters
    ----------
    text
        Contents of the file.
    offers
        Columns ``site_id``, ``service``; when given, every open site must offer its service.

    Raises
    ------
    StudyError
        Not JSON, an unknown version, unknown fields, or sites and services the study lacks.
    """
    try:
        raw: Any = json.loads(text, object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as error:
        raise StudyError(
            f"plan.json is not JSON (line {error.lineno}: {error.msg}). Save the plan again."
        ) from error
    except RecursionError:
        raise StudyError(
            "plan.json is nested too deep to be a plan. Save the plan again."
        ) from None
    if not isinstance(raw, dict) or raw.get("version") != VERSION or raw["version"] is True:
        found = raw.get("version") if isinstance(raw, dict) else None
        raise StudyError(
            f"plan.json has version {found!r}; this siting reads version {VERSION}. "
            "Save the plan again with this version of siting."
        )
    try:
        plan = Plan.model_validate(raw)
    except ValidationError as error:
        lines = [f"plan.json {'.'.join(map(str, e['loc']))}: {e['msg']}." for e in error.errors()]
        raise StudyError("\n".join([*lines, "Mend the plan or save it again."])) from error
    if offers is not None:
        check(plan, offers)
    return plan


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what JSON allows and nobody means: of two equal keys the last would count."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = sorted({key for key in names if names.count(key) > 1})
        raise StudyError(f"plan.json names {first_ids(twice)} twice in one place. Leave one.")
    return found
