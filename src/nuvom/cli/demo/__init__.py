"""`nuvom demo`: real schedulers and workers, three of them killed, and an account of every time that was due."""

from __future__ import annotations

from typing import Annotated

import typer


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command("demo")(demo)


def demo(
    context: typer.Context,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the store, the logs and the tasks' file.")] = False,
) -> None:
    """Run schedulers and workers on a store of their own, kill some, and account for all that was due (20 s)."""
    from nuvom.cli.demo.run import run_demo
    from nuvom.cli.site import answered, refusal

    said = [f"--{option}" for option, value in (context.obj or {}).items() if value]
    if said:
        raise refusal(f"{' and '.join(said)}: the demo makes a store and tasks of its own", code=2)
    with answered():
        raise typer.Exit(run_demo(keep=keep))
