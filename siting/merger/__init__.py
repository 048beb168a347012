"""Mergers of schools: closing each alone, options, and what they do to the children.

Equal, school by school, to evaluating the Plan without it (tests say so). See
``docs/method-schools.md``.
"""

from __future__ import annotations

from siting.merger.closing import RANKED_BY, RANKING, LeaveOneOut, leave_one_out

__all__ = ["RANKED_BY", "RANKING", "LeaveOneOut", "leave_one_out"]
