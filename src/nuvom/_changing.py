"""Changes of stored schedules, each a compare-and-set on the generation that was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from nuvom import _joined
from nuvom._identity import resolve
from nuvom._schedule import Occurrence, ScheduleEnvelope, ScheduleState
from nuvom._times import Zone
from nuvom._updating import Context, updated
from nuvom.errors import ScheduleChanged, ScheduleEnded
from nuvom.scheduler import split
from nuvom.scheduler.resuming import passed_over, resumed
from nuvom.stores.values import Change as StoredChange, PassedOver, Upserted

if TYPE_CHECKING:
    from nuvom._app import Nuvom

MOVED = "its times were changed"
CANCELLED = "it was cancelled"

Change = Callable[[ScheduleEnvelope, datetime], tuple[ScheduleEnvelope, Sequence[Occurrence]]]


def change(app: Nuvom, schedule_id: str, how: Change) -> ScheduleEnvelope:
    """Change what is stored, whatever others do meanwhile; raises ScheduleEnded where there is nothing any more."""
    store = app.schedule_store("pause or resume a schedule")
    for _ in range(split.ATTEMPTS):
        stored = store.get(schedule_id)
        if stored is None:
            raise ScheduleEnded(schedule_id, ScheduleState.CANCELLED)
        wanted, rows = how(stored, app.now())
        if wanted == stored:
            return app.attached(stored)
        newer = store.update(wanted, rows)
        if newer is not None:
            return app.attached(newer)
    raise ScheduleChanged(schedule_id)


def pausing(note: str | None) -> Change:
    """Return the change that pauses; a schedule that is paused gets the new note."""

    def pause(stored: ScheduleEnvelope, now: datetime) -> tuple[ScheduleEnvelope, Sequence[Occurrence]]:
        if stored.state is ScheduleState.QUARANTINED:
            raise ValueError(
                f"schedule {stored.name or stored.id} is quarantined and does not run: {stored.note}; "
                "update() it, or cancel it"
            )
        since = stored.paused_at or now
        return replace(stored, state=ScheduleState.PAUSED, note=note, paused_at=since), ()

    return pause


def resuming(stored: ScheduleEnvelope, now: datetime) -> tuple[ScheduleEnvelope, Sequence[Occurrence]]:
    """Resume a paused schedule; another one stays as it is."""
    return resumed(stored, now) if stored.state is ScheduleState.PAUSED else (stored, ())


def update(app: Nuvom, envelope: ScheduleEnvelope, changes: Mapping[str, Any]) -> ScheduleEnvelope:
    """Replace a schedule as it was read by itself with changes; raises ScheduleChanged where it is another by now."""
    now = app.now()
    zone = Zone(default=app.settings.timezone, naive=app.settings.naive)
    wanted = updated(envelope, changes, Context(now, zone, _encoder(app, envelope)))
    if app.split:
        _joined.refuse(f"{app.scheduler_name} keeps schedules elsewhere, so none can be changed")
        split.refuse_unkept(wanted, app.scheduler_name)
        newer = split.update_split(app.backend, app.store.ledger, wanted, now)
    else:
        rows = () if envelope.same_times(wanted) else passed_over(envelope, now, MOVED)
        newer = app.store.schedules.update(wanted, rows)
    if newer is None:
        raise ScheduleChanged(envelope.name or envelope.id)
    return app.attached(newer)


def upsert(app: Nuvom, wanted: ScheduleEnvelope, *, overwrite: bool, revive: bool) -> Upserted:
    """Store a definition beside the jobs; what was due of the times that it replaces gets a row."""
    store = app.store.schedules
    for _ in range(split.ATTEMPTS):
        known, now = store.get(wanted.id), app.now()
        meant = resolve(known, wanted, now, overwrite=overwrite, revive=revive)
        if known is not None and not meant.change.stored:
            return meant  # many processes say the same at their start, and none has to wait for another
        moved = known is not None and not known.same_times(meant.envelope)
        rows = passed_over(known, now, MOVED) if moved and known is not None else ()
        passed = PassedOver(None if known is None else known.generation, rows)
        stored = store.upsert(wanted, passed, overwrite=overwrite, revive=revive)
        if stored.change is not StoredChange.LOST:
            return stored
    raise ScheduleChanged(wanted.name or wanted.id)


def cancel(app: Nuvom, schedule_id: str) -> bool:
    """End a schedule for good; what was due and not dispatched gets a row. False when there was none."""
    if app.split:
        _joined.refuse(f"{app.scheduler_name} keeps schedules elsewhere, so none can be cancelled")
        return split.cancel_split(app.backend, app.store.ledger, schedule_id, app.now())
    store = app.store.schedules
    for _ in range(split.ATTEMPTS):
        stored = store.get(schedule_id)
        if stored is None:
            return False
        rows = passed_over(stored, app.now(), CANCELLED)
        if store.update(replace(stored, state=ScheduleState.CANCELLED), rows) is not None:
            return True
    raise ScheduleChanged(schedule_id)


def _encoder(
    app: Nuvom, envelope: ScheduleEnvelope
) -> Callable[[list[Any], Mapping[str, Any]], tuple[bytes, str | None]]:
    """Return how arguments become JSON and what the task's key makes of them: by its code where that is here."""
    known = app.registry.get(envelope.task)

    def encode(args: list[Any], kwargs: Mapping[str, Any]) -> tuple[bytes, str | None]:
        if known is not None:
            encoded = known.encode(args, kwargs)
            return encoded, known.kin(*known.decode(encoded))
        kin = None if envelope.defaults.key is None else app.task_named(envelope.task).kin(args, kwargs)
        return orjson.dumps([args, dict(kwargs)]), kin

    return encode
