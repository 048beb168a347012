"""What OSM tags say about a way: who may use it, in which direction, how fast.

Access is read from the most specific key that is present: ``foot`` then ``access`` for walking,
``motorcar``, ``motor_vehicle``, ``vehicle``, ``access`` for driving, ``bicycle``, ``vehicle``,
``access`` for bicycles. An electric bicycle goes where a bicycle goes (in China both are non-motor
vehicles) unless ``electric_bicycle`` says otherwise. Conditional tags, turn restrictions and
opening hours are not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from siting.network.speeds import RIDDEN, Mode, RoadClass, Speeds

KEYS: dict[Mode, tuple[str, ...]] = {
    "walk": ("foot", "access"),
    "cycle": ("bicycle", "vehicle", "access"),
    "ebike": ("electric_bicycle", "bicycle", "vehicle", "access"),
    "drive": ("motorcar", "motor_vehicle", "vehicle", "access"),
}
CLOSED = frozenset(
    (
        "no", "private", "agricultural", "forestry", "delivery", "military", "emergency",
        "employees", "staff", "permit", "use_sidepath",
    )
)  # fmt: skip
"""Access values that keep the public out. Destination, customers, residents and permissive do not:
whoever lives or has business there may pass."""

INVITED = frozenset(("yes", "designated", "permissive", "official", "destination"))
"""Values that open a class which is closed by default: a footway along a motorway."""

FORWARD = frozenset(("yes", "true", "1"))
BACKWARD = frozenset(("-1", "reverse"))
CAR_BLOCKS = frozenset(
    (
        "bollard", "block", "chain", "cycle_barrier", "full-height_turnstile", "jersey_barrier",
        "kissing_gate", "log", "motorcycle_barrier", "stile", "turnstile", "debris",
        "horse_stile", "planter",
    )
)  # fmt: skip
"""``barrier`` nodes that stop a car unless an access tag says otherwise."""
BICYCLE_BLOCKS = frozenset(
    (
        "debris", "full-height_turnstile", "horse_stile", "kissing_gate", "log", "stile",
        "turnstile",
    )
)  # fmt: skip
"""``barrier`` nodes that no bicycle is led past unless an access tag says otherwise."""
CONTRAFLOW = frozenset(("opposite", "opposite_lane", "opposite_track", "opposite_share_busway"))
CYCLEWAYS = ("cycleway", "cycleway:left", "cycleway:right", "cycleway:both")

_LIMIT = re.compile(r"(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?")
KM_PER_MILE = 1.609344


@dataclass(frozen=True)
class WayUse:
    """How one mode may use a way.

    Attributes
    ----------
    forward_kph, backward_kph
        Speed in drawing order and against it; 0 where not allowed.
    stop
        A point may attach.
    bridge, tunnel
        As tagged; a passage through a building is no tunnel.
    highway
        The class.
    closed
        Why the way is not used, empty where it is.
    note
        What was read otherwise than it may have been meant, empty in general.
    unknown
        Surfaces that the speeds file has no factor for, such as ``surface=lava``.
    """

    forward_kph: float
    backward_kph: float
    stop: bool
    bridge: bool
    tunnel: bool
    highway: str
    closed: str = ""
    note: str = ""
    unknown: tuple[str, ...] = ()


def limit_kph(text: str, speeds: Speeds) -> float | None:
    """Return a speed limit in km/h, None where the tag gives no number.

    Of several values (``"60;40"``) the least counts. Words are those of the speeds file.

    Examples
    --------
    >>> from siting.network import read_speeds
    >>> limit_kph("30 mph", read_speeds())
    48.28032
    >>> limit_kph("CN:urban", read_speeds())
    50.0
    >>> limit_kph("signals", read_speeds())
    """
    found: list[float] = []
    for part in re.split(r"[;|,]", text):
        word = part.strip()
        if word in speeds.limits:
            found.append(float(speeds.limits[word]))
        elif match := _LIMIT.fullmatch(word):
            kph = float(match[1]) * (KM_PER_MILE if match[2] == "mph" else 1.0)
            if kph > 0:
                found.append(kph)
    return min(found) if found else None


def access(tags: Mapping[str, str], mode: Mode) -> tuple[str, str]:
    """Return the key that decides for ``mode`` and its value, two empty strings where none does.

    Of several values (``"private; yes"``) one that is open wins.

    Examples
    --------
    >>> access({"access": "private", "foot": "yes"}, "walk")
    ('foot', 'yes')
    >>> access({"access": "private", "foot": "yes"}, "drive")
    ('access', 'private')
    """
    for key in KEYS[mode]:
        if key in tags:
            values = [value.strip() for value in tags[key].split(";")]
            return key, next((value for value in values if value not in CLOSED), values[0])
    return "", ""


def way_use(tags: Mapping[str, str], mode: Mode, speeds: Speeds) -> WayUse:
    """Return how ``mode`` may use a way with these tags and a known ``highway`` class.

    Examples
    --------
    >>> from siting.network import read_speeds
    >>> way_use({"highway": "residential", "oneway": "-1"}, "drive", read_speeds()).backward_kph
    20.0
    >>> way_use({"highway": "footway"}, "cycle", read_speeds()).forward_kph  # pushed
    3.6
    """
    highway = tags["highway"]
    kind = speeds.road_class(highway)
    bridge = tags.get("bridge", "no") != "no"
    tunnel = tags.get("tunnel", "no") not in ("no", "building_passage", "passage", "arcade")
    if kind is None:
        return WayUse(0.0, 0.0, False, bridge, tunnel, highway, f"highway={highway}")
    if mode in RIDDEN:
        return _ridden(tags, kind, mode, speeds, bridge=bridge, tunnel=tunnel)
    key, value = access(tags, mode)
    closed = ""
    if tags.get("route") == "ferry":
        closed = "route=ferry"
    elif mode == "drive" and kind.drive_kph <= 0:
        closed = f"highway={highway}"
    elif value in CLOSED:
        closed = f"{key}={value}"
    elif mode == "walk":
        if key != "foot" or value not in INVITED:
            if not kind.walk:
                closed = f"highway={highway}"
            elif tags.get("motorroad") == "yes":
                closed = "motorroad=yes"
    elif tags.get("service") == "emergency_access":
        closed = "service=emergency_access"
    stop = kind.stop and not bridge and not tunnel
    if closed:
        return WayUse(0.0, 0.0, stop, bridge, tunnel, highway, closed)
    factor, unknown = speeds.surface_factor(tags, mode)
    if mode == "walk":
        forward, backward = _walk_directions(tags)
        kph = speeds.walk_kph * factor
        return WayUse(
            kph * forward, kph * backward, stop, bridge, tunnel, highway,
            "" if forward or backward else "foot:forward and foot:backward=no", _note(tags),
            unknown,
        )  # fmt: skip
    stop = stop and tags.get("motorroad") != "yes"
    forward, backward, closed = _drive_directions(tags, oneway=kind.oneway)
    speed = _limited(tags, kind.drive_kph * factor, mode, speeds)
    return WayUse(
        speed[0] * forward, speed[1] * backward, stop, bridge, tunnel, highway, closed,
        _note(tags), unknown,
    )  # fmt: skip


def _ridden(
    tags: Mapping[str, str],
    kind: RoadClass,
    mode: Mode,
    speeds: Speeds,
    *,
    bridge: bool,
    tunnel: bool,
) -> WayUse:
    """Return how a bicycle may use a way: ridden, else pushed, else not."""
    highway = tags["highway"]
    key, value = access(tags, mode)
    invited = key in ("bicycle", "electric_bicycle") and value in INVITED
    closed = ""
    if tags.get("route") == "ferry":
        closed = "route=ferry"
    elif value in CLOSED or value == "dismount":
        closed = f"{key}={value}"
    elif not invited and tags.get("motorroad") == "yes":
        closed = "motorroad=yes"
    elif not invited and kind.kph(mode) <= 0:
        closed = f"highway={highway}"
    if not closed:
        factor, unknown = speeds.surface_factor(tags, mode)
        base = kind.kph(mode) or speeds.riding[mode].shared_kph
        forward, backward, closed = _ride_directions(tags, oneway=kind.oneway)
        speed = _limited(tags, base * factor, mode, speeds)
        if base <= 0:
            closed = f"highway={highway}"
        return WayUse(
            speed[0] * forward, speed[1] * backward, kind.stop and not bridge and not tunnel,
            bridge, tunnel, highway, closed, _note(tags), unknown,
        )  # fmt: skip
    walked = way_use(tags, "walk", speeds)
    push = speeds.riding[mode].push_kph if kind.push or value == "dismount" else 0.0
    if walked.closed or push <= 0:
        return WayUse(0.0, 0.0, walked.stop, bridge, tunnel, highway, closed)
    return WayUse(
        push * (walked.forward_kph > 0), push * (walked.backward_kph > 0), walked.stop,
        bridge, tunnel, highway, "", walked.note,
    )  # fmt: skip


def _note(tags: Mapping[str, str]) -> str:
    return "an area: only its outline is used" if tags.get("area") == "yes" else ""


def _limited(tags: Mapping[str, str], kph: float, mode: Mode, speeds: Speeds) -> list[float]:
    """Return the speed forward and backward under the limits there, as vehicles of today go."""
    both = tags.get("maxspeed", "")
    return [
        min(kph, limit_kph(tags.get(f"maxspeed:{side}", both), speeds) or 999.0)
        * speeds.factor(mode)
        for side in ("forward", "backward")
    ]


def _walk_directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Return (forward, backward) on foot: a one-way street binds vehicles only."""
    word = tags.get("oneway:foot", "no")
    forward = word not in BACKWARD and tags.get("foot:forward") != "no"
    backward = word not in FORWARD and tags.get("foot:backward") != "no"
    return forward, backward


def _drive_directions(tags: Mapping[str, str], *, oneway: bool) -> tuple[bool, bool, str]:
    """Return (forward, backward, why closed) for a car."""
    keys = ("oneway:motorcar", "oneway:motor_vehicle", "oneway:vehicle", "oneway")
    return _vehicle_directions(tags, keys, oneway=oneway)


def _ride_directions(tags: Mapping[str, str], *, oneway: bool) -> tuple[bool, bool, str]:
    """Return (forward, backward, why closed) for a bicycle.

    ``oneway:bicycle`` decides; without it a lane against the traffic opens a one-way street.
    """
    keys = ("oneway:bicycle", "oneway:vehicle", "oneway")
    forward, backward, closed = _vehicle_directions(tags, keys, oneway=oneway)
    if "oneway:bicycle" not in tags:
        lanes = [tags.get(key, "") for key in CYCLEWAYS]
        sides = [tags.get(f"{key}:oneway", "") for key in CYCLEWAYS[1:]]
        if not CONTRAFLOW.isdisjoint(lanes) or not {"-1", "no"}.isdisjoint(sides):
            forward, backward, closed = True, True, ""
    forward = forward and tags.get("bicycle:forward") != "no"
    backward = backward and tags.get("bicycle:backward") != "no"
    if not closed and not forward and not backward:
        closed = "bicycle:forward and bicycle:backward=no"
    return forward, backward, closed


def _vehicle_directions(
    tags: Mapping[str, str], keys: tuple[str, ...], *, oneway: bool
) -> tuple[bool, bool, str]:
    """Return (forward, backward, why closed); the first key that is there decides."""
    word = next((tags[key] for key in keys if key in tags), "")
    if word in FORWARD:
        return True, False, ""
    if word in BACKWARD:
        return False, True, ""
    if word == "reversible":
        # open one way at a time, and nobody can say when: no figure should rest on it
        return False, False, "oneway=reversible"
    if word not in ("no", "false", "0") and (
        oneway or tags.get("junction") in ("roundabout", "circular")
    ):
        return True, False, ""
    return True, True, ""


def blocks(tags: Mapping[str, str], mode: Mode) -> str:
    """Return why a ``barrier`` node stops ``mode``, empty where it does not.

    Examples
    --------
    >>> blocks({"barrier": "bollard"}, "drive"), blocks({"barrier": "bollard"}, "walk")
    ('barrier=bollard', '')
    """
    key, value = access(tags, mode)
    if value in CLOSED:
        return f"barrier={tags['barrier']}, {key}={value}"
    stops = {"drive": CAR_BLOCKS, "cycle": BICYCLE_BLOCKS, "ebike": BICYCLE_BLOCKS}
    if not value and tags["barrier"] in stops.get(mode, ()):
        return f"barrier={tags['barrier']}"
    return ""
