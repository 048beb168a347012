"""``study.toml`` → a frozen :class:`Study`: which files, which rules, which questions.

The study file is the only place a user configures siting. Unknown keys are errors, every breach is
told at once, and nothing is guessed: what a default fills in is written into ``run.json``.
"""

from __future__ import annotations

from siting.study.baskets import Filled, parks_called
from siting.study.model import Bus, Study, Zones
from siting.study.people import Part, People, PeopleRaster, Scenario, Totals
from siting.study.read import read_study, write_example
from siting.study.schools import Ages, Enrolment, LaterChildren, Schools
from siting.study.source import Source

__all__ = [
    "Ages",
    "Bus",
    "Enrolment",
    "Filled",
    "LaterChildren",
    "Part",
    "People",
    "PeopleRaster",
    "Scenario",
    "Schools",
    "Source",
    "Study",
    "Totals",
    "Zones",
    "parks_called",
    "read_study",
    "write_example",
]
