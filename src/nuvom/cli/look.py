"""`nuvom workers`, `stats`, `health` and `migrate`: a look at the whole."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuvom.cli.options import Limit
from nuvom.cli.site import Site, command

if TYPE_CHECKING:
    from nuvom.stores.base import Store
    from nuvom.stores.values import WorkerInfo

_MOST_RUNNING = 10_000  # jobs that a listing of processes names


def register(root: typer.Typer) -> None:
    """Add the commands that look at the whole store."""
    command(root, "workers")(workers)
    command(root, "stats")(stats)
    command(root, "health")(health)
    command(root, "migrate")(migrate)


def workers(site: Site, limit: Limit = 100) -> None:
    """List the processes of workers and schedulers, newest first, and the jobs that they run."""
    from nuvom._job import JobStatus
    from nuvom._moments import distance
    from nuvom.cli.output import print_json, print_table
    from nuvom.cli.picture import RUNNING_COLUMNS, process_of, running_cells
    from nuvom.cli.views import worker_fields

    found = sorted(site.app.workers.list(), key=_newest)[:limit]
    jobs = site.app.jobs.list(status=JobStatus.RUNNING, limit=_MOST_RUNNING)
    if site.as_json:
        print_json([worker_fields(worker, (job for job in jobs if job.worker == worker.id)) for worker in found])
        return
    now = site.app.now()
    rows = (
        (
            w.id,
            w.kind,
            "alive" if w.alive else "dead",
            process_of(w),
            w.running,
            distance(w.beat_at, now),
            "all" if w.queues is None else ",".join(w.queues),
            len(w.tasks),
            distance(w.started_at, now),
            w.version,
        )
        for w in found
    )
    columns = ("id", "kind", "state", "process", "running", "last beat", "queues", "tasks", "started", "version")
    print_table(columns, rows, empty="no worker and no scheduler is known to this store")
    if jobs:
        print()
        print_table(RUNNING_COLUMNS, running_cells(jobs, found, now), empty="")


def stats(site: Site) -> None:
    """Count jobs by status; for each queue what waits in it, since when, and what ended within a minute and an hour.

    Of very many queues the 100 with the most jobs are shown; --json names them all.
    """
    from nuvom.cli.output import counted, print_fields, print_json, print_table
    from nuvom.cli.picture import MOST_QUEUES, QUEUE_COLUMNS, busiest, queue_lines
    from nuvom.cli.views import queue_line_fields

    counts = {status.value: number for status, number in site.app.jobs.counts().items()}
    live = [worker.kind for worker in site.app.workers.list() if worker.alive]
    services = {"workers": live.count("worker"), "schedulers": live.count("scheduler")}
    lines, now = queue_lines(site.app), site.app.now()
    if site.as_json:
        print_json({**counts, **services, "queues": [queue_line_fields(line, now) for line in lines]})
        return
    print_fields({name: f"{number:,}" for name, number in {**counts, **services}.items()})
    if lines:
        print()
        seen = busiest(lines, MOST_QUEUES)
        print_table(QUEUE_COLUMNS, (line.cells(now) for line in seen), empty="")
        if more := len(lines) - len(seen):
            print(f"and {counted(more, 'queue')} with no more jobs than these; all of them: nuvom stats --json")


def health(
    site: Site,
    *,
    worker: Annotated[bool, typer.Option("--worker", help="Ask for a live worker on this host.")] = False,
    scheduler: Annotated[bool, typer.Option("--scheduler", help="Ask for a live scheduler on this host.")] = False,
    longest_wait: Annotated[
        str | None, typer.Option("--longest-wait", metavar="5m", help="No ready job may have waited longer.")
    ] = None,
) -> None:
    """Exit with 0 if the store answers and services live on this host and no job waits long, as asked, else with 1."""
    from nuvom.cli.output import print_json
    from nuvom.cli.site import refusal
    from nuvom.stores.paired.store import parts

    limit = _wait_limit(longest_wait)
    known = site.store.workers.list()
    others = parts(site.store)[1:] if scheduler or not worker else []  # a worker can do without
    for each in others:
        each.schedules.next_due()
    asked = {"worker": worker, "scheduler": scheduler}
    here = {kind: _living(known, kind, socket.gethostname()) for kind, wanted in asked.items() if wanted}
    lacking = [kind for kind, number in here.items() if not number]
    late = [] if limit is None else _late_queues(site.store, limit)
    if site.as_json:
        waits = {} if limit is None else {"late_queues": late}
        print_json({"healthy": not (lacking or late), "store": site.store.url, **here, **waits})
    for kind in lacking:
        elsewhere = _living(known, kind, None)
        hint = f"{elsewhere} on other hosts" if elsewhere else f"start one: `nuvom run{kind}`"
        raise refusal(f"no {kind} lives on {socket.gethostname()}; {hint}")
    if late:
        raise refusal(
            f"jobs wait for more than {longest_wait} in {', '.join(late)}; see `nuvom stats` and `nuvom workers`"
        )
    if not site.as_json:
        answers = "both stores answer" if others else "the store answers"
        print(", ".join([f"ok: {answers}", *(f"{number} {kind} here" for kind, number in here.items())]))


def migrate(
    site: Site,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Only print it as SQL, for somebody else to run.")] = False,
) -> None:
    """Bring the store's schema up to date, and make the store where there is none."""
    from nuvom.cli.output import print_json
    from nuvom.cli.stores import refuse_private
    from nuvom.stores.paired.apart import refuse_one
    from nuvom.stores.paired.store import parts

    app = site.bare_app()
    refuse_private(app.settings)
    refuse_one(app.store, only_made=True)
    done = [_pending(each) if dry_run or sql else _migrated(each) for each in parts(app.store)]
    refuse_one(app.store, only_made=True)  # what had no tables before could not be told apart
    if site.as_json:
        first, *others = done
        print_json({**first, **({"schedules": others[0]} if others else {})})
    elif sql:
        print(*(each["sql"] for each in done), sep="", end="")
    else:
        for each in done:
            names = ", ".join(each["pending" if dry_run else "applied"]) or "nothing to do"
            print(f"{each['store']}: {names}" + ("" if dry_run else f"; schema {each['schema']}"))


def _pending(store: Store) -> dict[str, Any]:
    pending = store.pending()
    return {"store": store.url, "pending": pending.names, "sql": pending.sql}


def _migrated(store: Store) -> dict[str, Any]:
    applied = store.migrate()
    return {"store": store.url, "schema": store.health().schema, "applied": applied}


def _newest(worker: WorkerInfo) -> float:
    return -worker.started_at.timestamp() if worker.started_at else 0.0


def _wait_limit(said: str | None) -> timedelta | None:
    from nuvom._duration import to_timedelta

    try:
        return None if said is None else to_timedelta(said, "--longest-wait")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--longest-wait") from None


def _late_queues(store: Store, limit: timedelta) -> list[str]:
    before = store.now() - limit
    return [q.queue for q in store.jobs.queues() if q.oldest is not None and q.oldest < before and q.pause is None]


def _living(known: list[WorkerInfo], kind: str, host: str | None) -> int:
    return sum(worker.alive and worker.kind == kind and host in (None, worker.host) for worker in known)
