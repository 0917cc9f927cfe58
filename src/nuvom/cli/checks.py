"""What `doctor` looks at; each look gives a line, and one that fails does not keep the next from being made."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nuvom._job import JobStatus
from nuvom._sync import missing, unfit
from nuvom.cli.output import counted
from nuvom.cli.stores import file_of, refuse_private, require_present
from nuvom.cli.tasks import app_with_tasks
from nuvom.errors import NuvomError, StoreError, TasksUnreadable
from nuvom.scheduler.crowding import MOST_OPEN
from nuvom.stores.backends import due_in
from nuvom.stores.paired.apart import refuse_one
from nuvom.stores.paired.store import parts
from nuvom.stores.values import ScheduleFilter

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._schedule import ScheduleEnvelope
    from nuvom._sync import Unfit
    from nuvom.cli.site import Site
    from nuvom.stores.base import Store

OK, WARN, FAIL = "ok", "warn", "fail"
_ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "redis": "Redis", "valkey": "Valkey"}
_LITTLE = 1 << 30  # bytes of free disk below which it is time to think of more
_NONE = 50 << 20  # bytes with which a busy store lasts for minutes
_RESET_FIXED = (3, 51, 3)
_OVERDUE = timedelta(seconds=5)  # less is a scheduler at work
_MANY = 1_000_000_000
_NAMED = 5  # things that one line names


class Check(NamedTuple):
    """One thing that was looked at: `level` is ok, warn or fail."""

    name: str
    level: str
    text: str
    remedy: str | None = None


def examine(site: Site, arguments: Sequence[str]) -> Iterator[Check]:
    """Yield what was found, the store first: without it there is little to say.

    Raises:
        SettingsError: a setting cannot be used, or both stores of a pair are one.
    """
    app, tasks = _tasks(site, arguments)
    refuse_private(app.settings)
    yield from _store(app)
    yield _clock(app)
    yield zone_data()
    yield tasks
    try:
        require_present(app.settings)
        yield from _contents(app)
    except StoreError:
        return  # said above


def _tasks(site: Site, arguments: Sequence[str]) -> tuple[Nuvom, Check]:
    try:
        app, targets = app_with_tasks(site, arguments, needed=False)
    except TasksUnreadable as error:
        return site.bare_app(), Check("tasks", FAIL, str(error), "no worker can start with this code")
    names = sorted({task.name for task in app.registry.values()})
    if not names:
        hint = "name a module or file: `nuvom doctor TASKS`, or set NUVOM_TASKS"
        return app, Check("tasks", WARN, "no tasks were named and there is no tasks.py here", hint)
    return app, Check("tasks", OK, f"{counted(len(names), 'task')} in {' '.join(targets)}: {_some(names)}")


def _store(app: Nuvom) -> Iterator[Check]:
    try:
        require_present(app.settings)
        refuse_one(app.store, only_made=True)
        found = parts(app.store)
    except StoreError as error:
        yield Check("store", FAIL, str(error))
        return
    yield from _engine(app, found[0], app.settings.url)
    for each in found[1:]:
        for check in _engine(app, each, str(app.settings.scheduler)):
            yield check._replace(text=f"schedules: {check.text}")


def _engine(app: Nuvom, store: Store, url: str) -> Iterator[Check]:
    try:
        health = store.health()
    except StoreError as error:
        yield Check("store", FAIL, str(error))
        return
    yield Check("store", OK, f"{store.url} answers")
    if health.schema < health.schema_needed:
        yield Check(
            "schema", FAIL, f"{health.schema}, this release needs {health.schema_needed}", "run `nuvom migrate`"
        )
    else:
        yield Check("schema", OK, f"version {health.schema}")
    yield engine(health.engine, health.version)
    path = file_of(app.settings, url)
    where = "server" if path is None else "file"
    yield from (Check(where, FAIL, danger) for danger in health.dangers)
    yield from (Check(where, WARN, problem) for problem in health.problems)
    if path is not None:
        yield disk(path, health.size, shutil.disk_usage(path.parent).free)
        if not health.dangers:
            yield Check("integrity", OK, health.facts["integrity"])
    else:
        yield from (Check(name, OK, fact) for name, fact in health.facts.items())


def engine(name: str, version: str) -> Check:
    """Say which engine keeps the store, and what an old one means."""
    if name == "sqlite" and tuple(int(part) for part in version.split(".")[:3]) < _RESET_FIXED:
        return Check(
            "engine",
            OK,
            f"SQLite {version}; before 3.51.3 a file can be damaged when a checkpoint meets a restart of its log: "
            "Nuvom checkpoints under the write lock, so let no other program write to this file",
        )
    return Check("engine", OK, f"{_ENGINES.get(name, name)} {version}")


def disk(path: Path, size: int, free: int) -> Check:
    """Say where the file is, whether it can be written, and how much room there is; sizes in bytes."""
    text = f"{path}, {_size(size)}, {_size(free)} free, mode {path.stat().st_mode & 0o777:o}"
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return Check("disk", FAIL, f"{text}, not writable", f"give this user the right to write to {path.parent}")
    if free < _NONE:
        return Check("disk", FAIL, text, "free some disk space now")
    if free < _LITTLE:
        return Check("disk", WARN, text, "free some disk space soon")
    return Check("disk", OK, text)


def _clock(app: Nuvom) -> Check:
    wall, steady = time.time(), time.monotonic()
    time.sleep(0.02)
    drift = (time.time() - wall) - (time.monotonic() - steady)
    now = datetime.now(UTC)
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC, zone of cron schedules by default {app.settings.timezone}"
    if now.year < 2025 or abs(drift) > 0.01:
        return Check("clock", WARN, f"{text}; it is wrong or being set ({drift:+.3f} s)", "see to chrony or ntpd")
    return Check("clock", OK, text)


def zone_data() -> Check:
    """Say which release of the tz database is in use; the system's wins over the package's (PEP 615)."""
    from nuvom.triggers.zones import package_release, release

    if release() == package_release():
        return Check("zones", OK, f"tz database {release()}")
    return Check(
        "zones",
        WARN,
        f"the system's tz database {release()} is used, the package tzdata has {package_release()}",
        "keep both up to date on all hosts: a zone whose rules differ gives other next runs",
    )


def _contents(app: Nuvom) -> Iterator[Check]:
    live = [worker for worker in app.workers.list() if worker.alive]
    schedulers = [worker for worker in live if worker.kind == "scheduler"]
    workers = [worker for worker in live if worker.kind == "worker"]
    text = f"{counted(len(workers), 'worker')}, {counted(len(schedulers), 'scheduler')} alive"
    waiting = [queue for queue in app.queues.list() if queue.ready]
    unserved = [q.queue for q in waiting if not any(w.queues is None or q.queue in w.queues for w in workers)]
    if unserved:
        remedy = "start a worker: `nuvom runworker`, or with -Q for the queues that lack one"
        yield Check("services", FAIL, f"{text}; jobs wait in queues that none serves: {_some(unserved)}", remedy)
    elif not workers or not schedulers:
        yield Check("services", WARN, text, "start them: `nuvom run` is one worker and one scheduler")
    else:
        yield Check("services", OK, text)
    counts = app.jobs.counts()
    if app.split:
        yield from _elsewhere(app, served=bool(schedulers))
    else:
        yield from _declared(app)
        yield from _schedules(app, counts[JobStatus.QUEUED] + counts[JobStatus.RUNNING], served=bool(schedulers))
    if failed := counts[JobStatus.FAILED]:
        remedy = "see them: `nuvom jobs list --status failed`; once mended: `nuvom jobs retry --status failed`"
        yield Check("failed jobs", WARN, counted(failed, "job"), remedy)
    else:
        yield Check("failed jobs", OK, "none")


def _declared(app: Nuvom) -> Iterator[Check]:
    try:
        absent = missing(app) if app.declared else []
    except StoreError:
        raise
    except NuvomError as error:
        yield Check("declared", FAIL, str(error), "mend the declaration: no sync can store it with these settings")
        return
    if absent:
        text = f"{counted(len(absent), 'schedule')} declared in code and not in the store: {_some(absent)}"
        yield Check("declared", FAIL, text, "store what the code declares: `nuvom schedules sync`")


def _schedules(app: Nuvom, open_jobs: int, *, served: bool) -> Iterator[Check]:
    found = list(app.schedules.iterate(ScheduleFilter()))
    broken = [f"{_called(s)} ({s.note})" for s in found if s.state == "quarantined"]
    if broken:
        remedy = "mend what each says, then schedule it again under its name"
        yield Check(
            "quarantine", FAIL, f"{counted(len(broken), 'schedule')} cannot be planned: {_some(broken)}", remedy
        )
    latest = app.now() - _OVERDUE
    due = [s for s in found if s.state == "active" and s.next_run and s.next_run < latest]
    if due and not served:
        yield _unserved(due)
    lost = list(unfit(app, found))
    yield from _misfits(lost)
    crowded = _crowded(app, found, open_jobs)
    if crowded:
        remedy = "add workers, run them less often, or give them overlap='skip'"
        text = f"{counted(len(crowded), 'schedule')} with more than {MOST_OPEN} open runs: {_some(crowded)}"
        yield Check("crowded", WARN, text, remedy)
    if not (broken or (due and not served) or lost or crowded):
        yield Check("schedules", OK, counted(len(found), "schedule"))


def _crowded(app: Nuvom, found: Sequence[ScheduleEnvelope], open_jobs: int) -> list[str]:
    """Name the schedules with too many open runs; each is a question to the store, so none where no one can be."""
    if open_jobs <= MOST_OPEN:
        return []
    return [_called(s) for s in found if app.store.ledger.open_runs(s.id, MOST_OPEN + 1) > MOST_OPEN]


def _elsewhere(app: Nuvom, *, served: bool) -> Iterator[Check]:
    """Look at a backend of five methods, as far as one without a list can be looked at."""
    try:
        due = due_in(app.backend, app.now() - _OVERDUE, _MANY)
    except StoreError as error:
        remedy = "mend the backend, or what it needs"
        yield Check("schedules", FAIL, f"{app.scheduler_name} fails: {error}", remedy)
        return
    yield from _declared(app)
    if due and not served:
        yield _unserved(due)
    else:
        yield Check("schedules", OK, f"{app.scheduler_name} answers; what it keeps cannot be listed")


def _unserved(due: Sequence[ScheduleEnvelope]) -> Check:
    remedy = "start one: `nuvom runscheduler`, or `nuvom run`"
    text = f"{counted(len(due), 'schedule')} due and no scheduler is alive: {_some(list(map(_called, due)))}"
    return Check("due", FAIL, text, remedy)


def _misfits(lost: Sequence[Unfit]) -> Iterator[Check]:
    orphans = [f"{_called(each.schedule)} (task {each.schedule.task})" for each in lost if not each.known]
    if orphans:
        remedy = "start a worker that has the task, name it as an alias, or `nuvom schedules cancel NAME`"
        text = f"{counted(len(orphans), 'schedule')} of a task that no worker knows: {_some(orphans)}"
        yield Check("unknown", FAIL, text, remedy)
    unbound = [f"{_called(each.schedule)} ({each.reason})" for each in lost if each.known]
    if unbound:
        remedy = "let the task take them again, or give others: `nuvom schedules update NAME`"
        text = f"{counted(len(unbound), 'schedule')} whose arguments no longer fit the task: {_some(unbound)}"
        yield Check("arguments", FAIL, text, remedy)


def _called(schedule: ScheduleEnvelope) -> str:
    return schedule.name or schedule.id


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _size(size: float) -> str:
    units = iter(("bytes", "KiB", "MiB", "GiB"))
    unit = next(units)
    while size >= 1024 and (larger := next(units, None)):
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}"
