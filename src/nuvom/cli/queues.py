"""`nuvom queues`: what waits and runs in each, and those that rest."""

from __future__ import annotations

from typing import Annotated

import typer

from nuvom.cli.options import Limit, Note
from nuvom.cli.site import Site, command, group_that_lists

Queue = Annotated[str, typer.Argument(metavar="NAME", help="Which queue; it need not have jobs.")]


def register(root: typer.Typer) -> None:
    """Add `nuvom queues`, which alone lists them."""
    queues = group_that_lists(
        root, "queues", "What waits and runs in each queue, and those that are paused.", list_queues
    )
    command(queues, "pause")(pause)
    command(queues, "resume")(resume)


def list_queues(site: Site, limit: Limit = 100) -> None:
    """List the queues that have jobs waiting or running, or are paused."""
    from nuvom._moments import distance
    from nuvom.cli.output import print_json, print_table
    from nuvom.cli.views import queue_fields

    found = site.app.queues.list()[:limit]
    if site.as_json:
        print_json([queue_fields(queue) for queue in found])
        return
    now = site.app.now()
    rows = (
        (
            q.queue,
            q.ready,
            q.delayed,
            q.held,
            q.running,
            distance(q.oldest, now),
            q.pause and " ".join(filter(None, (distance(q.pause.since, now), q.pause.note and f"({q.pause.note})"))),
        )
        for q in found
    )
    columns = ("queue", "ready", "delayed", "held", "running", "oldest ready", "paused")
    print_table(columns, rows, empty="no queue has jobs waiting or running, and none is paused")


def pause(site: Site, name: Queue, note: Note = None) -> None:
    """Let no worker take a job of a queue until it is resumed; what runs goes on."""
    from nuvom.cli.producing import wrong_use

    with wrong_use():
        new = site.app.queues.pause(name, note)
    _tell(site, name, f"queue {name} is paused" if new else f"queue {name} was paused already")


def resume(site: Site, name: Queue) -> None:
    """Let a paused queue go on."""
    from nuvom.cli.producing import wrong_use

    with wrong_use():
        resumed = site.app.queues.resume(name)
    _tell(site, name, f"queue {name} goes on" if resumed else f"queue {name} was not paused")


def _tell(site: Site, name: str, sentence: str) -> None:
    from nuvom.cli.output import print_json
    from nuvom.cli.views import queue_fields

    if not site.as_json:
        print(sentence)
        return
    found = next((queue for queue in site.app.queues.list() if queue.queue == name), None)
    print_json({"queue": name, "paused": False} if found is None else queue_fields(found))
