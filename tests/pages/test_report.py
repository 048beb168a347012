"""Results on disk: whole or not at all, harmless in a spreadsheet, the same figures everywhere."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pages_world as made
import pandas as pd
import pytest
import shapely
import xlsxwriter

from siting import report, text
from siting.errors import DataError

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    "</script>",
    "岳阳",
    "x" * 4000,
]


@pytest.fixture(scope="module")
def world():
    return made.plain()


def write(out, **change):
    layer = gpd.GeoDataFrame(
        {"name": HOSTILE}, geometry=[shapely.Point(i, 0) for i in range(len(HOSTILE))], crs=made.CRS
    )
    given = {
        "tables": {"gaps": pd.DataFrame({"name": HOSTILE, "persons": range(len(HOSTILE))})},
        "layers": {"gaps": layer},
        "pages": {"index": "<p>1</p>"},
        "run": {"n": np.int64(3), "when": Path("x")},
        "lang": "zh",
        "title": "洞庭县",
        "rules": tuple(made.BOOK.values()),
        "made_up": True,
    }
    return report.write_outputs(out, **(given | change))


def everything(folder):
    return {f.relative_to(folder): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_all_formats_are_written_and_read_back(tmp_path):
    done = write(tmp_path / "out")
    names = {p.name for p in done.files}
    assert names == {"gaps.csv", "index.html", "report.xlsx", "results.gpkg", "run.json"}
    raw = (done.folder / "tables" / "gaps.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    table = pd.read_csv(done.folder / "tables" / "gaps.csv", dtype=str)
    assert not table["name"].str.startswith(report.FORMULA).any()
    assert table["name"].str.removeprefix("'").tolist() == HOSTILE
    assert gpd.read_file(done.folder / "results.gpkg")["name"].tolist() == HOSTILE
    assert json.loads((done.folder / "run.json").read_text("utf-8")) == {"n": 3, "when": "x"}


def test_the_workbook_has_no_formula_frozen_headings_units_and_rules(tmp_path):
    done = write(tmp_path / "out")
    book = openpyxl.load_workbook(done.folder / "report.xlsx")
    assert book.sheetnames == ["说明", "规则", "盲区"]
    sheet = book["盲区"]
    assert sheet.freeze_panes == "B3"
    assert [c.value for c in sheet[1]] == ["名称", "人口（人）"]
    assert [c.value for c in sheet[2]] == ["name", "persons"]
    assert all(cell.data_type != "f" for page in book for row in page for cell in row)
    assert [row[0].value for row in sheet.iter_rows(min_row=3)] == HOSTILE
    assert [row[1].value for row in sheet.iter_rows(min_row=3)] == list(range(len(HOSTILE)))
    listed = {row[0].value: row for row in book["规则"].iter_rows(min_row=3)}
    assert set(listed) == set(made.BOOK)


def test_the_same_run_writes_the_same_bytes(tmp_path):
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    for name in ("report.xlsx", "run.json", "tables/gaps.csv", "maps/index.html"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


@pytest.mark.parametrize("step", ["write_csv", "write_xlsx", "_write_json", "_swap"])
def test_an_interrupted_run_leaves_the_previous_result_whole(tmp_path, monkeypatch, step):
    out = tmp_path / "out"
    write(out)
    before = everything(out)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(report.files, step, stop)
    with pytest.raises(KeyboardInterrupt):
        write(out, run={"n": 4}, tables={"other": pd.DataFrame({"a": [1]})})
    assert everything(out) == before


@pytest.mark.parametrize("after", range(11))
@pytest.mark.parametrize("killed", [False, True], ids=["raised", "killed"])
def test_a_swap_stopped_after_any_move_is_undone(tmp_path, monkeypatch, after, killed):
    out, maps = tmp_path / "out", tmp_path / "maps" / "study"
    write(out, maps_dir=maps)
    before = everything(tmp_path)
    moves = 0
    move = report.files.shutil.move

    def stop(source, target):
        nonlocal moves
        if moves == after:
            moves += 1
            raise KeyboardInterrupt
        moves += 1
        return move(source, target)

    monkeypatch.setattr(report.files.shutil, "move", stop)
    if killed:  # nobody cleans up after a killed run: the next one does
        monkeypatch.setattr(report.files, "restore", lambda _: None)
    change = {"run": {"n": 4}, "pages": {"gaps": "<p>2</p>"}, "maps_dir": maps}
    if after < 10:
        with pytest.raises(KeyboardInterrupt):
            write(out, **change)
    else:
        write(out, **change)
    monkeypatch.undo()
    report.restore(out)
    if after < 10:
        assert everything(tmp_path) == before
    else:
        assert json.loads((out / "run.json").read_text("utf-8")) == {"n": 4}
        assert [f.name for f in maps.iterdir()] == ["gaps.html"]


def test_a_folder_with_files_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "out" / "maps").mkdir(parents=True)
    (tmp_path / "out" / "maps" / "thesis.docx").write_text("mine")
    with pytest.raises(DataError, match=r"thesis\.docx.*choose another folder"):
        write(tmp_path / "out")
    assert (tmp_path / "out" / "maps" / "thesis.docx").read_text() == "mine"


def test_the_body_of_a_sheet_is_what_the_library_writes_cell_by_cell(tmp_path):
    odd = ["", " spaced ", "\x07_x0041_", "a\nb", *HOSTILE[:8], None, "岳阳"]
    table = pd.DataFrame(
        {
            "name": pd.array(odd, dtype="str"),
            "n": pd.array([None, *range(len(odd) - 1)], dtype="Int64"),
            "big": [10**15 + n for n in range(len(odd))],
            "covered_share": [np.nan, np.inf, 1 / 3, 1e-9, *np.linspace(0, 1, len(odd) - 4)],
            "judged": [True, False] * (len(odd) // 2),
            "mixed": [True, 1, 1.0, "1", None, pd.NA, np.int64(7), *odd[7:]],
        }
    )
    report.write_xlsx(tmp_path / "ours.xlsx", {"t": table}, lang="zh", title="t")
    book = xlsxwriter.Workbook(tmp_path / "theirs.xlsx")
    page = book.add_worksheet("t")
    for place, column in enumerate(table):
        for row, cell in enumerate(table[column].tolist()):
            if isinstance(cell, bool):
                page.write_string(row, place, "是" if cell else "否")
            elif isinstance(cell, str):
                page.write_string(row, place, cell)
            elif not (pd.isna(cell) or cell == np.inf):
                page.write_number(row, place, cell)
    book.close()
    ours, theirs = (openpyxl.load_workbook(tmp_path / f"{n}.xlsx")["t"] for n in ("ours", "theirs"))
    assert ours.max_row == len(table) + 2
    assert ours.auto_filter.ref == f"A2:F{len(table) + 2}"
    for row in range(1, len(table) + 1):
        for place in range(1, len(table.columns) + 1):
            cell, other = ours.cell(row + 2, place), theirs.cell(row, place)
            assert (cell.value or "") == (other.value or ""), cell.coordinate
            assert cell.data_type == other.data_type or not cell.value
    formats = [ours.cell(5, place).number_format for place in range(1, 7)]
    assert formats[:5] == ["General", "#,##0", "#,##0", "0.0%", "General"]


def test_long_tables_go_to_csv_only_and_the_workbook_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(report.workbook, "SHEET_ROWS", 3)
    done = write(tmp_path / "out")
    book = openpyxl.load_workbook(done.folder / "report.xlsx")
    assert "盲区" not in book.sheetnames
    told = [c.value for row in book["说明"] for c in row if c.value]
    assert text.get("note.csv_only", "zh", table="gaps") in told


def test_coverage_figures_add_up_on_every_level(world):
    figures = world.figures
    parts = figures[["covered", "no_seat", "out_of_reach", "not_assessed"]].sum(axis=1)
    assert (parts == figures["persons"]).all()
    classes = figures[figures["settlement"] != "judged"]
    keys = ["zoning", "service", "rule_id"]
    by_level = classes.groupby([*keys, "level"])["persons"].sum().unstack()
    assert (by_level["region"] == by_level["zone"]).all()
    total = world.coverage.groupby(keys)["persons"].sum()
    assert (by_level["region"] == total).all()
    judged = world.coverage[world.coverage["judged"]].groupby(keys)["out_of_reach"].sum()
    region = figures[(figures["settlement"] == "judged") & (figures["level"] == "region")]
    assert (region.set_index(keys)["out_of_reach"] == judged).all()


def test_covered_never_exceeds_the_straight_line(world):
    rows = world.figures.dropna(subset=["straight_share_assessed", "covered_share_assessed"])
    assert len(rows)
    assert (rows["covered_share_assessed"] <= rows["straight_share_assessed"]).all()


def test_green_figures_hold_a_row_a_target(world):
    park = world.green[
        (world.green["indicator"] == "park_500") & (world.green["level"] == "region")
    ]
    assert set(park["quarter"]) == {"all", "old", "new"}
    assert (park["foot_share"] <= park["straight_share"]).all()
