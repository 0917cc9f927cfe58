"""Nuvom: settings, stores and the registry of tasks tied together, and the default app behind `@task`."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from nuvom import _caller, _changing, _joined, _lifespan, _settings
from nuvom._call import Call
from nuvom._clock import SYSTEM_CLOCK, Clock
from nuvom._collections import Jobs, Queues, Workers
from nuvom._crashpoint import reached
from nuvom._declared import CronOptions, Declared, EveryOptions, T, cron, every, forget
from nuvom._decorator import TaskDecorator
from nuvom._duration import Duration
from nuvom._handle import JobHandle
from nuvom._hooks import Hooks, named_hooks
from nuvom._job import NewJob, Pushed
from nuvom._keys import check_key, of_named
from nuvom._naming import check_name, check_text, default_name, source_file
from nuvom._options import as_job_id
from nuvom._schedule import ScheduleEnvelope, ScheduleType
from nuvom._schedules import Schedules
from nuvom._settings import Settings
from nuvom._task import Definition, Task, shadowed
from nuvom._times import Times, Zone, build_envelope
from nuvom._transaction import Transaction
from nuvom.errors import (
    DuplicateScheduleWarning,
    InvalidTrigger,
    SettingsError,
    TaskDefinitionError,
    TaskNotFound,
    UnsupportedByBackend,
    shortened,
)
from nuvom.scheduler import split
from nuvom.stores.backends import close_backend, load_backend
from nuvom.stores.base import JobStore, SchedulerBackend, ScheduleStore, Store
from nuvom.stores.opening import checked, open_named, schedule_url
from nuvom.stores.values import Change, Upserted

_log = logging.getLogger("nuvom")
L = TypeVar("L", bound=_lifespan.Function)


class Nuvom:
    """An app: a store, the tasks that were registered with it, and what is done with them.

    Args:
        url: The store, such as `sqlite:///jobs.db`; by default the setting NUVOM_URL or the project's own file.
        scheduler: Where schedules live, if elsewhere: a store, `package.module:Class`, or the name or URL of a plugin.
        **settings: Other settings by their names, such as `timezone="Europe/Paris"`.

    Raises:
        SettingsError: a name is unknown or a value cannot be used.
    """

    def __init__(self, url: str | None = None, *, scheduler: str | None = None, **settings: Any) -> None:
        self._said: dict[str, Any] = checked({"url": url, "scheduler": scheduler, **settings})
        self._first_use: str | None = None
        self._clock: Clock = SYSTEM_CLOCK
        self._store: Store | None = None
        self._lock = threading.RLock()  # a plugin that is made may ask for the store
        self.registry: dict[str, Task[..., Any, Any]] = {}
        self.declared: Declared = {}
        self._unnamed: set[tuple[int, str]] = set()  # process and id of unnamed recurring schedules that calls made
        self.lives: _lifespan.Function | None = None
        self.hooks: Hooks = Hooks()
        self.task: TaskDecorator = TaskDecorator(self._register)
        self.jobs: Jobs = Jobs(self)
        self.schedules: Schedules = Schedules(self)
        self.queues: Queues = Queues(self)
        self.workers: Workers = Workers(self)

    def __repr__(self) -> str:
        shown = self._store.url if self._store else _settings.masked(str(self._said["url"] or "default store"))
        return f"<Nuvom {shown}>"

    def configure(self, url: str | None = None, *, scheduler: str | None = None, **settings: Any) -> None:
        """Set settings before the app's first use.

        Raises:
            SettingsError: the app was used already, and the message names where; or a name is unknown, or a value
                cannot be used.
        """
        if self._first_use is not None:
            raise SettingsError(f"configure() comes too late: the app was first used at {self._first_use}")
        given = checked({"url": url, "scheduler": scheduler, **settings})
        self._said |= {name: value for name, value in given.items() if value is not None}

    def cron(self, expr: str, **said: Unpack[CronOptions]) -> Callable[[T], T]:
        """Declare a schedule of the task below, which belongs to its task's app; see `nuvom.cron`."""
        return cron(expr, **said)

    def every(self, duration: Duration, **said: Unpack[EveryOptions]) -> Callable[[T], T]:
        """Declare a schedule of the task below, which belongs to its task's app; see `nuvom.every`."""
        return every(duration, **said)

    def lifespan(self, function: L) -> L:
        """Make a generator function, async or not, the lifespan of the jobs in each process that runs them.

        It runs up to its `yield` before the first job, and on from there after the last one. What it yields is
        `current_job().state`. An async one runs in the event loop of coroutine tasks.

        Raises:
            LifespanError: it is no such function, or the app has one already; the message names both.
        """
        _lifespan.check(function, self.lives)
        self.lives = function
        return function

    @cached_property
    def settings(self) -> Settings:
        """The settings, resolved; reading them is the app's first use."""
        self._first_use = _caller.location()
        settings = _settings.load(self._said)
        if settings.default_store and _settings.running_under_pytest():
            raise SettingsError(
                "a test would use the project's own store; "
                "write `with nuvom.testing.memory():` around it, or set NUVOM_URL"
            )
        return settings

    @property
    def store(self) -> Store:
        """The store, opened at its first use."""
        if self._store is None:
            with self._lock:
                if self._store is None:
                    self._store = self.open(busy_timeout=5.0)
                    _log.info("store: %s", self._store.url)
        return self._store

    def open(self, *, busy_timeout: float | None, only_jobs: bool = False) -> Store:
        """Open a store of its own for a service or a caller, who then closes it.

        Args:
            busy_timeout: Seconds to wait for a locked store; None waits as long as it takes.
            only_jobs: Leave out the store that has the schedules, where that is another one.
        """
        return open_named(self.settings, clock=self._clock, busy_timeout=busy_timeout, only_jobs=only_jobs)

    @cached_property
    def backend(self) -> SchedulerBackend:
        """What keeps the schedules: the store, or what NUVOM_SCHEDULER names, which is made once for an app."""
        if not self.split:
            return self.store.schedules
        with self._lock:
            if "backend" not in self.__dict__:
                self.__dict__["backend"] = load_backend(str(self.settings.scheduler), self.settings)
            made: SchedulerBackend = self.__dict__["backend"]
        return made

    @property
    def split(self) -> bool:
        """Whether a backend of five methods keeps the schedules; a store of ours does not split them from the jobs."""
        return self.settings.scheduler is not None and schedule_url(self.settings) is None

    @property
    def scheduler_name(self) -> str:
        """What people call the backend of schedules that live elsewhere; passwords are masked."""
        return _settings.masked(str(self.settings.scheduler))

    @cached_property
    def active_hooks(self) -> Hooks:
        """The hooks, with those in front that the setting `hooks` names; they are loaded by the first push or run."""
        with self._lock:
            if "active_hooks" not in self.__dict__:
                self.hooks.put_first(named_hooks(self.settings.hooks, self.settings.root))
                self.__dict__["active_hooks"] = self.hooks
        return self.hooks

    @property
    def job_store(self) -> JobStore:
        """The jobs' face of the store."""
        return self.store.jobs

    def schedule_store(self, what: str) -> ScheduleStore:
        """Return the schedules' face of the store; raises UnsupportedByBackend where another backend keeps them."""
        if self.split:
            raise UnsupportedByBackend(
                f"{self.scheduler_name} cannot {what}: it has only enqueue, get, due, reschedule and cancel"
            )
        return self.store.schedules

    @property
    def max_payload(self) -> int:
        """The largest arguments of a job, in bytes."""
        return self.settings.max_payload

    def now(self) -> datetime:
        """Return the store's clock."""
        return self.store.now()

    def push(self, jobs: Sequence[NewJob]) -> list[Pushed]:
        """Store jobs, all or none; returns for each which job stands for it, and whether that is a new one."""
        reached("producer.before_commit")
        pushed = self.store.jobs.push(self.active_hooks.enqueue(jobs))
        reached("producer.after_commit")
        return pushed

    def transaction(self, connection: object) -> Transaction:
        """Return a block in which all goes through a connection of the caller's; see `nuvom.transaction`."""
        return Transaction(self.store, connection)

    def handle(self, job_id: str, decode: Callable[[bytes], Any], *, existing: bool = False) -> JobHandle[Any]:
        """Return the handle of a job whose result is decoded by `decode`; `existing`: it was there before its push."""
        return JobHandle(self, job_id, decode, existing=existing)

    def job(self, job_id: str) -> JobHandle[Any]:
        """Return the handle of a job by its id, or the text that `options(id=…)` was given, from any process."""
        job_id = as_job_id(job_id)
        return JobHandle(self, job_id, self._decode_by_task(job_id))

    def _decode_by_task(self, job_id: str) -> Callable[[bytes], Any]:
        def decode(raw: bytes) -> Any:
            import orjson

            job = self.job_store.get(job_id)
            task = self.registry.get(job.task) if job else None
            return orjson.loads(raw) if task is None else task.codec.decode_result(raw)

        return decode

    def schedule(self, key: str) -> ScheduleEnvelope:
        """Return a schedule by its name or id; raises ScheduleNotFound."""
        return self.schedules.get(key)

    def put(self, call: Call[Any], times: Times) -> ScheduleEnvelope:
        """Store a schedule of a call; the same identity again replaces what is stored."""
        zone = Zone(default=self.settings.timezone, naive=self.settings.naive)
        task, arguments = call.task, call.arguments()
        defaults = replace(task.definition.defaults, kin=call.kin())
        wanted = build_envelope(task.name, arguments, times, task.said, defaults, now=self.now(), zone=zone)
        reached("producer.before_commit")
        stored = self.upsert(wanted)
        reached("producer.after_commit")
        if stored.change is Change.NEVER:
            raise InvalidTrigger("ends_at", wanted.ends_at, "leaves nothing to run: it is over before the first run")
        self._warn_of_duplicate(stored)
        return self.attached(stored.envelope)

    def _warn_of_duplicate(self, stored: Upserted) -> None:
        envelope, key = stored.envelope, (os.getpid(), stored.envelope.id)
        if envelope.name is not None or envelope.schedule_type is ScheduleType.ONE_OFF:
            return
        if stored.change is Change.UNCHANGED and key in self._unnamed:
            _caller.warn(
                f"{envelope.task} has this very schedule already, and the same unnamed call is one schedule; "
                "for two, give names: .options(name=…).schedule(…)",
                DuplicateScheduleWarning,
            )
        self._unnamed.add(key)

    def upsert(self, wanted: ScheduleEnvelope, *, overwrite: bool = False, revive: bool = False) -> Upserted:
        """Store a definition by the rule of `nuvom._identity.resolve`, wherever schedules are kept."""
        now = self.now()
        if self.split:
            _joined.refuse(f"{self.scheduler_name} keeps schedules elsewhere, so none can be stored")
            split.refuse_unkept(wanted, self.scheduler_name)
            return split.enqueue_split(self.backend, self.store.ledger, wanted, now, overwrite=overwrite, revive=revive)
        return _changing.upsert(self, wanted, overwrite=overwrite, revive=revive)

    def update_schedule(self, envelope: ScheduleEnvelope, changes: Mapping[str, Any]) -> ScheduleEnvelope:
        """Change a schedule as it was read; raises ScheduleChanged where it is another by now."""
        return _changing.update(self, envelope, changes)

    def cancel_schedule(self, schedule_id: str) -> bool:
        """Cancel a schedule by its id for good; False when there was none."""
        return _changing.cancel(self, schedule_id)

    def attached(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Return an envelope whose methods use this app."""
        return replace(envelope, _app=self)

    def task_named(self, name: str) -> Task[..., Any, Any]:
        """Return a task that is only known by its name, because workers reported it.

        Raises:
            TaskNotFound: no worker reported it and it is not registered here; near names are in the message.
        """
        if check_text(name, "name") in self.registry:
            return self.registry[name]
        rows = {row.name: row for row in self.store.workers.tasks()}
        if name not in rows:
            raise TaskNotFound(name, tuple(get_close_matches(name, {*rows, *self.registry}, n=3)))

        def remote(*_: Any, **__: Any) -> Any:
            raise TypeError(f"the code of {name!r} is not here; only its workers can run it")

        defaults = rows[name].defaults
        key = of_named(defaults.key, rows[name].signature)
        return Task(self, remote, name, Definition(defaults=defaults, key=key))

    def _register(self, function: Callable[..., Any], name: str | None, definition: Definition) -> Task[..., Any, Any]:
        own = _checked_function(function)
        task = Task(self, function, check_name(name, "name") if name is not None else own, definition)
        check_key(task.name, function, definition.key)
        for key in (task.name, *task.aliases):
            _refuse_taken(self.registry.get(key), task, key)
        if taken := shadowed(function):
            _caller.warn(
                f"{task.name}: its parameter {' and '.join(map(repr, taken))} has the name of an option of .schedule; "
                f"use {task.__name__}.bind({taken[0]}=…).schedule(…)"
            )
        self.registry |= dict.fromkeys((task.name, *task.aliases), task)
        forget(self.declared, task.name)
        return task

    def drain(self, until: datetime | None = None) -> int:
        """Run the scheduler and a worker in the calling thread; returns how many jobs were run.

        Args:
            until: Go on until this time, sleeping in between; None stops when nothing is due.
        """
        from nuvom._drain import drain

        return drain(self, until, self._clock)

    @contextmanager
    def swapped(self, url: str, clock: Clock, scheduler: str | None = None) -> Iterator[None]:
        """Use another store and clock for a while; what was open before is used again afterwards."""
        settings = replace(_settings.load(self._said, url=url), scheduler=scheduler)
        kept = {
            name: self.__dict__.pop(name, None)
            for name in ("settings", "backend", "_store", "_clock", "_first_use", "_unnamed")
        }
        self.__dict__ |= {"settings": settings, "_store": None, "_clock": clock, "_first_use": kept["_first_use"]}
        self._unnamed = set()
        try:
            yield
        finally:
            self.close()
            del self.settings
            self.__dict__ |= {name: value for name, value in kept.items() if value is not None or name.startswith("_")}

    def close(self) -> None:
        """Close the store and a scheduler backend of one's own; the next use opens them again."""
        with self._lock:
            store, self._store = self._store, None
            backend = self.__dict__.pop("backend", None)
        try:
            if backend is not None and self.split:
                close_backend(backend)
        finally:
            if store is not None:
                store.close()

    async def aclose(self) -> None:
        """Do what `close` does without blocking the event loop."""
        from nuvom._async import in_thread

        await in_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checked_function(function: object) -> str:
    """Return the default name of what was decorated; raises TaskDefinitionError where it cannot be a task."""
    from nuvom._hints import unencodable_return

    if isinstance(function, Task):
        raise TaskDefinitionError(f"{function.name} is a task already")
    if not callable(function) or isinstance(function, type | staticmethod | classmethod):
        raise TaskDefinitionError(f"@task takes a function, not {shortened(function)}")
    name = default_name(function)
    reason = unencodable_return(function)
    if reason is not None:
        raise TaskDefinitionError(f"{name} cannot be a task: {reason}")
    return name


def _refuse_taken(known: Task[..., Any, Any] | None, task: Task[..., Any, Any], key: str) -> None:
    # The same file and qualname again is a reload, a notebook's cell, or __mp_main__: it replaces.
    if known is None or _place(known) == _place(task):
        return
    raise TaskDefinitionError(
        f"the name {key!r} belongs to {_place(known)[1]} of {_place(known)[0]}; give {_place(task)[1]} of "
        f"{_place(task)[0]} another: @task(name=…)"
    )


def _place(task: Task[..., Any, Any]) -> tuple[str, str]:
    return source_file(task.function) or task.function.__module__, task.function.__qualname__
