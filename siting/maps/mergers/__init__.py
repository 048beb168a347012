"""The page of mergers over years: programmes side by side, year by year, school by school."""

from __future__ import annotations

from siting.maps.mergers.page import mergers_finding, mergers_page
from siting.maps.mergers.shown import Proof, ShownProgramme, proof_of

__all__ = ["Proof", "ShownProgramme", "mergers_finding", "mergers_page", "proof_of"]
