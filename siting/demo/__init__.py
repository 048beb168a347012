"""The generated region: a made-up county or city as the raw files a bureau would hand over.

``write_region`` is all that is needed::

    files = siting.demo.write_region("data/raw/demo")
    siting.run(siting.read_study(files.study))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from siting.demo.scale import SCALES, named
from siting.errors import StudyError

SEED = 430600

__all__ = ["SCALES", "SEED", "DemoFiles", "write_region"]


@dataclass(frozen=True)
class DemoFiles:
    """What was written.

    Attributes
    ----------
    folder
        Where the files are.
    study
        The study file.
    files
        All files, without the parts that go with a Shapefile.
    checksum
        SHA-256 of the content, the same for a seed on every machine.
    """

    folder: Path
    study: Path
    files: tuple[Path, ...]
    checksum: str


def write_region(folder: str | Path, *, scale: str = "county", seed: int = SEED) -> DemoFiles:
    """Generate a region and write its files and study.

    Parameters
    ----------
    folder
        Made where it is missing; files of the same names are replaced.
    scale
        ``"county"``: some 50 × 40 km, 580,000 people; ``"city"``: nine counties with 99
        townships, 5 million people, 300,000 road nodes; ``"mini-city"``: three small counties made
        as the city is, for trying things out.
    seed
        A whole number; another seed makes another region.

    Raises
    ------
    StudyError
        An unknown scale or a negative seed.

    Examples
    --------
    >>> files = write_region("demo")  # doctest: +SKIP
    >>> files.study.name  # doctest: +SKIP
    'study.toml'
    """
    asked = named(scale)
    if seed < 0:
        raise StudyError(f"demo: the seed {seed} is negative. Give a whole number from 0.")
    from siting.demo.files import write_files
    from siting.demo.region import make_region

    folder = Path(folder)
    region = make_region(seed, asked)
    files = write_files(folder, region)
    return DemoFiles(folder, folder / "study.toml", files, region.checksum())
