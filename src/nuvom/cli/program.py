"""All commands in one place: each module of a group is named here and registers its own."""

from __future__ import annotations

from typing import Annotated

import typer

from nuvom.cli import cron, demo, doctor, files, jobs, look, plugins, queues, run, schedules, store, top
from nuvom.cli.site import AppOption, UrlOption, remember

# Help without rich: drawing boxes would cost more than all the rest of the start.
program: typer.Typer = typer.Typer(
    name="nuvom", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, help=__doc__
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's own signature
    if wanted:
        from nuvom import __version__

        print(f"nuvom {__version__}")
        raise typer.Exit


@program.callback(help="A task engine in which scheduling is a first-class citizen.")
def nuvom(
    context: typer.Context,
    url: UrlOption = None,
    app: AppOption = None,
    *,
    version: Annotated[  # noqa: ARG001 - its callback has answered
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Keep what was said before the command, for the command."""
    remember(context, url, app)


for _module in (run, jobs, schedules, queues, store, cron, look, top, doctor, plugins, files, demo):
    _module.register(program)
