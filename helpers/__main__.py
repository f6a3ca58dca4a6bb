"""The command line: ``python -m helpers book | run | data``.

Each command imports what it needs when it is called, so that ``--help`` is instant.
"""

import contextlib
import sys
from typing import Annotated

import typer
from typer.core import TyperCommand

app = typer.Typer(
    help="Build the book, compute its stored tables, look after its data.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # loading rich takes longer than all the rest of --help
    pretty_exceptions_enable=False,
)


@contextlib.contextmanager
def _plain_errors():
    """One line instead of a traceback where the message says all: a wrong name, a file."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nStopped. What is done is kept; the same call goes on.", err=True)
        raise typer.Exit(130) from None
    except (ValueError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ValueError) else 1) from None


class _WithPairs(TyperCommand):
    """A command whose ``-p`` takes two values; typer alone cannot repeat such an option."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        next(p for p in self.params if p.name == "parameter").nargs = 2


@app.command(cls=_WithPairs)
def book(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CHAPTER", help="Run this chapter only; repeatable."),
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Tiny settings of book/smoke.yml, a test.")
    ] = False,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--parameter",
            metavar="KEY VALUE",
            help="As in papermill; repeatable.",
        ),
    ] = None,
):
    """Run the chapters that changed and render the book to _build/html."""
    with _plain_errors():
        from .publishing import build

        values = {key: _value(text) for key, text in parameter or []}
        code = build(only=only or (), smoke=smoke, parameters=values)
    raise typer.Exit(code)


def _value(text: str):
    """Read a parameter's value: YAML, where also ``1e-4`` is a number as in papermill."""
    import yaml

    value = yaml.safe_load(text)
    with contextlib.suppress(TypeError, ValueError):
        return float(value) if isinstance(value, str) else value
    return value


@app.command()
def run(
    chapter: str,
    profile: Annotated[str, typer.Option(help="smoke, tenth or paper.")] = "smoke",
    jobs: Annotated[int, typer.Option(help="Processes; -1 is one per core.")] = 1,
    only: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Cells such as 'bcw/gan*'.")
    ] = None,
):
    """Compute the missing rows of a chapter's stored table in book/results."""
    with _plain_errors():
        from .evaluation import run_chapter

        run_chapter(chapter, profile=profile, n_jobs=jobs, only=only)


@app.command()
def data(
    names: Annotated[list[str] | None, typer.Argument(help="All by default.")] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch what is missing, and verify.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare files with their checksums.")
    ] = False,
):
    """List the data sets: where found, samples per class, provenance, checksum."""
    with _plain_errors():
        from .data import inventory

        table = inventory(names or None, download=download, verify=verify)
    for row in table.itertuples():
        pass


if __name__ == "__main__":
    app(prog_name="python -m helpers")
