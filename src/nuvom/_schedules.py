"""`app.schedules`: what is scheduled, to look at, to change, to run by hand and to end."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, overload

from nuvom import _changing, _finding, _identity, _options, _requests, _sync
from nuvom._async import in_thread
from nuvom._call import Call
from nuvom._collections import paged, task_name
from nuvom._duration import Duration, to_timedelta
from nuvom._forecast import Forecast, forecast
from nuvom._ids import is_uuid
from nuvom._naming import check_name, check_text
from nuvom._numbers import listed
from nuvom._requests import Backfilled
from nuvom._schedule import Occurrence, ScheduleEnvelope, ScheduleState
from nuvom._sync import SyncOptions, SyncReport
from nuvom._task import Task
from nuvom._times import Times
from nuvom.inquiry import evidence
from nuvom.inquiry.audit import AuditReport
from nuvom.inquiry.why import Why
from nuvom.stores.values import ScheduleFilter

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._handle import JobHandle

T = TypeVar("T")
AnyTask = Task[..., Any, Any]


class _Required:
    """The mark of `get` without a default."""


_REQUIRED = _Required()


class Schedules:
    """The schedules of an app; a key is a name, an id, or the beginning of an id that is its only one."""

    def __init__(self, app: Nuvom) -> None:
        self._app = app

    # To look.

    @overload
    def get(self, key: str) -> ScheduleEnvelope: ...

    @overload
    def get(self, key: str, default: T) -> ScheduleEnvelope | T: ...

    def get(self, key: str, default: T | _Required = _REQUIRED) -> ScheduleEnvelope | T:
        """Return a schedule by its key; an exact name wins over the beginning of an id.

        Raises:
            ScheduleNotFound: there is none and no default was given; names that are close are in the message.
            ScheduleEnded: there was one, and its life is over.
        """
        return self._get(key, default)

    def _get(self, key: str, default: T | _Required) -> ScheduleEnvelope | T:
        found = _finding.find(self._app, key)
        if found is not None:
            return self._app.attached(found)
        if not isinstance(default, _Required):
            return default
        raise _finding.why_not(self._app, key)

    def list(
        self,
        *,
        task: AnyTask | str | None = None,
        state: ScheduleState | str | None = None,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> builtins.list[ScheduleEnvelope]:
        """Return schedules, newest first.

        Args:
            task: Only schedules of this task.
            state: Only schedules in this state.
            name: Only schedules whose name fits this pattern with `*`.
            metadata: Only schedules that have these values in their metadata.
            limit: How many at most.
            before: The last id of the page before.
        """
        wanted = _finding.fitting(task, name, metadata, state)
        store = self._app.schedule_store("list schedules")
        return [self._app.attached(s) for s in paged(lambda size, last: store.list(wanted, size, last), limit, before)]

    def upcoming(self, limit: int = 100) -> builtins.list[ScheduleEnvelope]:
        """Return active schedules by next run, the earliest first."""
        return [self._app.attached(s) for s in self._app.schedule_store("list schedules").upcoming(listed(limit))]

    def next(self, key: str, count: int = 10) -> builtins.list[datetime]:
        """Return when a schedule's next runs are, the earliest first; none of a schedule that is not active."""
        return [run for _, run in islice(self.get(key).coming(), listed(count, "count"))]

    def simulate(self, for_: Duration = "365d", *, task: AnyTask | str | None = None, top: int = 5) -> Forecast:
        """Return what the active schedules will do: runs, busiest minutes, what clock changes and bounds do.

        Args:
            for_: How far to look ahead, at most ten years.
            task: Only schedules of this task.
            top: How many of the busiest minutes.

        Raises:
            ValueError: `for_` is no duration, not positive, or too long.
        """
        length = to_timedelta(for_, "for_")
        return forecast(self.iterate(ScheduleFilter(task=task_name(task))), self._app.now(), length, top)

    def runs(self, key: str, limit: int = 100) -> builtins.list[Occurrence]:
        """Return the ledger rows of a schedule, newest first, also of one that has ended."""
        return self._app.store.ledger.occurrences(self.id_of(key), listed(limit))

    def why(self, key: str, when: str | datetime = "last") -> Why:
        """Say why a schedule did or did not run at a time, as far as its job; also of one that has ended.

        Args:
            key: Which schedule.
            when: `last`, `next`, `now`, `03:00`, `yesterday 03:00`, a date and time, or a datetime; without an offset
                on the schedule's own clock.

        Raises:
            ScheduleNotFound: there is none, and none that ended is remembered.
            ValueError: `when` is no time.
        """
        return evidence.why(self._app, key, when)

    def audit(self, key: str | None = None, *, since: datetime | None = None) -> AuditReport:
        """Compare the times that schedules call for with the ledger, as far back as pruning keeps it.

        Args:
            key: Which schedule, also one that has ended; by default all that have not.
            since: Only occurrences from then on.
        """
        found = evidence.every_schedule(self._app) if key is None else [evidence.living_or_ended(self._app, key)]
        return evidence.audit(self._app, found, since)

    def id_of(self, key: str) -> str:
        """Return the id that a key stands for, also of a schedule that has ended or never was."""
        if is_uuid(check_text(key, "name")):
            return key.lower()
        found = _finding.find(self._app, key)
        return _identity.name_id(key) if found is None else found.id

    def iterate(self, wanted: ScheduleFilter) -> Iterator[ScheduleEnvelope]:
        """Yield the schedules that fit, newest first, a page at a time."""
        return _finding.every(self._app, wanted)

    # To change.

    def create(
        self,
        task: AnyTask | str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        at: datetime | None = None,
        in_: Duration | None = None,
        interval: Duration | None = None,
        cron: str | None = None,
        timezone_name: str | None = "UTC",
        **options: Any,
    ) -> ScheduleEnvelope:
        """Schedule a task, also one that is only known by its name; `options` are those of `Task.options`.

        Raises:
            TaskNotFound: no worker reported a task of this name.
            ValueError, TypeError: as `Task.schedule` raises them.
        """
        known = self._app.task_named(task) if isinstance(task, str) else task
        times = Times(at=at, in_=in_, interval=interval, cron=cron, timezone_name=timezone_name)
        return self._app.put(Call(known.options(**options), tuple(args), dict(kwargs or {})), times)

    def pause(self, key: str, note: str | None = None) -> ScheduleEnvelope:
        """Pause a schedule, with a note that says why; what falls into the pause is not run and gets a row each.

        Raises:
            ScheduleNotFound: there is none, or it has ended.
            UnsupportedByBackend: a backend of five methods has nowhere to keep a pause.
        """
        return _changing.change(self._app, self.get(key).id, _changing.pausing(_checked_note(note)))

    def pause_all(self, note: str | None = None) -> int:
        """Pause every active schedule in one step, whatever services run; returns how many those were."""
        return self._app.schedule_store("pause schedules").pause_all(_checked_note(note))

    def resume(self, key: str) -> ScheduleEnvelope:
        """Let a paused schedule go on with what is still to come; one that was not paused stays as it is."""
        return _changing.change(self._app, self.get(key).id, _changing.resuming)

    def resume_all(self) -> int:
        """Let every paused schedule go on; returns how many those were."""
        found = [s.id for s in self.iterate(ScheduleFilter(state=ScheduleState.PAUSED))]
        for schedule_id in found:
            _changing.change(self._app, schedule_id, _changing.resuming)
        return len(found)

    def update(self, key: str, /, **changes: Any) -> ScheduleEnvelope:
        """Change what is given and leave the rest; None takes an option back. The next run moves only with the times.

        Args:
            key: Which schedule.
            **changes: args, kwargs, the times of `.schedule` and the options of `Task.options`.

        Raises:
            ScheduleChanged: somebody else changed it at the same moment; nothing was done.
            ScheduleNotFound: there is none, or it has ended.
            TypeError, ValueError: a change does not fit; both are named.
        """
        return _changing.update(self._app, self.get(key), changes)

    def cancel(self, key: str) -> bool:
        """Cancel a schedule for good; False when there was none. Nothing that is in flight brings it back."""
        return self._app.cancel_schedule(self.id_of(key))

    def cancel_all(
        self,
        *,
        name: str | None = None,
        task: AnyTask | str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> int:
        """Cancel every schedule whose name fits a pattern with `*`, that is of a task, or has metadata; says how many.

        Raises:
            TypeError: none was given: cancelling everything must be said as name="*" (named ones) or by task.
        """
        if name is None and task is None and not metadata:
            raise TypeError('cancel_all() needs name="…*", task=… or metadata={…}; nothing was cancelled')
        wanted = _finding.fitting(task, name, metadata)
        found = [s.id for s in self.iterate(wanted) if name is None or fnmatchcase(s.name or "", name)]
        return sum(self._app.cancel_schedule(schedule_id) for schedule_id in found)

    def sync(
        self, *, prune: bool = False, overwrite: bool = False, revive: Sequence[str] = (), dry_run: bool = False
    ) -> SyncReport:
        """Store what `@cron` and `@every` declare, and what workers need to know of its tasks.

        Schedules that calls made are left alone, parts that calls changed stay as they are, a pause stays, and what
        was cancelled stays cancelled.

        Args:
            prune: Cancel schedules that were declared and no longer are, save paused ones.
            overwrite: Take the code's definition where calls changed parts of it.
            revive: Names of cancelled schedules that are to start anew.
            dry_run: Only plan.

        Raises:
            ValueError: `revive` names what is not declared, or a declaration cannot be used with these settings.
            UnsupportedByBackend: a backend of five methods cannot list what to prune, or cannot carry an option.
        """
        options = SyncOptions(prune=prune, overwrite=overwrite, revive=_options.names(revive, "revive"))
        steps = _sync.sync(self._app, options, dry_run=dry_run)
        unfit = () if self._app.split else tuple(_sync.unfit(self._app))
        return SyncReport(steps=tuple(steps), unfit=unfit, dry_run=dry_run)

    # To run.

    def trigger(self, key: str, request: str | None = None) -> JobHandle[Any]:
        """Run a schedule's task now, also of a paused one; its next run stays where it is.

        Args:
            key: Which schedule.
            request: A name of this run: the same one again gives the same job, whenever it comes.
        """
        request = None if request is None else check_name(request, "request")
        return _requests.trigger(self._app, self.get(key), request)

    def backfill(
        self,
        key: str,
        start: datetime,
        end: datetime,
        *,
        again: bool = False,
        pace: Duration | None = None,
        request: str | None = None,
        dry_run: bool = False,
    ) -> Backfilled:
        """Run what a schedule would have run in the past; what was dispatched then is left out.

        Args:
            key: Which schedule.
            start: Nominal times from then on.
            end: Nominal times before then; what is still to come is left to the schedule.
            again: Also those that were dispatched.
            pace: How long after each other the jobs become due; by default all are due now.
            request: A name of this backfill: with `again`, the same one again repeats nothing.
            dry_run: Only count.

        Raises:
            ValueError: the range is reversed, or the schedule is a one-off.
        """
        request = None if request is None else check_name(request, "request")
        asked = _requests.Range(start, end, again=again, pace=pace, request=request)
        return _requests.backfill(self._app, self.get(key), asked, dry_run=dry_run)

    # For async callers.

    @overload
    async def aget(self, key: str) -> ScheduleEnvelope: ...

    @overload
    async def aget(self, key: str, default: T) -> ScheduleEnvelope | T: ...

    async def aget(self, key: str, default: T | _Required = _REQUIRED) -> ScheduleEnvelope | T:
        """Do what `get` does without blocking the event loop."""
        return await in_thread(self._get, key, default)

    async def alist(self, **wanted: Any) -> builtins.list[ScheduleEnvelope]:
        """Do what `list` does without blocking the event loop."""
        return await in_thread(self.list, **wanted)

    async def anext(self, key: str, count: int = 10) -> builtins.list[datetime]:
        """Do what `next` does without blocking the event loop."""
        return await in_thread(self.next, key, count)

    async def asimulate(self, for_: Duration = "365d", **wanted: Any) -> Forecast:
        """Do what `simulate` does without blocking the event loop."""
        return await in_thread(self.simulate, for_, **wanted)

    async def aruns(self, key: str, limit: int = 100) -> builtins.list[Occurrence]:
        """Do what `runs` does without blocking the event loop."""
        return await in_thread(self.runs, key, limit)

    async def awhy(self, key: str, when: str | datetime = "last") -> Why:
        """Do what `why` does without blocking the event loop."""
        return await in_thread(self.why, key, when)

    async def aaudit(self, key: str | None = None, *, since: datetime | None = None) -> AuditReport:
        """Do what `audit` does without blocking the event loop."""
        return await in_thread(self.audit, key, since=since)

    async def acreate(
        self, task: AnyTask | str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **said: Any
    ) -> ScheduleEnvelope:
        """Do what `create` does without blocking the event loop."""
        return await in_thread(self.create, task, args, kwargs, **said)

    async def apause(self, key: str, note: str | None = None) -> ScheduleEnvelope:
        """Do what `pause` does without blocking the event loop."""
        return await in_thread(self.pause, key, note)

    async def apause_all(self, note: str | None = None) -> int:
        """Do what `pause_all` does without blocking the event loop."""
        return await in_thread(self.pause_all, note)

    async def aresume(self, key: str) -> ScheduleEnvelope:
        """Do what `resume` does without blocking the event loop."""
        return await in_thread(self.resume, key)

    async def aresume_all(self) -> int:
        """Do what `resume_all` does without blocking the event loop."""
        return await in_thread(self.resume_all)

    async def aupdate(self, key: str, /, **changes: Any) -> ScheduleEnvelope:
        """Do what `update` does without blocking the event loop."""
        return await in_thread(self.update, key, **changes)

    async def acancel(self, key: str) -> bool:
        """Do what `cancel` does without blocking the event loop."""
        return await in_thread(self.cancel, key)

    async def acancel_all(self, **wanted: Any) -> int:
        """Do what `cancel_all` does without blocking the event loop."""
        return await in_thread(self.cancel_all, **wanted)

    async def async_(self, **how: Any) -> SyncReport:
        """Do what `sync` does without blocking the event loop; `async` is no name in Python."""
        return await in_thread(self.sync, **how)

    async def atrigger(self, key: str, request: str | None = None) -> JobHandle[Any]:
        """Do what `trigger` does without blocking the event loop."""
        return await in_thread(self.trigger, key, request)

    async def abackfill(self, key: str, start: datetime, end: datetime, **how: Any) -> Backfilled:
        """Do what `backfill` does without blocking the event loop."""
        return await in_thread(self.backfill, key, start, end, **how)


def _checked_note(note: str | None) -> str | None:
    return None if note is None else check_name(note, "note")
