from __future__ import annotations

from pathlib import Path

import pytest

from siting import demo
from siting.demo.files import write_files
from siting.demo.region import Region, make_county


@pytest.fixture(scope="session")
def county() -> Region:
    return make_county(demo.SEED)


@pytest.fixture(scope="session")
def folder(county: Region, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo")
    write_files(made, county)
    return made
