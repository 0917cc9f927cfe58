"""`nuvom top`: queues, processes and running jobs, drawn anew as they change."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from nuvom.cli.site import Site, command

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from nuvom._app import Nuvom

_MOST_JOBS = 200  # running jobs in a frame: more than any screen has lines


def register(root: typer.Typer) -> None:
    """Add `nuvom top`."""
    command(root, "top", json=False)(top)


def top(
    site: Site,
    interval: Annotated[str, typer.Option("--interval", metavar="2s", help="How long between two looks.")] = "1s",
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Print one frame and end, as it does without a terminal.")
    ] = False,
) -> None:
    """Watch queues, processes and running jobs until Ctrl-C."""
    from nuvom._duration import seconds
    from nuvom.cli.output import console

    try:
        pause = max(0.1, seconds(interval, "--interval"))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--interval") from None
    screen = console()
    if once or not sys.stdout.isatty():
        screen.print(frame(site.app, screen.width))
        return
    from rich.live import Live

    with (
        suppress(KeyboardInterrupt),
        Live(_drawn(site.app, screen.width), console=screen, screen=True, auto_refresh=False) as live,
    ):
        while True:
            time.sleep(pause)
            live.update(_drawn(site.app, screen.width), refresh=True)


def frame(app: Nuvom, width: int) -> Group:
    """Return one look at the store, at most `width` columns wide; its cost does not grow with the jobs that ended."""
    from rich.console import Group
    from rich.text import Text

    from nuvom._job import JobStatus
    from nuvom.cli.output import counted, shown, table
    from nuvom.cli.picture import MOST_QUEUES, QUEUE_COLUMNS, RUNNING_COLUMNS, busiest, queue_lines, running_cells

    now, lines = app.now(), queue_lines(app)
    processes = app.workers.list()
    jobs = app.jobs.list(status=JobStatus.RUNNING, limit=_MOST_JOBS)
    live = [process.kind for process in processes if process.alive]
    services = ", ".join(counted(live.count(kind), kind) for kind in ("worker", "scheduler"))
    head = shown(f"{app.store.url}  {now:%Y-%m-%d %H:%M:%S} UTC  {services}")
    parts: list[RenderableType] = [Text(head, style="bold"), ""]
    seen = busiest(lines, MOST_QUEUES)
    parts.append(table(QUEUE_COLUMNS, [line.cells(now) for line in seen], width) if seen else "no jobs wait or run")
    if more := len(lines) - len(seen):
        parts.append(f"and {counted(more, 'queue')} with no more jobs than these")
    if jobs:
        parts += ["", table(RUNNING_COLUMNS, running_cells(jobs, processes, now), width)]
    return Group(*parts)


def _drawn(app: Nuvom, width: int) -> RenderableType:
    """Return a frame, or why there is none now: a store that is away comes back."""
    from rich.text import Text

    from nuvom.errors import StoreUnavailable

    try:
        return frame(app, width)
    except StoreUnavailable as error:
        return Text(str(error), style="red")
