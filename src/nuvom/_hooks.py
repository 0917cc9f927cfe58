"""Hooks: what an app's own code does where a job is pushed, around its run, and when an attempt has ended."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from nuvom._current import CurrentJob
from nuvom._job import JobError, NewJob, Verdict
from nuvom.errors import SettingsError, shortened
from nuvom.plugins import Group, find, import_path, is_path, lacking, made

MAX_CONTEXT = 8 * 1024  # bytes

log: logging.Logger = logging.getLogger("nuvom.hooks")


@dataclass(slots=True, kw_only=True)
class EnqueuedJob:
    """A job that is about to be pushed; what a hook puts into `context` travels with it."""

    id: str
    task: str
    queue: str  # the call's, else the task's as the code at hand has it
    run_at: datetime | None  # None: as soon as a worker is free
    metadata: Mapping[str, Any]
    context: dict[str, Any] = field(default_factory=dict)  # JSON values, 8 KiB at most


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """How an attempt ended, for hooks."""

    verdict: Verdict
    error: JobError | None  # for RETRY, FAILED and CANCELLED, and for SUCCEEDED whose value was dropped
    run_at: datetime | None  # when it runs again: for RETRY and DEFER
    seconds: float  # that it took


class Hook:
    """What an app does around its jobs: make a class of it, with the methods that you need.

    What a method raises is logged once for each hook, method and type of error, and harms neither push nor job.
    """

    def on_enqueue(self, job: EnqueuedJob) -> None:
        """Look at a job before it is pushed, in the producer, and put into `job.context` what is to travel with it."""

    def around_run(self, job: CurrentJob) -> AbstractContextManager[object]:
        """Return what is entered just before the task is called and left just after, in its thread or coroutine."""
        return nullcontext()

    def on_outcome(self, job: CurrentJob, outcome: AttemptOutcome) -> None:
        """Look at how an attempt ended: right after it, where it ran, before the outcome is recorded."""


class Hooks:
    """The hooks of an app, in the order in which they were appended."""

    def __init__(self) -> None:
        self._all: list[Hook] = []
        self._told: set[tuple[int, str, type[BaseException]]] = set()
        # Who has which method: a job costs nothing where nobody has one.
        self.enqueuing: tuple[Hook, ...] = ()
        self.around: tuple[Hook, ...] = ()
        self.outcome: tuple[Hook, ...] = ()
        self.watching: bool = False  # whether any looks at runs

    def append(self, hook: Hook) -> None:
        """Add a hook; it sees the jobs that are pushed and run from now on.

        Raises:
            TypeError: it is no instance of a class of nuvom.Hook.
        """
        if not isinstance(hook, Hook):
            remedy = f"append {hook.__name__}()" if isinstance(hook, type) else "make its class one of nuvom.Hook"
            raise TypeError(f"{shortened(hook)} is no hook; {remedy}")
        self._all.append(hook)
        self._sort()

    def put_first(self, hooks: Iterable[Hook]) -> None:
        """Let hooks go before those that are there, in their order."""
        self._all[:0] = hooks
        self._sort()

    def remove(self, hook: Hook) -> None:
        """Take a hook away; raises ValueError when it is not there."""
        self._all.remove(hook)
        self._sort()

    def __iter__(self) -> Iterator[Hook]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def _sort(self) -> None:
        self.enqueuing = self._having("on_enqueue")
        self.around = self._having("around_run")
        self.outcome = self._having("on_outcome")
        self.watching = bool(self.around or self.outcome)

    def _having(self, method: str) -> tuple[Hook, ...]:
        return tuple(hook for hook in self._all if getattr(type(hook), method) is not getattr(Hook, method))

    def enqueue(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Return jobs with the context that hooks give them; what a hook that raised did to it is dropped."""
        return [self._enqueued(job) for job in jobs] if self.enqueuing else jobs

    def _enqueued(self, job: NewJob) -> NewJob:
        context = job.context
        for hook in self.enqueuing:
            view = EnqueuedJob(
                id=job.id,
                task=job.task,
                queue=job.defaults.queue if job.queue is None else job.queue,
                run_at=job.run_at,
                metadata=_loaded(job.metadata),
                context=_loaded(context),
            )
            try:
                hook.on_enqueue(view)
                context = encoded(view.context)
            except Exception as error:  # noqa: BLE001 - it is told
                self.tell(hook, "on_enqueue", error)
        return job._replace(context=context)

    def tell(self, hook: Hook, method: str, error: BaseException) -> None:
        """Log what a hook raised, once for each method and type of error."""
        key = (id(hook), method, type(error))
        if key not in self._told:
            self._told.add(key)
            what = "%s of hook %r raised; it goes on without, and this is said once"
            log.error(what, method, hook, exc_info=error)


NO_HOOKS = Hooks()


def named_hooks(names: Sequence[str], root: Path | None) -> list[Hook]:
    """Return the hooks that the setting `hooks` names: plugins, or `package.module:Class`.

    Raises:
        SettingsError: one is not installed, cannot be loaded, or is no hook.
    """
    return [_named_hook(name, root) for name in names]


def _named_hook(name: str, root: Path | None) -> Hook:
    said = f"NUVOM_HOOKS={name!r}"
    if is_path(name):
        found = import_path(name, root, said)
    else:
        plugin = find(Group.HOOKS, name, said)
        if plugin is None:
            raise SettingsError(f"{said}: there is no such hook: {lacking(Group.HOOKS, name)}")
        found = plugin.load(said)
    hook = made(found, f"{found.__name__}()", said) if isinstance(found, type) else found
    if not isinstance(hook, Hook):
        raise SettingsError(f"{said}: {hook!r:.100} is no hook; make its class one of nuvom.Hook")
    return hook


def encoded(context: object) -> bytes | None:
    """Return a context as JSON, None for an empty one; raises TypeError or ValueError saying why it cannot travel."""
    if not isinstance(context, dict):
        raise TypeError(f"the context must be a dict, not {context!r:.100}")
    data = orjson.dumps(context)
    if len(data) > MAX_CONTEXT:
        raise ValueError(f"the context takes {len(data):,} bytes, the limit is {MAX_CONTEXT:,}: pass keys, not data")
    return data if context else None


def _loaded(data: bytes | None) -> dict[str, Any]:
    loaded: dict[str, Any] = {} if data is None else orjson.loads(data)
    return loaded
