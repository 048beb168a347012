"""Column contracts of every table, checked with all breaches at once.

A contract is data: for each column its kind, whether it may be absent, blank or repeated, and
which values it may take. :func:`check` builds a pandera schema from it, validates lazily, and
raises one :class:`~siting.errors.DataError` holding a :class:`~siting.errors.Problem` for every
breach of every column. Nothing is coerced here; cleaning is done, and listed, by ``siting.load``.
"""

from __future__ import annotations

from siting.tables.checks import Frame, breaches, check, drops_table, label
from siting.tables.contracts import (
    CLASS_FROM,
    CONDITIONS,
    CONTRACTS,
    FINDINGS,
    LAST_GRADE,
    LINE,
    POINT,
    POLYGON,
    ROAD_DEFECTS,
    SCHOOL_AREAS,
    SCHOOL_COUNTS,
    SCHOOL_LEVELS,
    SETTLEMENTS,
    STAGES,
    Column,
    Contract,
)

__all__ = [
    "CLASS_FROM",
    "CONDITIONS",
    "CONTRACTS",
    "FINDINGS",
    "LAST_GRADE",
    "LINE",
    "POINT",
    "POLYGON",
    "ROAD_DEFECTS",
    "SCHOOL_AREAS",
    "SCHOOL_COUNTS",
    "SCHOOL_LEVELS",
    "SETTLEMENTS",
    "STAGES",
    "Column",
    "Contract",
    "Frame",
    "breaches",
    "check",
    "drops_table",
    "label",
]
