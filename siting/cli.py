"""The command line: commands, progress and exit codes. The only room that prints.

Exit codes: 0 done, 2 an error the user can mend (its message alone), 1 anything else (traceback).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from siting.errors import SitingError

if TYPE_CHECKING:
    from siting.pipeline import Run, Say
    from siting.study import Study

app = typer.Typer(
    name="siting",
    help="Where a city's schools, clinics and parks should be.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

StudyPath = Annotated[Path, typer.Argument(help="study.toml, or the folder that holds it.")]
OutFolder = Annotated[Path | None, typer.Option("--out", help="Put all results under this folder.")]


@app.command()
def demo(
    scale: Annotated[
        str, typer.Option(help="Size of the generated region: county, city or mini-city.")
    ] = "county",
    out: Annotated[Path, typer.Option(help="Folder for data and maps.")] = Path(),
    seed: Annotated[int, typer.Option(help="Another seed makes another region.")] = 430600,
    lang: Annotated[str, typer.Option(help="Language of the pages: zh or en.")] = "zh",
) -> None:
    """Generate a made-up county or city and run the whole line on it."""
    from siting import demo as region
    from siting import pipeline, study

    _check_language(lang)
    with _progress() as say:
        say("generate the region", 0, 1)
        files = region.write_region(out / "data" / "raw" / "demo", scale=scale, seed=seed)
        asked = study.read_study(files.study)
        _told(pipeline.run(_in(asked, lang), root=out, say=say))


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Folder of the new study.")]) -> None:
    """Start a study: a commented study.toml, data/raw, data/processed, maps."""
    from siting import study

    typer.echo(f"wrote {study.write_example(folder)}")


@app.command()
def check(path: StudyPath) -> None:
    """Read every input and say what is wrong or left out; changes nothing."""
    from siting import pipeline, study

    with _progress() as say:
        inputs = pipeline.read_inputs(study.read_study(path), say=say)
    for line in pipeline.summary(inputs):
        typer.echo(line)


@app.command()
def run(
    path: StudyPath,
    only: Annotated[
        str | None, typer.Option(help="One step: coverage, green, closures or new_sites.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="Evaluate this plan.json too.")] = None,
    out: OutFolder = None,
    lang: Annotated[str | None, typer.Option(help="Language of the pages: zh or en.")] = None,
) -> None:
    """Run a study from its files to tables and maps."""
    from siting import pipeline, study

    asked = study.read_study(path)
    with _progress() as say:
        done = pipeline.run(_in(asked, lang), out=out, only=only, plan=plan, say=say)
    _told(done)


@app.command()
def rules(
    path: Annotated[Path | None, typer.Argument(help="A study, for its overrides.")] = None,
    lang: Annotated[str, typer.Option(help="Language: zh or en.")] = "zh",
) -> None:
    """List the norms in force, their sources and how sure we are."""
    from rich.console import Console
    from rich.table import Table

    from siting import rules as norms
    from siting import study

    overrides = study.read_study(path).rules if path is not None else None
    table = Table(box=None, pad_edge=False)
    for heading in ("rule", "number", "status", "strength", "judges", "text", "source"):
        table.add_column(heading, overflow="fold")
    for rule in norms.load(overrides).values():
        low, high = (None, None) if rule.measure == "text" else rule.bounds
        number = "" if low is None else f"{low:g}" if low == high else f"{low:g}–{high:g}"
        source = f"{rule.source} {rule.clause}".strip()
        table.add_row(
            rule.id,
            f"{number} {rule.unit}" if number else "",
            rule.status + (f" (changed: {rule.reason})" if rule.reason else ""),
            rule.strength,
            ", ".join((*rule.judges, *rule.zonings)),
            rule.text_zh if lang == "zh" else rule.text_en,
            source,
        )
    # a pipe has no width: print whole rows there instead of folding them at 80 columns
    Console(width=None if sys.stdout.isatty() else 400).print(table)


@app.command()
def version() -> None:
    """Print the version."""
    import siting

    typer.echo(siting.__version__)


@contextmanager
def _progress() -> Iterator[Say]:
    """Show a bar in a terminal and plain lines otherwise, both on standard error."""
    if not sys.stderr.isatty():
        began = time.monotonic()

        def line(step: str, done: int, total: int) -> None:
            typer.echo(f"[{time.monotonic() - began:6.1f} s] {done + 1}/{total} {step}", err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total)

        yield show


def _in(asked: Study, lang: str | None) -> Study:
    """Return the study with its pages in ``lang``."""
    if lang is None:
        return asked
    _check_language(lang)
    return asked.model_copy(update={"language": lang})


def _check_language(lang: str) -> None:
    if lang not in ("zh", "en"):
        raise SitingError(f'--lang: "{lang}" is not a language of the pages. Use zh or en.')


def _told(done: Run) -> None:
    """Say where the results are and what should be known before using them."""
    for line in done.headlines:
        typer.echo(line)
    typer.echo(f"tables: {done.tables_folder}")
    typer.echo(f"maps:   {done.maps_folder / 'index.html'}")


def main() -> None:
    """Run the command line; errors the user can mend end with their message and exit code 2."""
    try:
        app()
    except SitingError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)
