"""`nuvom jobs`: look at jobs, push one, run some again, cancel some."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from nuvom.cli.options import Args, Kwarg, Limit, Queue, Tasks, Yes
from nuvom.cli.site import Site, command, confirm, group

if TYPE_CHECKING:
    from nuvom._job import Job
    from nuvom.stores.base import JobStore

    _Act = Callable[[JobStore, Sequence[str]], Iterator[str | None]]

Status = Annotated[str | None, typer.Option("--status", help="Only jobs of this status.")]
OfTask = Annotated[str | None, typer.Option("--task", help="Only jobs of this task.")]
OfQueue = Annotated[str | None, typer.Option("--queue", "-q", help="Only jobs of this queue.")]
OfSchedule = Annotated[str | None, typer.Option("--schedule", help="Only jobs of this schedule: its name or id.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Jobs; or say which with the filters.")]
_EVERYTHING = 1_000_000_000


def register(root: typer.Typer) -> None:
    """Add `nuvom jobs`."""
    jobs = group(root, "jobs", "Look at jobs, push one, run some again, cancel some.")
    command(jobs, "list")(list_jobs)
    command(jobs, "show")(show)
    command(jobs, "enqueue")(enqueue)
    command(jobs, "retry")(retry)
    command(jobs, "cancel")(cancel)


def list_jobs(
    site: Site,
    status: Status = None,
    task: OfTask = None,
    queue: OfQueue = None,
    schedule: OfSchedule = None,
    limit: Limit = 100,
) -> None:
    """List jobs, newest first."""
    from nuvom._moments import distance
    from nuvom.cli.output import print_json, print_table
    from nuvom.cli.views import job_fields

    found = _found(site, status, task, queue, schedule, limit)
    if site.as_json:
        print_json([job_fields(job) for job in found])
        return
    now = site.app.now()
    columns = ("id", "task", "status", "error", "created", "queue", "attempt")
    rows = (
        (
            j.id,
            j.task,
            j.status,
            j.error and (j.error.message or j.error.type or j.error.kind),
            distance(j.created_at, now),
            j.queue,
            j.attempt,
        )
        for j in found
    )
    print_table(columns, rows, empty="no jobs")


def show(site: Site, job_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show one job: its arguments, result or error, and its earlier attempts."""
    from nuvom.cli.output import print_fields, print_json
    from nuvom.cli.views import attempt_fields, job_fields
    from nuvom.errors import JobNotFound
    from nuvom.inquiry.job_words import filled

    handle = site.app.job(job_id)
    try:
        job = handle.refresh()
    except JobNotFound:
        raise JobNotFound(job_id) from None  # by the name that was said, not the id that it stands for
    attempts = [attempt_fields(attempt) for attempt in handle.attempts()]
    fields = job_fields(job)
    if site.as_json:
        print_json({**fields, "attempts": attempts})
        return
    if job.waits_for == "flow" and job.flow is not None:
        fields["waits_for"] = f"held: {filled(site.app.job_store.flow(job.flow), site.app.now())}"
    print_fields({name: _for_people(value) for name, value in fields.items()})
    for attempt in attempts:
        print(f"\nattempt {attempt['attempt']} ended {_for_people(attempt['ended_at'])}")
        print_fields({name: _for_people(attempt[name]) for name in ("started_at", "worker", "error")})


def enqueue(
    site: Site,
    task: Annotated[str, typer.Argument(metavar="TASK", help="Its name, such as reports.build.")],
    args: Args = None,
    kwarg: Kwarg = None,
    queue: Queue = None,
    priority: Annotated[int | None, typer.Option("--priority", help="-1000 to 1000, higher first.")] = None,
    job_id: Annotated[
        str | None, typer.Option("--id", help="Its id; an id that is there already is no new job.")
    ] = None,
    tasks: Tasks = None,
) -> None:
    """Push a job and print its id."""
    from nuvom.cli.output import print_json
    from nuvom.cli.producing import keywords, task_called, values, wrong_use
    from nuvom.cli.views import job_fields

    given, named = values(args or ()), keywords(kwarg or ())
    found = task_called(site, task, tasks or ())
    with wrong_use():
        handle = found.options(id=job_id, queue=queue, priority=priority).delay(*given, **named)
    if site.as_json:
        print_json(job_fields(handle.refresh()))
    else:
        print(handle.id)


def retry(
    site: Site,
    ids: Ids = None,
    status: Status = None,
    task: OfTask = None,
    queue: OfQueue = None,
    schedule: OfSchedule = None,
    *,
    yes: Yes = False,
) -> None:
    """Run final jobs again: those named, or all that fit the filters; failed ones unless --status says otherwise."""
    wanted = _chosen(site, ids, status or "failed", task, queue, schedule, said=(status, task, queue, schedule))
    _confirm(wanted, "run again", yes=yes or bool(ids))
    _report(site, wanted, "retried", _retried)


def cancel(
    site: Site,
    ids: Ids = None,
    task: OfTask = None,
    queue: OfQueue = None,
    schedule: OfSchedule = None,
    *,
    yes: Yes = False,
) -> None:
    """Cancel jobs that wait: those named, or all that fit the filters."""
    wanted = _chosen(site, ids, "queued", task, queue, schedule, said=(task, queue, schedule))
    _confirm(wanted, "cancel", yes=yes or bool(ids))
    _report(site, wanted, "cancelled", _cancelled)


def _found(
    site: Site, status: str | None, task: str | None, queue: str | None, schedule: str | None, limit: int
) -> list[Job]:
    from nuvom._job import JobStatus

    if status is not None and status not in list(JobStatus):
        raise typer.BadParameter(f"{status!r} is no status; one of {', '.join(JobStatus)}", param_hint="--status")
    schedule_id = None if schedule is None else site.app.schedules.id_of(schedule)
    return site.app.jobs.list(status=status, task=task, queue=queue, schedule_id=schedule_id, limit=limit)


def _chosen(
    site: Site,
    ids: Sequence[str] | None,
    status: str,
    task: str | None,
    queue: str | None,
    schedule: str | None,
    *,
    said: Sequence[str | None],
) -> list[str]:
    """Return the ids that were named, or those of the jobs that fit; naming neither is refused."""
    if ids and any(said):
        raise typer.BadParameter("name jobs or say which with filters, not both", param_hint="ID")
    if ids:
        return list(ids)
    if not any(said):
        raise typer.BadParameter(
            "name jobs by their ids, or say which with --task, --queue, --schedule", param_hint="ID"
        )
    return [job.id for job in _found(site, status, task, queue, schedule, _EVERYTHING)]


def _confirm(wanted: Sequence[str], what: str, *, yes: bool) -> None:
    """Ask whether so many are meant; where nobody can answer, `--yes` must have been said."""
    from nuvom.cli.output import counted

    if wanted:
        confirm(f"{what} {counted(len(wanted), 'job')}?", yes=yes)


def _retried(store: JobStore, ids: Sequence[str]) -> Iterator[str | None]:
    """Run jobs again; yields why each was left as it is, None where it was not."""
    from nuvom.errors import JobNotFound

    for job_id, done in zip(ids, store.retry_many(ids), strict=True):
        yield None if done else "it is not final" if store.get(job_id) else str(JobNotFound(job_id))


def _cancelled(store: JobStore, ids: Sequence[str]) -> Iterator[str | None]:
    """Cancel jobs; yields why each was left as it is, None where it was not."""
    from nuvom.errors import JobNotFound
    from nuvom.stores.values import CancelAnswer

    for job_id, answer in zip(ids, store.cancel_many(ids), strict=True):
        match answer:
            case CancelAnswer.FINISHED:
                yield "it is final"
            case CancelAnswer.NOT_FOUND:
                yield str(JobNotFound(job_id))
            case _:
                yield None


def _report(site: Site, wanted: Sequence[str], done: str, act: _Act) -> None:
    """Do something to jobs, so many in a transaction, and count; exit 1 when one was left as it is."""
    from nuvom.cli.output import counted, print_json
    from nuvom.stores.values import MAX_BATCH

    ids = [site.app.job(said).id for said in wanted]
    reasons: dict[str, str | None] = {}
    for start in range(0, len(ids), MAX_BATCH):
        step = ids[start : start + MAX_BATCH]
        reasons.update(zip(step, act(site.app.job_store, step), strict=True))
    changed = [job_id for job_id, reason in reasons.items() if reason is None]
    left = {job_id: reason for job_id, reason in reasons.items() if reason is not None}
    if site.as_json:
        print_json({done: len(changed), "ids": changed, "left": left})
    else:
        print(f"{done} {counted(len(changed), 'job')}")
        for job_id, reason in left.items():
            print(f"left {job_id}: {reason}", file=sys.stderr)
    if left:
        raise typer.Exit(1)


def _for_people(value: object) -> object:
    from datetime import datetime

    from nuvom._moments import local
    from nuvom.cli.output import as_json_text

    match value:
        case datetime():
            return local(value)
        case {"kind": kind, "type": kind_of_error, "message": message, "traceback": trace}:
            return "\n".join(filter(None, (f"{kind}: {kind_of_error} {message}".replace("  ", " "), str(trace))))
        case dict() | list():
            return as_json_text(value)
        case _:
            return value
