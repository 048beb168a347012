"""What is known about every school before anybody decides: options, whom rules refuse, homes."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.maps import geometry
from siting.maps.mergers.shown import Register, ShownProgramme
from siting.maps.mergers.yearly import whole
from siting.merger import WAYS, lasting

OPTION_ROWS: Final = 12_000
"""Options a page holds; past them only the nearest of each unit, and the page says so."""
HOME_ROWS: Final = 40_000
"""Pairs of a school and a place where its children live; past them homes are drawn by cells."""
CELLS_M: Final = (250, 500, 1000, 2000, 4000)
KEY: Final = ["unit_id", "to_site", "way"]
COUNTS: Final = (
    "persons", "walk_persons", "bus_persons", "board_persons", "move_persons", "unknown_persons",
)  # fmt: skip
MINUTES: Final = tuple(
    f"{name}_{when}_min" for when in ("before", "after") for name in ("mean", "p95", "max")
)
BY_YEAR: Final = ("seats_free", "seats_short", "classes_needed")


def units_of(
    options: pd.DataFrame, attending: pd.DataFrame, book: Register
) -> list[dict[str, Any]]:
    """Return units: school, service, grades, children by year and those whose home is not known."""
    index = pd.Index(book.unit_table["unit_id"], name="unit_id")
    mine = attending[attending["unit_id"].isin(index)]

    def by_year(rows: pd.DataFrame) -> Any:
        table = rows.pivot_table(
            index="unit_id", columns="year", values="persons", aggfunc="sum", fill_value=0
        )
        return table.reindex(index=index, columns=list(book.years), fill_value=0).astype(int)

    every = by_year(mine).to_numpy().tolist()
    lost = by_year(mine[mine["demand_id"] == ""]).to_numpy().tolist()
    offered = options.drop_duplicates(KEY).groupby("unit_id").size().reindex(index, fill_value=0)
    return [
        {
            "s": book.at(str(row["site_id"])),
            "v": str(row["service"]),
            "a": int(row["grade_from"]),
            "b": int(row["grade_to"]),
            "n": every[place],
            "lost": lost[place],
            "ways": int(offered.iloc[place]),
        }
        for place, row in enumerate(book.unit_table.to_dict("records"))
    ]


def shown_options(options: pd.DataFrame, base_year: int) -> pd.DataFrame:
    """Return one row an option (unit, receiver, way): that of the year it is told in.

    An option that stays allowed to the end is told in the first year from which it does, for from
    then on it can be chosen; any other in the first year in which it is refused. ``from_year`` is
    that year for the first kind and missing for the second; ``allowed_in`` has a letter a year.
    What comes first: allowed options, then those with the least person-minutes.
    """
    table = options[options["year"] > base_year].sort_values([*KEY, "year"], ignore_index=True)
    if table.empty:
        return table.assign(from_year=pd.Series(dtype="Int64"), allowed_in=pd.Series(dtype=str))
    fine = table["status"] == "allowed"
    table["letter"] = np.where(fine, "A", "R")
    lasts = lasting(table, sorted(table["year"].unique()))
    stays = lasts.groupby([table[k] for k in KEY]).transform("any")
    at = table[(stays & lasts) | (~stays & ~fine)].drop_duplicates(KEY)
    letters = table.groupby(KEY, sort=False)["letter"].agg("".join)
    lists = table.groupby(KEY, sort=False)[[*BY_YEAR, "beds_free", "beds_short"]].agg(list)
    told = at.drop(columns=lists.columns).join(letters.rename("allowed_in"), on=KEY)
    told = told.join(lists, on=KEY)
    told["from_year"] = told["year"].where(stays[told.index]).astype("Int64")
    told["refused"] = told["from_year"].isna()
    return told.sort_values(
        ["unit_id", "refused", "person_min_after", "to_site", "way"], ignore_index=True
    )


def option_rows(table: pd.DataFrame, book: Register) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the options a page has room for, and their ids in that order."""
    rank = table.groupby("unit_id").cumcount()
    sizes = rank.value_counts().sort_index().cumsum()
    room = int((sizes <= OPTION_ROWS).sum()) if len(sizes) else 0
    kept = table[rank < max(room, 1)]
    years = {year: n for n, year in enumerate(book.years)}
    rows = []
    for row in kept.to_dict("records"):
        boards = row["way"] == "boards"
        rows.append(
            {
                "u": book.units[str(row["unit_id"])],
                "t": book.at(str(row["to_site"])),
                "w": WAYS.index(str(row["way"])),
                "k": str(row["kind"]),
                "ok": "" if pd.isna(row["from_year"]) else str(row["from_year"]),
                "st": str(row["allowed_in"]),
                "y": years[int(row["year"])],
                "n": [int(row[name]) for name in COUNTS],
                "pm": [round(float(row[f"person_min_{w}"])) for w in ("before", "after")],
                "min": [None if pd.isna(row[m]) else round(float(row[m]), 1) for m in MINUTES],
                **{
                    key: [whole(v) for v in row[name]]
                    for key, name in zip(("sf", "ss", "cn"), BY_YEAR, strict=True)
                },
                "bf": [whole(v) for v in row["beds_free"]] if boards else [],
                "bs": [whole(v) for v in row["beds_short"]] if boards else [],
                "rooms": whole(row["classrooms"]),
                "unknown": str(row["capacity_unknown"]),
            }
        )
    return rows, kept["option_id"].astype(str).tolist()


def refusal_rows(
    refusals: pd.DataFrame, option_ids: list[str], book: Register
) -> list[dict[str, Any]]:
    """Return rule hits of the options shown: option, rule, grade, children, worst minutes."""
    place = {option: n for n, option in enumerate(option_ids)}
    here = refusals[refusals["option_id"].astype(str).isin(place)]
    return [
        {
            "o": place[str(row["option_id"])],
            "r": book.rule(str(row["rule_id"])),
            "hard": row["strength"] == "hard",
            "g": whole(row["grade"]),
            "p": int(row["persons"]),
            "m": None if pd.isna(row["worst_min"]) else round(float(row["worst_min"]), 1),
        }
        for row in here.to_dict("records")
    ]


def money_rows(money: pd.DataFrame | None, option_ids: list[str]) -> list[dict[str, Any]]:
    """Return what the options shown spend (above 0) and save (below), a year."""
    if money is None:
        return []
    place = {option: n for n, option in enumerate(option_ids)}
    here = money[money["option_id"].astype(str).isin(place)]
    return [
        {
            "o": place[str(row["option_id"])],
            "item": str(row["item"]).split(":")[0],
            "n": whole(row.get("quantity")),
            "yuan": whole(row["yuan"]),
        }
        for row in here.to_dict("records")
    ]


def homes_of(
    today: ShownProgramme, homes: gpd.GeoDataFrame | None, book: Register
) -> tuple[dict[str, Any], int]:
    """Return where children of each school live today, and the size of cells (0: home by home).

    Returns
    -------
    dict
        ``at`` (encoded points), and for each school ``h`` (places in ``at``) and ``p`` (persons).
    int
        Metres.
    """
    none: dict[str, Any] = {"at": "", "of": [{"h": [], "p": []} for _ in book.sites]}
    if homes is None or homes.empty:
        return none, 0
    at = today.attending
    here = at[(at["year"] == book.years[0]) & (at["persons"] > 0) & (at["from_site"] != "")]
    spots = homes.geometry.representative_point()
    xy = pd.DataFrame(
        {"x": spots.x.to_numpy(), "y": spots.y.to_numpy()}, index=homes["demand_id"].astype(str)
    )
    here = here[here["demand_id"].isin(xy.index)]
    pairs = here.groupby(["from_site", "demand_id"])["persons"].sum().reset_index()
    cell = 0
    where = xy.loc[pairs["demand_id"]].reset_index(drop=True)
    for cell in (0, *CELLS_M):
        snapped = where if not cell else (where // cell + 0.5) * cell
        table = pd.concat([pairs[["from_site", "persons"]], snapped], axis=1)
        table = table.groupby(["from_site", "x", "y"])["persons"].sum().reset_index()
        if len(table) <= HOME_ROWS:
            break
    points = table[["x", "y"]].drop_duplicates().sort_values(["y", "x"], ignore_index=True)
    number = pd.Series(range(len(points)), index=pd.MultiIndex.from_frame(points))
    table["h"] = number[pd.MultiIndex.from_frame(table[["x", "y"]])].to_numpy()
    frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(points["x"], points["y"]), crs=homes.crs)
    found = none | {"at": geometry.encode(geometry.spots(frame))}
    for site, rows in table.sort_values(["from_site", "h"]).groupby("from_site"):
        if str(site) in book.sites:
            found["of"][book.sites[str(site)]] = {
                "h": rows["h"].tolist(),
                "p": rows["persons"].astype(int).tolist(),
            }
    return found, cell
