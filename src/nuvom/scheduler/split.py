"""Schedules kept by a backend of the founding five methods, under a fence beside the ledger.

Every change writes its new generation and definition (or its end) to the fence first and then changes the backend, so
that whoever finds the fence newer than the backend can complete the change: its caller had no answer yet, so both
results are right.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from nuvom._identity import next_generation, resolve
from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.errors import ScheduleChanged, UnsupportedByBackend
from nuvom.stores.backends import cancel_in, enqueue_in, stored_in
from nuvom.stores.base import Ledger, SchedulerBackend
from nuvom.stores.values import Fence, Upserted

ATTEMPTS = 100  # lost races before a caller is told; one of those who race always wins


def as_stored(envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    """Return an envelope as such a backend means it: its next run is its next nominal time."""
    if envelope.next_nominal == envelope.next_run:
        return envelope
    return replace(envelope, next_nominal=envelope.next_run)


def refuse_unkept(wanted: ScheduleEnvelope, called: str) -> None:
    """Raise UnsupportedByBackend for an option that five methods cannot carry: its `reschedule` moves only next_run."""
    for name, said in (("jitter", wanted.jitter), ("max_runs", wanted.max_runs)):
        if said:
            raise UnsupportedByBackend(f"{called} cannot carry {name}={said}: it keeps only the next run; leave it out")


def enqueue_split(
    backend: SchedulerBackend,
    ledger: Ledger,
    wanted: ScheduleEnvelope,
    now: datetime,
    *,
    overwrite: bool = False,
    revive: bool = False,
) -> Upserted:
    """Create or replace a schedule by id in a backend of five methods, by the rule of `nuvom._identity.resolve`.

    Args:
        backend: where the schedule is kept.
        ledger: beside the jobs; holds the fence.
        wanted: the schedule with its first next run.
        now: the store's clock.
        overwrite: whether a definition in code takes back what calls overrode.
        revive: whether a definition in code starts anew after a cancel.

    Returns:
        What is stored now, and what the call came to.

    Raises:
        ScheduleChanged: others changed the schedule again and again; nothing was done.

    """
    for _ in range(ATTEMPTS):
        fence = ledger.fence(wanted.id)
        stored = newest(backend, fence, wanted.id, now)
        found = resolve(stored, wanted, now, overwrite=overwrite, revive=revive)
        if not found.change.stored or ledger.raise_fence(found.envelope, fence.envelope.generation if fence else None):
            complete(backend, ledger, wanted.id)
            return found
    raise ScheduleChanged(wanted.id)


def update_split(
    backend: SchedulerBackend, ledger: Ledger, envelope: ScheduleEnvelope, now: datetime
) -> ScheduleEnvelope | None:
    """Replace a schedule of this generation in a backend of five methods; None: it has another one by now, or is gone.

    Args:
        backend: where the schedule is kept.
        ledger: beside the jobs; holds the fence.
        envelope: the schedule as it was read, changed.
        now: the store's clock.
    """
    fence = ledger.fence(envelope.id)
    stored = newest(backend, fence, envelope.id, now)
    if stored is None or stored.state.ended or stored.generation != envelope.generation:
        return None
    newer = replace(envelope, generation=next_generation(envelope.generation, now), updated_at=now)
    if not ledger.raise_fence(newer, fence.envelope.generation if fence else None):
        return None
    complete(backend, ledger, envelope.id)
    return newer


def cancel_split(backend: SchedulerBackend, ledger: Ledger, schedule_id: str, now: datetime) -> bool:
    """End a schedule in a backend of five methods, for good; False when there was none.

    Args:
        backend: where the schedule is kept.
        ledger: beside the jobs; holds the fence.
        schedule_id: which one.
        now: the store's clock.

    Returns:
        True when a living schedule was ended, False when there was none.

    Raises:
        ScheduleChanged: others changed the schedule again and again; nothing was done.

    """
    for _ in range(ATTEMPTS):
        fence = ledger.fence(schedule_id)
        stored = newest(backend, fence, schedule_id, now)
        if stored is None or stored.state.ended:
            complete(backend, ledger, schedule_id)
            return False
        if end(ledger, stored, fence, ScheduleState.CANCELLED, now):
            complete(backend, ledger, schedule_id)
            return True
    raise ScheduleChanged(schedule_id)


def end(ledger: Ledger, envelope: ScheduleEnvelope, fence: Fence | None, state: ScheduleState, now: datetime) -> bool:
    """Write the end of a schedule's life to its fence; False when somebody changed it since `fence` was read."""
    known = fence.envelope.generation if fence else None
    generation = next_generation(max(envelope.generation, known or 0), now)
    return ledger.raise_fence(envelope.ended(state, generation, now), known)


def complete(backend: SchedulerBackend, ledger: Ledger, schedule_id: str) -> None:
    """Bring the backend to what the fence says, however many others do the same at once.

    A backend has no compare-and-set, so an older definition may overwrite a newer one: the fence is looked at again
    after each change, and whoever wrote last finds what is newest.
    """
    fence = ledger.fence(schedule_id)
    while fence is not None:
        stored = stored_in(backend, schedule_id)
        if not _behind(stored, fence):
            return
        if fence.envelope.state is ScheduleState.ACTIVE:
            enqueue_in(backend, fence.envelope)
        else:
            cancel_in(backend, schedule_id)
        before, fence = fence, ledger.fence(schedule_id)
        if fence == before:
            return


def _behind(stored: ScheduleEnvelope | None, fence: Fence) -> bool:
    if fence.envelope.state is ScheduleState.ACTIVE:
        return stored is None or stored.generation < fence.envelope.generation
    return stored is not None and stored.generation <= fence.envelope.generation


def newest(backend: SchedulerBackend, fence: Fence | None, schedule_id: str, now: datetime) -> ScheduleEnvelope | None:
    """Return the newest that is known of an id: the backend's, whose next run moves, or the fence's."""
    stored = stored_in(backend, schedule_id)
    if fence is None or (stored is not None and stored.generation >= fence.envelope.generation):
        return stored and as_stored(stored)
    if stored is None and fence.envelope.state is ScheduleState.ACTIVE:
        # Other code told its backend to cancel it: what comes now is a new life with times of its own.
        return fence.envelope.ended(ScheduleState.CANCELLED, fence.envelope.generation, now)
    return fence.envelope
