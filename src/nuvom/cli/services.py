"""How services are put together: settings become children under a supervisor, with a store of its own for the beats."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nuvom._settings import DEFAULT_FILE
from nuvom.cli.output import counted, shown
from nuvom.cli.stores import file_of
from nuvom.cli.sync import at_start
from nuvom.errors import StoreError
from nuvom.stores.opening import schedule_url
from nuvom.stores.paired.apart import refuse_one
from nuvom.stores.registry import open_store
from nuvom.worker import logs
from nuvom.worker.child import ChildSpec
from nuvom.worker.supervisor import Supervisor

if TYPE_CHECKING:
    from nuvom._app import Nuvom

_log: logging.Logger = logging.getLogger("nuvom")

_NAMED = 10  # tasks that the banner names
_LOOK = 1.0  # seconds to wait for a locked store at the start, which is for a hint only


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """What kind of worker is to run.

    `targets` are the modules and files of its tasks, `queues` None for all; `processes` with `threads` each. With
    `drain` it ends when nothing is left to do, with `once` when that is so of what was ready at its start.
    """

    targets: tuple[str, ...]
    queues: tuple[str, ...] | None
    processes: int
    threads: int
    async_concurrency: int
    max_jobs: int | None = None  # of each process
    max_memory: int | None = None  # bytes
    drain: bool = False
    once: bool = False


class LogPlan(NamedTuple):
    """What services say: the least important level, and the form, `text` or `json`."""

    level: int
    form: str


def serve(
    app: Nuvom, *, app_path: str | None, worker: WorkerPlan | None, scheduler: bool, grace: float, log: LogPlan
) -> None:
    """Run a worker, a scheduler or both under one supervisor until SIGTERM or SIGINT; in the main thread.

    Args:
        app: The app whose settings hold; its tasks are imported already.
        app_path: How the children find it, None for the one behind `@nuvom.task`.
        worker: What worker to run, None for none.
        scheduler: Whether to run a scheduler.
        grace: Seconds for running jobs to end in.
        log: What is said and how, where the user's code has not configured logging.

    Raises:
        SettingsError: the store's URL, the scheduler backend or a hook cannot be used, or both stores are one.
    """
    if scheduler and app.split:
        _ = app.backend  # what is wrong with it is said here, and not by a child
    if worker is not None:
        _ = app.active_hooks  # as above
    _refuse_one(app)
    app.close()
    ours = logs.show(log.level, log.form)
    common = _common(app, app_path, grace=grace, log=log)
    _introduce(app, worker, _log.info if ours and log.form == "json" else _say, scheduler=scheduler)

    def supervise(*children: ChildSpec) -> bool:
        return Supervisor(
            children,
            lambda: app.open(busy_timeout=None, only_jobs=True),
            lease=app.settings.lease.total_seconds(),
            grace=grace,
            max_memory=None if worker is None else worker.max_memory,
        ).run()

    if worker is None or not (worker.drain or worker.once):
        supervise(*[ChildSpec("scheduler", common)] * scheduler, *_workers(worker, common))
    # One after the other: what is due becomes jobs before workers look whether there are any.
    elif not (scheduler and supervise(ChildSpec("scheduler", {**common, "drain": True}))):
        supervise(*_workers(worker, {**common, **_until(app, worker)}))


def _refuse_one(app: Nuvom) -> None:
    """Raise SettingsError where two URLs name one store; what is away for a second is not waited for."""
    if schedule_url(app.settings) is not None:
        with closing(app.open(busy_timeout=_LOOK)) as store:
            refuse_one(store, only_made=False)


def _common(app: Nuvom, app_path: str | None, *, grace: float, log: LogPlan) -> Mapping[str, Any]:
    return {
        "app": app_path,
        "root": str(app.settings.root or Path.cwd()),
        "settings": resolved(app),
        "grace": grace,
        "log_level": log.level,
        "log_format": log.form,
    }


def _workers(worker: WorkerPlan | None, common: Mapping[str, Any]) -> list[ChildSpec]:
    if worker is None:
        return []
    config = {
        **common,
        "targets": worker.targets,
        "queues": worker.queues,
        "threads": worker.threads,
        "async_concurrency": worker.async_concurrency,
        "max_jobs": worker.max_jobs,
    }
    return [ChildSpec("worker", config)] * worker.processes


def _until(app: Nuvom, worker: WorkerPlan) -> Mapping[str, Any]:
    """Return what lets workers end by themselves; one time for all, so that none takes what another one pushed."""
    if not worker.once:
        return {"drain": True}
    with closing(app.open(busy_timeout=None, only_jobs=True)) as store:
        return {"drain": True, "ready_by": store.now().isoformat()}


def resolved(app: Nuvom) -> Mapping[str, Any]:
    """Return the settings that somebody chose, and the store, as JSON can carry them to a child."""
    settings = app.settings
    return {name: _plain(getattr(settings, name)) for name in {*settings.chosen, "url"}}


def _plain(value: object) -> object:
    match value:
        case timedelta():
            return value.total_seconds()
        case tuple():
            return list(value)
        case _:
            return value


def _introduce(app: Nuvom, worker: WorkerPlan | None, say: Callable[[str], None], *, scheduler: bool) -> None:
    """Say what starts: where its jobs are, what it can run, and what else may have been meant."""
    from nuvom import __version__

    store = app.open(busy_timeout=_LOOK)
    parts = ["a scheduler"] if scheduler else []
    if worker is not None:
        queues = "all queues" if worker.queues is None else f"queues {', '.join(worker.queues)}"
        size = f"{counted(worker.processes, 'process').replace('processs', 'processes')} × {worker.threads} threads"
        parts.append(f"a worker ({size}, {queues})")
    say(f"nuvom {__version__}: {' and '.join(parts)} on {store.url}, pid {os.getpid()}")
    if worker is not None:
        names = sorted({task.name for task in app.registry.values()})
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        where = " ".join(worker.targets) or "the app"
        say(f"{counted(len(names), 'task')} in {where}: {', '.join(names[:_NAMED])}{more}")
    with closing(store), suppress(StoreError):
        left = left_behind(app)
        if left is not None and not store.schedules.upcoming(1):
            say(
                f"this store has no schedules; active ones are in {left}: stop this and copy them: "
                f"`nuvom store copy sqlite:///{left} '{store.url}'`"
            )
    if worker is not None:
        for line in at_start(app, stores=scheduler):
            say(line)


def left_behind(app: Nuvom) -> Path | None:
    """Return the project's default file if another store was chosen and that one has active schedules."""
    settings = app.settings
    path = (settings.root or Path.cwd()) / DEFAULT_FILE
    if file_of(settings) == path or not path.is_file():
        return None
    with closing(open_store(f"sqlite:///{path}", busy_timeout=_LOOK)) as store:
        return path if store.schedules.upcoming(1) else None


def _say(line: str) -> None:
    print(shown(line), file=sys.stderr, flush=True)


def queue_names(said: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the queues of `-Q a,b -Q c` in their order, each once; None for none said: every queue.

    Raises:
        ValueError: a name cannot be a queue's.
    """
    from nuvom._naming import check_name

    if not said:
        return None
    names = [check_name(name.strip(), "queue") for part in said for name in part.split(",")]
    return tuple(dict.fromkeys(names))
