"""Where bicycles go in three cities, decided a second time from the raw tags, way by way."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import osmium
import pyproj
import pytest

from siting import network

GEOD = pyproj.Geod(ellps="WGS84")
CLOSED = (
    "no private agricultural forestry delivery military emergency employees staff permit "
    "use_sidepath"
)
NOT_PUBLIC = set(CLOSED.split())
STREETS = (
    "trunk trunk_link primary primary_link secondary secondary_link tertiary tertiary_link "
    "unclassified residential road cycleway"
)
FAST = set(STREETS.split())
RIDE = {**dict.fromkeys(FAST, 12.0), "living_street": 8.0, "service": 10.0, "track": 10.0,
        "path": 8.0}  # fmt: skip
PUSHED = {"pedestrian", "footway", "bridleway", "platform", "path", "living_street"}
FOOT_ONLY = PUSHED | {"steps", "corridor"}
SAID_YES = {"yes", "designated", "permissive", "official", "destination"}


def word(tags: dict[str, str], *keys: str) -> tuple[str, str]:
    """The first key that is there, and an open one of its words where there is one."""
    for key in keys:
        if key in tags:
            words = [w.strip() for w in tags[key].split(";")]
            return key, ([w for w in words if w not in NOT_PUBLIC] or words)[0]
    return "", ""


def there_and_back(tags: dict[str, str]) -> tuple[bool, bool, bool]:
    """Whether a bicycle goes along, goes against, and is pushed; surfaces and limits aside."""
    kind = tags["highway"]
    if kind not in RIDE and kind not in FOOT_ONLY and not kind.startswith("motorway"):
        return False, False, False
    key, said = word(tags, "bicycle", "vehicle", "access")
    asked = key == "bicycle" and said in SAID_YES
    if tags.get("route") == "ferry":
        return False, False, False
    rides = said not in NOT_PUBLIC | {"dismount"} and (
        asked or (kind in RIDE and tags.get("motorroad") != "yes")
    )
    if rides:
        one = tags.get("oneway:bicycle") or tags.get("oneway:vehicle") or tags.get("oneway", "")
        sides = ["cycleway", "cycleway:left", "cycleway:right", "cycleway:both"]
        lane = any(tags.get(s, "").startswith("opposite") for s in sides) or any(
            tags.get(f"{s}:oneway") in ("-1", "no") for s in sides[1:]
        )
        if one == "" and (kind == "motorway" or tags.get("junction") in ("roundabout", "circular")):
            one = "yes"
        if lane and "oneway:bicycle" not in tags:
            one = "no"
        along = one not in ("-1", "reverse", "reversible")
        against = one not in ("yes", "true", "1", "reversible")
        return (
            along and tags.get("bicycle:forward") != "no",
            against and tags.get("bicycle:backward") != "no",
            False,
        )
    foot_key, foot = word(tags, "foot", "access")
    walks = foot not in NOT_PUBLIC and (
        (foot_key == "foot" and foot in SAID_YES)
        or (not kind.startswith("motorway") and tags.get("motorroad") != "yes")
    )
    if not walks or (kind not in PUSHED and said != "dismount"):
        return False, False, False
    one = tags.get("oneway:foot", "no")
    along = one not in ("-1", "reverse") and tags.get("foot:forward") != "no"
    against = one not in ("yes", "true", "1") and tags.get("foot:backward") != "no"
    return along, against, along or against


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "epsg"),
    [
        ("malta/malta.osm.pbf", 32633),
        ("porto_alegre/poa_osm.pbf", 32722),
        ("heidelberg/heidelberg.osm.pbf", 32632),
    ],
)
def test_lengths_ridden_pushed_and_one_way(test_data, name, epsg):
    file = test_data / name
    total: Counter[str] = Counter()
    for way in osmium.FileProcessor(str(file)).with_locations():
        if not way.is_way() or "highway" not in way.tags:
            continue
        along, against, pushed = there_and_back(dict(way.tags))
        if not along and not against:
            continue
        spots = [(n.ref, n.location) for n in way.nodes]
        metres = sum(
            GEOD.inv(a[1].lon, a[1].lat, b[1].lon, b[1].lat)[2]
            for a, b in pairwise(spots)
            if a[1].valid() and b[1].valid() and a[0] != b[0]
        )
        total["all"] += metres
        total["one way"] += metres * (along != against)
        total["pushed"] += metres * pushed
    built = network.read_osm(file, mode="cycle", crs=epsg)
    metres = built.length_mm / 1000
    one = (built.forward_ms < 0) | (built.backward_ms < 0)
    pushing = network.travel_ms(built.length_mm, 3.6) == np.maximum(
        built.forward_ms, built.backward_ms
    )
    got = {"all": metres.sum(), "one way": metres[one].sum()}
    for what, found in got.items():
        assert found == pytest.approx(total[what], rel=1e-7), what
    # who rides at 3.6 km/h by a factor of its surface, or very short edges, may look pushed
    assert metres[pushing].sum() == pytest.approx(total["pushed"], rel=0.02)
