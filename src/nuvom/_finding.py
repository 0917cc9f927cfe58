"""Which schedule a key stands for: a name, an id, or the beginning of an id that is its only one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from nuvom import _identity
from nuvom._collections import PAGE, task_name
from nuvom._ids import is_uuid
from nuvom._naming import check_text
from nuvom._options import choice, metadata_filter
from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.errors import ScheduleEnded, ScheduleNotFound, shortened
from nuvom.stores.backends import stored_in
from nuvom.stores.values import ScheduleFilter

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._task import Task

_SHORTEST = 4  # characters of an id that are its beginning and no chance


def find(app: Nuvom, key: str) -> ScheduleEnvelope | None:
    """Return the schedule of a key; an exact name wins over the beginning of an id."""
    if not isinstance(key, str):
        raise TypeError(f"a schedule is named by text, its name or id, not by {shortened(key)}")
    check_text(key, "name")
    if is_uuid(key):
        return stored_in(app.backend, key.lower())
    by_name = stored_in(app.backend, _identity.name_id(key))
    if by_name is not None or app.split or len(key) < _SHORTEST:
        return by_name
    starting = [each for each in every(app, ScheduleFilter()) if each.id.startswith(key.lower())]
    return starting[0] if len(starting) == 1 else None


def fitting(
    task: Task[..., Any, Any] | str | None,
    name: str | None,
    metadata: Mapping[str, Any] | None,
    state: ScheduleState | str | None = None,
) -> ScheduleFilter:
    """Return which schedules are wanted; raises TypeError or ValueError naming what cannot be looked for."""
    return ScheduleFilter(
        task=task_name(task),
        state=None if state is None else choice(ScheduleState, state, "state"),
        name_like=None if name is None else check_text(name, "name"),
        metadata=metadata_filter(metadata),
    )


def every(app: Nuvom, wanted: ScheduleFilter) -> Iterator[ScheduleEnvelope]:
    """Yield the schedules that fit, newest first, a page at a time."""
    store = app.schedule_store("list schedules")
    page = store.list(wanted, PAGE)
    while page:
        yield from page
        page = store.list(wanted, PAGE, page[-1].id) if len(page) == PAGE else []


def why_not(app: Nuvom, key: str) -> ScheduleNotFound:
    """Return the error for a key of which there is no schedule: it has ended, or never was, and which are near."""
    ended = app.store.ledger.fence(key.lower() if is_uuid(key) else _identity.name_id(key))
    if ended is not None and ended.ended_at is not None:
        return ScheduleEnded(key, ended.envelope.state)
    names = [] if app.split else [each.name for each in every(app, ScheduleFilter()) if each.name]
    return ScheduleNotFound(key, tuple(get_close_matches(key, names, n=3)))
