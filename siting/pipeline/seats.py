"""Seats of services that ask for them: known for every site, or nothing is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from siting import allocation, coverage
from siting.errors import DataError, Problem
from siting.load import Sites
from siting.pipeline.inputs import CANDIDATES, Inputs
from siting.study import Study

if TYPE_CHECKING:
    from siting.pipeline.region import Region


def of_service(study: Study, inputs: Inputs, name: str) -> pd.Series[int] | None:
    """Return the seats of a service by site, candidates included; None where it asks for none.

    Raises
    ------
    DataError
        Sites, or candidates that may be opened for it, without capacity; each layer at once.
    """
    if study.services[name].seats is None:
        return None
    layers = {f"services.{name}": inputs.sites[name]}
    new = study.decide.new_sites
    if new is not None and new.service == name and inputs.candidates is not None:
        layers[CANDIDATES] = inputs.candidates
    problems = []
    known = []
    for layer, places in layers.items():
        seats = _seats(places, name)
        none = sorted(seats.index[seats.isna()])
        if none:
            problems.append(
                Problem(
                    layer,
                    f"{len(none)} of {len(seats)} sites have no capacity",
                    f'services.{name}.seats = "max_served" needs one, for unknown is not '
                    "unlimited. Fill the column and map it (columns.capacity), or remove seats.",
                    tuple(map(str, none)),
                )
            )
        known.append(seats)
    if problems:
        raise DataError(problems)
    stacked = pd.concat(known)
    return stacked[~stacked.index.duplicated()]  # a candidate that exists has its present seats


def provision(study: Study, here: Region) -> pd.DataFrame | None:
    """Return capacity per thousand residents of all services that ask for it, today's sites."""
    inputs = here.inputs
    tables = [
        coverage.provision(
            inputs.demand,
            here.member,
            inputs.sites[name].sites,
            inputs.zones,
            _seats(inputs.sites[name], name),
            service=name,
            rule=inputs.rules[asked.provision],
        )
        for name, asked in sorted(study.services.items())
        if asked.provision is not None
    ]
    return pd.concat(tables, ignore_index=True) if tables else None


def _seats(places: Sites, name: str) -> pd.Series[int]:
    return allocation.seats_of(places.offers, name).reindex(places.sites["site_id"]).astype("Int64")
