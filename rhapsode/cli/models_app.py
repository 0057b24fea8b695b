"""The commands below `rhapsode models`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.engines.maya1.sources import SOURCES

CONTEXT = {"help_option_names": ["-h", "--help"]}

models_app = typer.Typer(
    context_settings=CONTEXT,
    help="""List the models that Maya1 needs, fetch them, verify them.

    Example:  rhapsode models
    """,
)


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from rhapsode.cli.models import list_models

        list_models()


@models_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="MODEL...", help=f"Of {', '.join(SOURCES)}.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="PATH", help="Take a copy of your own: a folder, or a GGUF file.")
    ] = None,
) -> None:
    """Download models, or take a copy that is on this machine.

    Example:  rhapsode models fetch maya1 snac
    """
    from rhapsode.cli.models import fetch_models

    fetch_models(names, from_)


@models_app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL...", help="Without one: all that are here.")
    ] = None,
) -> None:
    """Hash the files of models and compare them with what they were.

    Example:  rhapsode models verify
    """
    from rhapsode.cli.models import verify_models

    verify_models(names or [])
