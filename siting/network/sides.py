"""On which side of a trunk road a walker is, and what it takes to get to the other.

At a junction the roads to be crossed leave in certain directions: the arms of a :class:`Star`.
Between two arms lies a sector; a street lies in one, and a walker along an arm is in the one to
his left or right. From sector to sector one goes round the junction, the way on which fewer arms
are crossed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from siting.network.meet import Star

Hazard = Literal["road", "rail"]
Kind = Literal["level", "signalled", "grade_separated"]
HAZARDS: tuple[Hazard, ...] = ("road", "rail")
KINDS: tuple[Kind, ...] = ("level", "signalled", "grade_separated")
WORTH: dict[Kind, int] = {"level": 1_000_000, "signalled": 1_000, "grade_separated": 1}
"""People cross where there are lights, if their way passes such a place."""


class Event(NamedTuple):
    """One line crossed.

    ``at_m`` along the way; ``normal`` the unit direction in which the line is crossed.
    """

    at_m: float
    hazard: Hazard
    kind: Kind
    normal: tuple[float, float]


class Came(NamedTuple):
    """A street or leg at a junction: its direction (None where it has none) and whose it is."""

    angle: float | None
    is_hazard: bool


@dataclass(frozen=True)
class Junction:
    """What is crossed at a place: arms, and for each its hazard and how it is crossed."""

    star: Star
    hazard: tuple[Hazard, ...]
    kind: tuple[Kind, ...]

    def turn(
        self, came: Came, goes: Came, at_m: float
    ) -> dict[tuple[bool | None, bool | None], tuple[Event, ...]]:
        """Return what is crossed from each side of the way in to each side of the way out.

        A side is left (True) or right (False) of a walker along a hazard, None elsewhere.
        """
        count = len(self.star.angle)
        result = {}
        for one in (True, False) if came.is_hazard else (None,):
            start = self._sectors(came, one, ahead=False)
            for two in (True, False) if goes.is_hazard else (None,):
                stop = self._sectors(goes, two, ahead=True)
                result[one, two] = min(
                    (self._round(s, t, at_m) for s in start for t in stop), key=cost
                ) if count > 1 else ()  # fmt: skip
        return result

    def _sectors(self, way: Came, side: bool | None, *, ahead: bool) -> tuple[int, ...]:
        count = len(self.star.angle)
        if way.angle is None or not count:
            return tuple(range(max(count, 1)))
        k = self.star.along(way.angle) if way.is_hazard else None
        if k is None or side is None:
            return (self.star.sector(way.angle),)
        return (self.star.beside(k, left=side, ahead=ahead),)

    def _round(self, start: int, stop: int, at_m: float) -> tuple[Event, ...]:
        """Return what is crossed from sector to sector, the cheaper way round."""
        count = len(self.star.angle)
        over = [
            [(start + 1 + i) % count for i in range((stop - start) % count)],
            [(start - i) % count for i in range((start - stop) % count)],
        ]
        ways = []
        for arms, turn in zip(over, (1.0, -1.0), strict=True):
            events = tuple(self._event(k, turn, at_m) for k in arms)
            ways.append((cost(events), sorted(self.star.key[k] for k in arms), turn, events))
        return min(ways, key=lambda w: w[:3])[3]

    def _event(self, k: int, turn: float, at_m: float) -> Event:
        angle = self.star.angle[k]
        normal = (-turn * float(np.sin(angle)), turn * float(np.cos(angle)))
        return Event(at_m, self.hazard[k], self.kind[k], normal)


def cost(events: tuple[Event, ...]) -> int:
    """Return what a walker weighs crossings by: those at grade first, then those with lights."""
    return sum(WORTH[event.kind] for event in events)


def merged(
    events: list[Event], *, within_m: float, within_deg: float
) -> dict[tuple[Hazard, Kind], int]:
    """Count crossings, the carriageways of one road as one.

    Lines of one hazard crossed in one direction within ``within_m`` of each other, all at grade or
    none, are one; it has lights only if all have.

    Examples
    --------
    >>> east = (1.0, 0.0)
    >>> two = [Event(10, "road", "signalled", east), Event(30, "road", "level", east)]
    >>> merged(two, within_m=50, within_deg=30)
    {('road', 'level'): 1}
    """
    least = float(np.cos(np.radians(within_deg)))
    counted: dict[tuple[Hazard, Kind], int] = {}
    for hazard in HAZARDS:
        for raised in (True, False):
            chosen = [
                e for e in events
                if e.hazard == hazard and (e.kind == "grade_separated") == raised
            ]  # fmt: skip
            chosen.sort(key=lambda e: e.at_m)
            groups: list[list[Event]] = []
            for event in chosen:
                last = groups[-1][-1] if groups else None
                one_way = last is not None and (
                    last.normal[0] * event.normal[0] + last.normal[1] * event.normal[1] >= least
                )
                if last is not None and one_way and event.at_m - last.at_m <= within_m:
                    groups[-1].append(event)
                else:
                    groups.append([event])
            for group in groups:
                kinds = {e.kind for e in group}
                kind: Kind = "level" if "level" in kinds else group[0].kind
                counted[hazard, kind] = counted.get((hazard, kind), 0) + 1
    return counted
