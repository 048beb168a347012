"""Travel times written down as a matrix, so that tests need no roads."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from hypothesis import strategies as st

from siting.travel_time import TravelTimes

CRS = "EPSG:32649"


def times_from(
    matrix: pd.DataFrame,
    *,
    cutoff: int = 1_000_000_000,
    k: int = 0,
    impedance: str = "time",
    access: Sequence[int] | None = None,
    unattached: Sequence[str] = (),
    components: Sequence[int] | None = None,
    site_components: Sequence[tuple[int, ...]] | None = None,
) -> TravelTimes:
    """Rows are demand, columns sites; −1 where there is no way.

    Kept are the pairs within the cutoff and the k nearest, as a real table keeps them.
    """
    matrix = matrix[sorted(matrix.columns)]
    attached = np.array([i not in set(unattached) for i in matrix.index], dtype=bool)
    rows: list[list[tuple[int, int]]] = []
    for at, (_, line) in enumerate(matrix.iterrows()):
        pairs = sorted((int(v), s) for s, v in enumerate(line) if v >= 0) if attached[at] else []
        rows.append([p for n, p in enumerate(pairs) if p[0] <= cutoff or n < k])
    n, s = matrix.shape
    reachable = (matrix.to_numpy() >= 0).astype(np.bool_)
    component = np.zeros(n, np.int32) if components is None else np.array(components, np.int32)
    return TravelTimes(
        mode="walk",
        impedance=impedance,  # type: ignore[arg-type]
        cutoff=cutoff,
        k=k,
        demand_id=np.array(list(matrix.index), dtype=object),
        site_id=np.array(list(matrix.columns), dtype=object),
        indptr=np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64),
        site=np.array([p[1] for r in rows for p in r], dtype=np.int32),
        value=np.array([p[0] for r in rows for p in r], dtype=np.int32),
        access=np.where(attached, np.array(access if access is not None else [0] * n), -1),
        attached=attached,
        component=np.where(attached, component, -1).astype(np.int32),
        site_components=tuple(site_components or [(0,)] * s),
        reach_class=np.where(attached, np.arange(n), -1).astype(np.int32),
        reachable=reachable,
    )


def demand_table(
    persons: Sequence[int],
    *,
    settlements: Sequence[str] | None = None,
    xy: Sequence[tuple[float, float]] | None = None,
) -> gpd.GeoDataFrame:
    n = len(persons)
    points = xy if xy is not None else [(100.0 * i, 0.0) for i in range(n)]
    return gpd.GeoDataFrame(
        {
            "demand_id": [f"D{i:02d}" for i in range(n)],
            "population": np.array(persons, np.int64),
            "settlement": list(settlements or ["urban"] * n),
        },
        geometry=gpd.points_from_xy([p[0] for p in points], [p[1] for p in points]),
        crs=CRS,
    )


def membership_table(zones: dict[str, Sequence[str]]) -> pd.DataFrame:
    """``{zoning: [zone of D00, of D01, …]}``."""
    return pd.DataFrame(
        [
            (f"D{i:02d}", zoning, zone)
            for zoning, ids in zones.items()
            for i, zone in enumerate(ids)
        ],
        columns=["demand_id", "zoning", "zone_id"],
    )


@st.composite
def worlds(
    draw: st.DrawFn, *, max_demand: int = 8, max_sites: int = 5, largest: int = 12
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, TravelTimes]:
    """Demand, membership of two zonings, and times: small numbers, so that ties are common."""
    n = draw(st.integers(1, max_demand))
    s = draw(st.integers(1, max_sites))
    # two parts of the network: a pair across them has no way
    parts = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    site_parts = draw(st.lists(st.integers(0, 1), min_size=s, max_size=s))
    access = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    cell = st.integers(-1, largest)
    matrix = [[draw(cell) if parts[i] == site_parts[j] else -1 for j in range(s)] for i in range(n)]
    matrix = [[v + access[i] if v >= 0 else -1 for v in line] for i, line in enumerate(matrix)]
    persons = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    settlement = st.sampled_from(["urban", "township_seat", "village"])
    demand = demand_table(
        persons,
        settlements=draw(st.lists(settlement, min_size=n, max_size=n)),
        xy=draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=n, max_size=n)),
    )
    zone = st.sampled_from(["", "a", "b"])
    membership = membership_table(
        {z: draw(st.lists(zone, min_size=n, max_size=n)) for z in ("townships", "units")}
    )
    table = pd.DataFrame(
        matrix, index=list(demand["demand_id"]), columns=[f"S{j}" for j in range(s)]
    )
    off = draw(st.lists(st.sampled_from(list(table.index)), unique=True, max_size=2))
    times = times_from(
        table,
        cutoff=draw(st.integers(0, largest + 3)),
        k=draw(st.integers(0, 2)),
        access=access,
        unattached=off,
        components=parts,
        site_components=[(p,) for p in site_parts],
    )
    return demand, membership, times
