"""Mergers of schools: closing each alone, options, and what they do to the children.

Equal, school by school, to evaluating the Plan without it (tests say so). See
``docs/method-schools.md``.
"""

from __future__ import annotations

from siting.merger.attending import ATTENDING, attending, daily
from siting.merger.closing import RANKED_BY, RANKING, LeaveOneOut, leave_one_out
from siting.merger.costs import Costs
from siting.merger.dossier import Dossier, dossier
from siting.merger.fairness import FAIRNESS, Fairness, fairness
from siting.merger.journeys import NEAREST, WAYS
from siting.merger.judging import REFUSALS, REFUSED_HOMES
from siting.merger.limits import LIMITS, limits
from siting.merger.linkage import LINKAGE, demand_after, linkage
from siting.merger.movers import MOVERS, movers
from siting.merger.options import OPTIONS, Options, lasting, options
from siting.merger.outcome import STEPS, Outcome, closings, outcome
from siting.merger.pupils import PUPILS, RECONCILED, Pupils, pupils
from siting.merger.question import place_of, question, running_costs
from siting.merger.receivers import receivers
from siting.merger.setting import Setting
from siting.merger.units import UNITS, units
from siting.merger.worded import Worded, worded

__all__ = [
    "ATTENDING",
    "FAIRNESS",
    "LIMITS",
    "LINKAGE",
    "MOVERS",
    "NEAREST",
    "OPTIONS",
    "PUPILS",
    "RANKED_BY",
    "RANKING",
    "RECONCILED",
    "REFUSALS",
    "REFUSED_HOMES",
    "STEPS",
    "UNITS",
    "WAYS",
    "Costs",
    "Dossier",
    "Fairness",
    "LeaveOneOut",
    "Options",
    "Outcome",
    "Pupils",
    "Setting",
    "Worded",
    "attending",
    "closings",
    "daily",
    "demand_after",
    "dossier",
    "fairness",
    "lasting",
    "leave_one_out",
    "limits",
    "linkage",
    "movers",
    "options",
    "outcome",
    "place_of",
    "pupils",
    "question",
    "receivers",
    "running_costs",
    "units",
    "worded",
]
