"""The programme as a mixed-integer model: columns for decisions, named groups of rows for rules."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from siting.sequence import rules
from siting.sequence.rules import Column, Row
from siting.sequence.tables import CHOICES, Question


@dataclass(frozen=True, eq=False)
class Model:
    """A question as columns and rows; ``gains`` is what each column adds to keeping everything.

    ``keep_all`` is the objective when nothing moves, closes or is built.
    """

    columns: tuple[Column, ...]
    gains: tuple[Fraction, ...]
    keep_all: Fraction
    rows: tuple[Row, ...]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that may be at odds with each other, in order."""
        return tuple(dict.fromkeys(row.rule for row in self.rows if row.rule))

    def matrix(self, without: frozenset[str] = frozenset()) -> tuple[sparse.csr_array, Any]:
        """Return the rows as a sparse matrix and their right sides, some rules left out."""
        kept = [row for row in self.rows if row.rule not in without]
        at = np.repeat(np.arange(len(kept)), [len(row.terms) for row in kept])
        column = np.fromiter((c for row in kept for c in row.terms), np.int64)
        value = np.fromiter((v for row in kept for v in row.terms.values()), np.float64)
        body = sparse.csr_array((value, (at, column)), shape=(len(kept), len(self.columns)))
        return body, np.array([row.high for row in kept], dtype=float)

    def objective(self, values: NDArray[np.int64]) -> Fraction:
        """Return the objective of a choice of columns, exactly."""
        return self.keep_all + sum(
            (self.gains[c] for c in np.flatnonzero(values).tolist()), Fraction(0)
        )

    def broken(self, values: NDArray[np.int64]) -> tuple[str, ...]:
        """Return the rules a choice of columns breaks; empty where it keeps all."""
        chosen = set(np.flatnonzero(values).tolist())
        return tuple(
            dict.fromkeys(
                row.rule or "structure"
                for row in self.rows
                if sum(v for c, v in row.terms.items() if c in chosen) > row.high
            )
        )


def build(asked: Question) -> Model:
    r"""Return the model of a question.

    A unit moves once, or never: :math:`z_{ukt} = 1` when unit u goes to choice k (a site and a way)
    from year t on. A site is closed from a year on (:math:`c_{jt}`), once nobody of its own is
    left and if nobody came; a candidate opens (:math:`b_{jt}`) and an expansion is used
    (:math:`x_{mt}`) ``lead_years`` after it is paid. A column's gain is the sum over all years from
    t on of what it changes against keeping everything, so 0 is *keep all*, and a relative gap of
    the solver is a share of what can be gained:

    .. math:: \\min K + \\sum g z + \\sum g c + \\sum g b + \\sum g x

    A site that has more persons of its own than seats may keep them, but then nobody may come: with
    the excess :math:`e_{jt}` and :math:`r_{jt} \\ge z` for those who come, persons at j are
    :math:`\\le \\max(\\text{seats}, \\text{own}) - e r`.
    """
    years = list(asked.years)
    home = dict(zip(asked.units["unit_id"], asked.units["site_id"], strict=True))
    value, persons = _values(asked)
    own = {u: by_year for (u, site, _), by_year in value.items() if site == home[u]}
    sites = asked.sites.sort_values("site_id")
    columns: dict[Column, Fraction] = {}
    for (unit, site, way), by_year in sorted(value.items()):
        if site == home[unit]:
            continue
        for t in years:
            later = [y for y in years if y >= t]
            if all(y in by_year for y in later):
                columns[Column("move", unit, t, site, way)] = sum(
                    (by_year[y] - own[unit][y] for y in later), Fraction(0)
                )
    for site, status, running, cost in sites[
        ["site_id", "status", "running_cost", "build_cost"]
    ].itertuples(index=False):
        for t in years:
            left = sum(1 for y in years if y >= t) * Fraction(int(running))
            if status == "existing":
                columns[Column("close", site, t)] = -left
            elif t - asked.lead_years >= years[0]:
                columns[Column("build", site, t)] = left + int(cost)
    for site, name, cost in asked.expansions.sort_values(["site_id", "expansion_id"])[
        ["site_id", "expansion_id", "cost"]
    ].itertuples(index=False):
        for t in years:
            if t - asked.lead_years >= years[0]:
                columns[Column("expand", site, t, name)] = Fraction(int(cost))
    for site, t, excess in rules.excesses(asked, home, persons):
        if excess > 0:
            columns[Column("receives", site, t)] = Fraction(0)
    kept = sum((sum(by_year.values(), Fraction(0)) for by_year in own.values()), Fraction(0))
    today = sites.loc[sites["status"] == "existing", "running_cost"]
    return Model(
        columns=tuple(columns),
        gains=tuple(columns.values()),
        keep_all=kept + int(today.sum()) * len(years),
        rows=tuple(rules.rows(asked, tuple(columns), home, persons)),
    )


def _values(
    asked: Question,
) -> tuple[dict[tuple[str, str, str], dict[int, Fraction]], dict[str, dict[int, int]]]:
    """Return what each choice costs by year in the stated mix, and the persons of each unit."""
    worth = Fraction(str(asked.person_min_cost))
    value: dict[tuple[str, str, str], dict[int, Fraction]] = {}
    persons: dict[str, dict[int, int]] = {}
    rows = asked.choices[asked.choices["year"].isin(list(asked.years))]
    for unit, site, way, year, people, minutes, cost in rows[list(CHOICES)].itertuples(index=False):
        spent = worth * Fraction(str(minutes)) + int(cost)
        value.setdefault((unit, site, way), {})[int(year)] = spent
        persons.setdefault(unit, {})[int(year)] = int(people)
    return value, persons
