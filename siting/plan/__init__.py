"""What is open, for whom: the Plan and its algebra.

Today is a Plan, a closure is a Plan, and location models return one; every Plan goes through the
same :func:`siting.evaluate.evaluate`. A Plan holds decisions only, never results: sites to open and
their seats, and streets to build, close or make slower.
"""

from __future__ import annotations

from siting.plan.algebra import check, close, give_seats, open_more, today
from siting.plan.file import from_json, to_json
from siting.plan.model import Period, Plan
from siting.plan.streets import AddStreet, CloseStreet, RetimeStreet

__all__ = [
    "AddStreet",
    "CloseStreet",
    "Period",
    "Plan",
    "RetimeStreet",
    "check",
    "close",
    "from_json",
    "give_seats",
    "open_more",
    "to_json",
    "today",
]
