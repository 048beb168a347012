"""Results on disk: CSV, GeoPackage, XLSX, ``run.json`` and pages, all or none of them.

Everything is written into a folder beside the results under a temporary name and moved when it is
whole. A run stopped at any moment, a power cut included, leaves the previous result whole: what
was half moved is put back by the next run (:func:`restore`).
"""

from __future__ import annotations

from siting.report.cells import FORMULA, flat, harmless, write_csv
from siting.report.figures import coverage_figures, green_figures
from siting.report.files import Written, is_litter, restore, write_outputs
from siting.report.workbook import unit_of, write_xlsx

__all__ = [
    "FORMULA",
    "Written",
    "coverage_figures",
    "flat",
    "green_figures",
    "harmless",
    "is_litter",
    "restore",
    "unit_of",
    "write_csv",
    "write_outputs",
    "write_xlsx",
]
