"""The founding five methods, as any `SchedulerBackend` must keep them; a plugin gives the fixture `backend`, empty."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from nuvom._schedule import CatchUp, ScheduleEnvelope
from nuvom.stores.base import SchedulerBackend
from nuvom.testing.conformance.examples import HOUR, MINUTE, NO_ID, daily, every, ids, one_off
from nuvom.testing.conformance.harness import START

KEPT_BY_THE_STORE = {"generation", "created_at", "updated_at"}


def definition(envelope: ScheduleEnvelope) -> dict[str, object]:
    """Return what an envelope says, without what its store adds."""
    names = [field.name for field in fields(envelope) if field.compare and field.name not in KEPT_BY_THE_STORE]
    return {name: getattr(envelope, name) for name in names}


ENVELOPES = [
    one_off(START + HOUR),
    one_off(START - 1000 * HOUR, arguments='[["ü\\u0000",null,1.5],{"k":[{}]}]'.encode()),
    every(0.1, START + HOUR, name="often"),
    daily(START + HOUR, name="täglich", timezone_name="Pacific/Chatham", catch_up=CatchUp.ALL),
    every(60, START, options={"queue": "q", "priority": -1}, metadata={"a": [1, {"b": None}]}, unknown={"shade": [5]}),
]


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda e: e.schedule_type.value)
def test_an_enqueued_envelope_comes_back_as_it_was(backend: SchedulerBackend, envelope: ScheduleEnvelope) -> None:
    kept = backend.enqueue(envelope)
    assert definition(kept) == definition(envelope)
    assert backend.get(envelope.id) == kept
    assert backend.due(START + 2 * HOUR, 10) == [kept]


def test_an_id_that_was_never_enqueued_is_none(backend: SchedulerBackend) -> None:
    assert backend.get(NO_ID) is None


def test_the_same_id_again_replaces(backend: SchedulerBackend) -> None:
    backend.enqueue(every(60, START + HOUR))
    first = every(60, START + HOUR)
    backend.enqueue(first)
    second = replace(one_off(START + MINUTE, task="tasks.other"), id=first.id)
    kept = backend.enqueue(second)
    assert definition(kept) == definition(second)
    assert backend.get(first.id) == kept
    assert ids(backend.due(START + 2 * HOUR, 10)).count(first.id) == 1
    assert ids(backend.due(START + MINUTE, 10)) == [first.id]


def test_an_envelope_is_due_from_its_next_run_on(backend: SchedulerBackend) -> None:
    kept = backend.enqueue(one_off(START))
    assert backend.due(START - timedelta(microseconds=1), 10) == []
    assert backend.due(START, 10) == [kept]
    assert backend.due(START + 10_000 * HOUR, 10) == [kept]


def test_due_gives_the_earliest_first_up_to_its_limit(backend: SchedulerBackend) -> None:
    order = [4, 2, 9, 0, 7]
    for hours in order:
        backend.enqueue(one_off(START + hours * HOUR))
    for limit in (1, 3, 5, 10):
        found = [envelope.next_run for envelope in backend.due(START + 8 * HOUR, limit)]
        assert found == [START + hours * HOUR for hours in sorted(order)[:4]][:limit]


def test_reschedule_moves_the_next_run(backend: SchedulerBackend) -> None:
    envelope = every(60, START)
    backend.enqueue(envelope)
    backend.reschedule(envelope.id, START + MINUTE)
    moved = backend.get(envelope.id)
    assert moved is not None
    assert moved.next_run == START + MINUTE
    assert backend.due(START, 10) == []
    assert ids(backend.due(START + MINUTE, 10)) == [envelope.id]


@pytest.mark.parametrize("later", [timedelta(0), -MINUTE, -1000 * HOUR])
def test_reschedule_to_what_is_not_later_is_ignored(backend: SchedulerBackend, later: timedelta) -> None:
    kept = backend.enqueue(every(60, START))
    backend.reschedule(kept.id, START + later)
    assert backend.get(kept.id) == kept


def test_reschedule_of_an_unknown_id_is_ignored(backend: SchedulerBackend) -> None:
    backend.reschedule(NO_ID, START)
    assert backend.get(NO_ID) is None
    assert backend.due(START + HOUR, 10) == []


def test_cancel_removes(backend: SchedulerBackend) -> None:
    first, second = backend.enqueue(one_off(START)), backend.enqueue(one_off(START))
    assert backend.cancel(first.id) is True
    assert backend.get(first.id) is None
    assert backend.due(START, 10) == [second]


def test_cancel_of_what_is_not_there_says_so(backend: SchedulerBackend) -> None:
    kept = backend.enqueue(one_off(START))
    assert backend.cancel(NO_ID) is False
    assert [backend.cancel(kept.id), backend.cancel(kept.id)] == [True, False]


def test_reschedule_after_cancel_brings_nothing_back(backend: SchedulerBackend) -> None:
    kept = backend.enqueue(every(60, START))
    backend.cancel(kept.id)
    backend.reschedule(kept.id, START + MINUTE)
    assert backend.get(kept.id) is None
    assert backend.due(START + HOUR, 10) == []


def test_a_cancelled_id_may_be_enqueued_again(backend: SchedulerBackend) -> None:
    envelope = every(60, START)
    backend.enqueue(envelope)
    backend.cancel(envelope.id)
    kept = backend.enqueue(envelope)
    assert backend.due(START, 10) == [kept]
