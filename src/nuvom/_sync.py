"""What code declares beside what is stored: a plan first, which is pure, and then its steps one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from nuvom._declared import envelope_of
from nuvom._identity import PRUNED, changed_parts, resolve
from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom._task import task_rows
from nuvom._times import Zone
from nuvom.errors import ArgumentsError, ScheduleChanged
from nuvom.scheduler import split
from nuvom.scheduler.resuming import passed_over
from nuvom.stores.values import Change, ScheduleFilter, Upserted

if TYPE_CHECKING:
    from nuvom._app import Nuvom


class Action(StrEnum):
    """What a sync does about one schedule; the first three change what is stored."""

    CREATE = "create"
    UPDATE = "update"
    PRUNE = "prune"  # its declaration is gone: it is cancelled, and comes back when it is declared again
    UNCHANGED = "unchanged"
    OVERRIDDEN = "overridden"  # calls changed parts of it, which are left as they are
    CANCELLED = "cancelled"  # somebody cancelled it: it stays so until it is revived
    TAKEN = "taken"  # its name belongs to a schedule that a call made
    DONE = "done"  # it has run to its end
    NEVER = "never"  # its bounds leave nothing to run
    KEPT = "kept"  # its declaration is gone, and it is paused: a pause is somebody's word

    @property
    def changes(self) -> bool:
        """Whether something is written."""
        return self in (Action.CREATE, Action.UPDATE, Action.PRUNE)


_ACTIONS = {
    Change.CREATED: Action.CREATE,
    Change.REPLACED: Action.UPDATE,
    Change.UNCHANGED: Action.UNCHANGED,
    Change.DONE: Action.DONE,
    Change.NEVER: Action.NEVER,
    Change.CANCELLED: Action.CANCELLED,
    Change.TAKEN: Action.TAKEN,
}


class SyncStep(NamedTuple):
    """What a sync does about one schedule, or would do.

    `schedule` is how it is stored afterwards, `parts` what of it changes, and `overridden` what of it differs from the
    code, because a call changed it and the code's is not taken.
    """

    action: Action
    schedule: ScheduleEnvelope
    parts: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()


class Unfit(NamedTuple):
    """A stored schedule whose jobs would fail: no worker knows its task, or its arguments no longer bind."""

    schedule: ScheduleEnvelope
    reason: str
    known: bool  # whether its task is


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync did, or with `dry_run` would do: a step for each schedule, and which of those stored are unfit."""

    steps: tuple[SyncStep, ...]
    unfit: tuple[Unfit, ...] = ()
    dry_run: bool = False

    @property
    def changes(self) -> tuple[SyncStep, ...]:
        """The steps that write something."""
        return tuple(step for step in self.steps if step.action.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What a sync may do beside storing what is new: end, take back, start anew (names)."""

    prune: bool = False
    overwrite: bool = False
    revive: Collection[str] = ()


def plan(
    declared: Iterable[ScheduleEnvelope],
    stored: Mapping[str, ScheduleEnvelope],
    in_code: Iterable[ScheduleEnvelope],
    options: SyncOptions,
    now: datetime,
) -> list[SyncStep]:
    """Return a step for each schedule that is declared, and then for each that no longer is.

    Args:
        declared: What the code declares.
        stored: The newest that is known of an id, which may be a life that has ended.
        in_code: Schedules that live and were declared in code, those of which the declaration is gone among them.
        options: What the sync may do.
        now: The store's clock.
    """
    steps, ids = [], set()
    for wanted in declared:
        before = stored.get(wanted.id)
        revive = wanted.name in options.revive
        steps.append(_step(before, resolve(before, wanted, now, overwrite=options.overwrite, revive=revive), wanted))
        ids.add(wanted.id)
    return steps + [_gone(envelope) for envelope in in_code if envelope.id not in ids]


def _step(before: ScheduleEnvelope | None, answer: Upserted, wanted: ScheduleEnvelope) -> SyncStep:
    action, after = _ACTIONS[answer.change], answer.envelope
    if before is None or action not in (Action.UPDATE, Action.UNCHANGED):
        return SyncStep(action, after)
    left = tuple(part for part in after.overridden if part in changed_parts(after, wanted))
    if action is Action.UNCHANGED:
        return SyncStep(Action.OVERRIDDEN if left else action, after, (), left)
    parts = changed_parts(before, after) or ("overridden" if before.overridden != after.overridden else "defaults",)
    return SyncStep(action, after, parts, left)


def _gone(envelope: ScheduleEnvelope) -> SyncStep:
    return SyncStep(Action.KEPT if envelope.state is ScheduleState.PAUSED else Action.PRUNE, envelope)


def sync(app: Nuvom, options: SyncOptions, *, dry_run: bool = False) -> list[SyncStep]:
    """Store what code declares, and the rows of its tasks; returns what was done, or with `dry_run` would be.

    Raises:
        ValueError: `revive` names a schedule that is not declared.
        UnsupportedByBackend: a backend of five methods cannot list what to prune, or cannot carry an option.
    """
    check_revived(app, options.revive)
    gone_from = app.schedule_store("list the schedules that prune looks for") if options.prune else None
    declared = list(_declared(app))
    stored = {wanted.id: found for wanted in declared if (found := newest(app, wanted.id)) is not None}
    in_code = [] if gone_from is None else list(app.schedules.iterate(ScheduleFilter(origin="code")))
    steps = plan(declared, stored, in_code, options, app.now())
    if dry_run:
        return steps
    app.store.workers.remember_tasks(task_rows(app.registry))
    wanted_by_id = {wanted.id: wanted for wanted in declared}
    return [_applied(app, step, wanted_by_id.get(step.schedule.id), options) for step in steps]


def _declared(app: Nuvom) -> Iterator[ScheduleEnvelope]:
    zone = Zone(default=app.settings.timezone, naive=app.settings.naive)
    now = app.now()
    for declaration in app.declared.values():
        wanted = envelope_of(declaration, now=now, zone=zone)
        if app.split:
            split.refuse_unkept(wanted, app.scheduler_name)
        yield wanted


def check_revived(app: Nuvom, names: Collection[str]) -> None:
    """Raise ValueError for a name that no declared schedule has."""
    for name in names:
        if name not in app.declared:
            near = get_close_matches(name, app.declared, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "only what code declares can be revived"
            raise ValueError(f"revive={name!r} is the name of no declared schedule; {hint}")


def newest(app: Nuvom, schedule_id: str) -> ScheduleEnvelope | None:
    """Return the newest that is known of an id: the living schedule, or how its last life ended."""
    if app.split:
        return split.newest(app.backend, app.store.ledger.fence(schedule_id), schedule_id, app.now())
    living = app.store.schedules.get(schedule_id)
    if living is not None:
        return living
    fence = app.store.ledger.fence(schedule_id)
    return fence.envelope if fence is not None and fence.ended_at is not None else None


def missing(app: Nuvom) -> list[str]:
    """Return the names of declared schedules that a sync would create."""
    options = SyncOptions()
    return [str(step.schedule.name) for step in sync(app, options, dry_run=True) if step.action is Action.CREATE]


def _applied(app: Nuvom, step: SyncStep, wanted: ScheduleEnvelope | None, options: SyncOptions) -> SyncStep:
    """Do one step; what comes of it may be another one, where somebody else was faster."""
    if not step.action.changes:
        return step
    if wanted is None:
        return _pruned(app, step)
    answer = app.upsert(wanted, overwrite=options.overwrite, revive=wanted.name in options.revive)
    if _ACTIONS[answer.change] is step.action:
        return step._replace(schedule=answer.envelope)
    return _step(answer.envelope, answer, wanted)


def _pruned(app: Nuvom, step: SyncStep) -> SyncStep:
    store = app.store.schedules
    for _ in range(split.ATTEMPTS):
        stored = store.get(step.schedule.id)
        if stored is None:
            return step
        if stored.state is ScheduleState.PAUSED:
            return _gone(stored)
        wanted = replace(stored, state=ScheduleState.CANCELLED, note=PRUNED)
        ended = store.update(wanted, passed_over(stored, app.now(), PRUNED))
        if ended is not None:
            return step._replace(schedule=ended)
    raise ScheduleChanged(step.schedule.name or step.schedule.id)


def unfit(app: Nuvom, stored: Iterable[ScheduleEnvelope] | None = None) -> Iterator[Unfit]:
    """Yield the schedules (by default all that are stored) whose jobs would fail, as far as workers and code tell."""
    known = {row.name for row in app.store.workers.tasks()} | set(app.registry)
    for envelope in app.schedules.iterate(ScheduleFilter()) if stored is None else stored:
        if envelope.task not in known:
            yield Unfit(envelope, f"no worker knows its task {envelope.task}", known=False)
        elif envelope.task in app.registry:
            try:
                app.registry[envelope.task].decode(envelope.arguments)
            except ArgumentsError as error:
                yield Unfit(envelope, str(error), known=True)
