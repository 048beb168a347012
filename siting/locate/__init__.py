"""Where new sites should be: location models that return Plans, with proof of how good they are.

So far the maximal covering location problem; its solver is HiGHS (branch and cut). Every result
carries ``status``, ``bound`` and ``gap``.
"""

from __future__ import annotations

from siting.locate.covering import Solution, mclp

__all__ = ["Solution", "mclp"]
