"""Shared by all tests: where the real inputs are, and what a missing need means."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

REQUIRE_ALL = os.environ.get("SITING_REQUIRE_ALL") == "1"

# The same examples on every machine, and no deadline: a shared machine stalls, a law does not.
settings.register_profile(
    "siting",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("siting")


def lacking(reason: str) -> NoReturn:
    """Skip for want of something; under SITING_REQUIRE_ALL=1 that is a failure."""
    if REQUIRE_ALL:
        pytest.fail(f"SITING_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real inputs that the repository does not hold."""
    folder = os.environ.get("SITING_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SITING_TEST_DATA names no folder: the real inputs are not here")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    lacking("no Chromium is installed (make test installs it as root on Debian or Ubuntu)")
