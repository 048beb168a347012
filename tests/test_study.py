"""The study file: everything wrong is said at once, and nothing is guessed."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from siting.errors import StudyError
from siting.study import model, read_study, write_example

SMALL = """
title = "Small"
data = "."
[zones]
file = "zones.gpkg"
[roads]
file = "roads.gpkg"
[people]
total = 100
spread = "residential"
settlement = "urban"
[residential]
file = "land.gpkg"
[services.clinic]
file = "clinics.gpkg"
rules = ["circle_15min"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("zones", "roads", "land", "clinics"):
        (tmp_path / f"{name}.gpkg").touch()
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "study.toml"
    file.write_text(text, "utf-8")
    return file


def test_reads_and_is_frozen(folder: Path) -> None:
    study = read_study(write(folder, SMALL))
    assert read_study(folder) == study
    assert study.zones[0].file == folder / "zones.gpkg"
    assert list(study.sources()) == ["zones", "roads", "residential", "services.clinic"]
    assert study.services["clinic"].rules == ("circle_15min",)
    with pytest.raises(ValidationError):
        study.title = "other"  # type: ignore[misc]  # the assignment must be refused


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('title = "Small"', "", '"title" is missing'),
        ("[zones]", "[zonez]", 'unknown key "zonez". Did you mean "zones"?'),
        (
            'file = "clinics.gpkg"',
            'file = "clinics.gpkg"\naccess = { catchment = "half an hour" }',
            "services.clinic.access.catchment",
        ),
        (
            'file = "clinics.gpkg"',
            (
                'file = "clinics.gpkg"\naccess = { catchment = "30 min" }\n'
                'mode = "bus"\nbus = { how = "direct" }'
            ),
            "lower bound",
        ),
        (
            'rules = ["circle_15min"]',
            'rules = ["circle_15min"]\ntarget = "circle_5min"',
            'services.clinic.target: "circle_5min" is no share',
        ),
        (
            'rules = ["circle_15min"]',
            'rules = ["circle_15min"]\ntarget = "green.targt_rate"',
            'Did you mean "green.target_rate"',
        ),
        ("total = 100", "total = -1", "people.total"),
        ("total = 100", "total = 1.5", "people.total"),
        ("total = 100", 'total = "many"', "people.total"),
        ('spread = "residential"', 'spread = "rezidential"', "people.spread"),
        ('spread = "residential"', "", "give either [people.points]"),
        ('rules = ["circle_15min"]', 'rules = ["circle_15mn"]', 'Did you mean "circle_15min"?'),
        ('rules = ["circle_15min"]', 'rules = ["school.hearing"]', "not a distance or a time"),
        ('file = "zones.gpkg"', 'file = "zone.gpkg"', "zones[1].file: there is no file"),
        ('data = "."', 'data = "$NOT_SET_ANYWHERE/x"', "NOT_SET_ANYWHERE is not set"),
        ("[services.clinic]", '[services."1 clinic"]', "services"),
        ("[services.clinic]", "[service.clinic]", 'Did you mean "services"?'),
        ("[residential]", "[water]", 'people.spread = "residential" needs [residential]'),
        ('title = "Small"', "title = ", "is not TOML"),
        ("[residential]", '[decide.closures]\nservice = "x"\n[residential]', "decide.closures"),
        ('data = "."', "network = {max_access_m = nan}\ndata='.'", "network.max_access_m"),
        ('data = "."', 'path = "x"\ndata="."', 'unknown key "path"'),
    ],
)
def test_one_fault_is_named_with_its_mend(folder: Path, old: str, new: str, told: str) -> None:
    assert old in SMALL
    with pytest.raises(StudyError) as caught:
        read_study(write(folder, SMALL.replace(old, new, 1)))
    assert told in str(caught.value)


def test_new_sites_are_not_judged_by_a_radius(folder: Path) -> None:
    text = (
        SMALL
        + """
[decide.new_sites]
service = "clinic"
rule = "primary.radius"
n_new = 1
candidates = { file = "clinics.gpkg" }
"""
    )
    with pytest.raises(StudyError, match="is a radius"):
        read_study(write(folder, text))


def test_all_faults_are_told_at_once(folder: Path) -> None:
    text = SMALL.replace("total = 100", "total = -1").replace("[zones]", "[zonez]")
    with pytest.raises(StudyError) as caught:
        read_study(write(folder, text.replace('settlement = "urban"', 'settlement = "city"')))
    for told in ("people.total", "zonez", "people.settlement"):
        assert told in str(caught.value)


def test_shares_need_a_source(folder: Path) -> None:
    with pytest.raises(StudyError, match="a share needs a source"):
        read_study(write(folder, SMALL + "[people.groups.pupils]\nshare = 0.1\n"))


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no file"):
        read_study(tmp_path / "none.toml")
    gbk = tmp_path / "study.toml"
    gbk.write_bytes('title = "岳阳"'.encode("gbk"))
    with pytest.raises(StudyError, match="not UTF-8"):
        read_study(gbk)
    gbk.write_bytes(b"")
    with pytest.raises(StudyError, match='"title" is missing'):
        read_study(gbk)


def test_example_is_a_study_but_for_its_files(tmp_path: Path) -> None:
    write_example(tmp_path)
    with pytest.raises(StudyError) as caught:
        read_study(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines
    assert all("there is no file" in line for line in lines)
    with pytest.raises(StudyError, match="is there already"):
        write_example(tmp_path)


def uncommented(text: str) -> str:
    """The example with every commented key and table in force; sentences stay comments."""
    return re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", text)


@pytest.mark.parametrize("people", ["points", "spread", "raster", "parts"])
def test_every_commented_example_is_right(tmp_path: Path, people: str) -> None:
    file = write_example(tmp_path)
    text = uncommented(file.read_text("utf-8"))
    start, end = text.index("[people]"), text.index("[residential]")
    block = text[start:end]
    for other in {"points", "spread", "raster", "parts"} - {people}:
        block = re.sub(rf"(?m)^{other} = .*\n", "", block)
    if people in ("points", "raster"):
        block = re.sub(r"(?m)^totals = .*\n", "", block)
    if people != "points":  # groups come as shares where there is no layer of points
        block = re.sub(r"(?m)^column = .*", 'share = 0.066\nsource = "census"', block)
    file.write_text(text[:start] + block + text[end:], "utf-8")
    with pytest.raises(StudyError) as caught:
        read_study(tmp_path)
    lines = str(caught.value).splitlines()
    assert [line for line in lines if "there is no file" not in line] == []
    assert len(lines) > 10


def test_the_example_shows_every_key_of_roads_services_and_network(tmp_path: Path) -> None:
    told = tomllib.loads(uncommented(write_example(tmp_path).read_text("utf-8")))
    bus = told["services"]["primary"]["bus"]
    assert set(bus) == set(model.Bus.model_fields)
    assert set(told["network"]) == set(model.Network.model_fields)
    own = set(model.Roads.model_fields) - set(model.Source.model_fields)
    assert own <= set(told["roads"])
    own = set(model.Service.model_fields) - set(model.Source.model_fields)
    shown = {key for service in told["services"].values() for key in service}
    assert own - {"level"} <= shown
    assert set(told["barriers"][0]) == {"file", "cuts"}
    assert {"water", "crossings", "railways", "decide", "rules"} <= set(told)


def test_studies_of_the_tests_are_valid(
    test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(__file__).parent / "studies"
    monkeypatch.setenv("SITING_MADE_ROADS", str(tmp_path))
    monkeypatch.setenv("SITING_MADE_SEATS", str(tmp_path))
    for made in ("roads.gpkg", "health_centres.csv", "school.csv", "hospital.csv"):
        (tmp_path / made).touch()
    studies = sorted(file.parent for file in folder.glob("*/study.toml"))
    assert len(studies) >= 4
    for study in studies:
        assert read_study(study).name == study.name


def test_ways_of_travelling_and_rasters(folder: Path) -> None:
    more = '\nwalkers = "elderly"\n[network]\nelevation = { file = "dem.tif" }\n'
    file = write(folder, SMALL + more + 'signals = { file = "lights.gpkg" }\n')
    with pytest.raises(StudyError, match=r"network\.elevation\.file.*dem\.tif"):
        read_study(file)
    for name in ("dem.tif", "lights.gpkg"):
        (folder / name).touch()
    study = read_study(file)
    assert study.services["clinic"].way == "walk.elderly"
    assert study.network.elevation is not None
    assert study.network.elevation.file == folder / "dem.tif"
    assert {"network.elevation", "network.signals"} < set(study.sources())
    banded = more.replace('"dem.tif"', '"dem.tif", layer = "2"')
    with pytest.raises(StudyError, match=r"elevation: layer would not be used"):
        read_study(write(folder, SMALL + banded))
    for mode in ("walk", "cycle", "ebike", "drive"):
        study = read_study(write(folder, SMALL + f'mode = "{mode}"\n'))
        assert study.services["clinic"].way == mode
    with pytest.raises(StudyError, match="Remove walkers"):
        read_study(write(folder, SMALL + 'mode = "cycle"\nwalkers = "children"\n'))
    with pytest.raises(StudyError, match="walkers"):
        read_study(write(folder, SMALL + 'walkers = "dogs"\n'))
