"""Which call is the same schedule, and what it does to what is stored: the pure rules as tables, then the whole way."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from nuvom import DuplicateScheduleWarning, Nuvom, ScheduleEnvelope, ScheduleState, testing
from nuvom._identity import PRUNED, changed_parts, content_id, name_id, next_generation, resolve
from nuvom._job import TaskDefaults
from nuvom._options import checked
from nuvom._schedule import Overlap
from nuvom._times import Times, Zone, build_envelope
from nuvom.stores.values import Change
from nuvom.testing import Memory

app = Nuvom("memory://")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
AT = NOW + timedelta(hours=1)
HOUR = timedelta(hours=1)


@app.task
def note(text: str = "a") -> str:
    return text


@pytest.fixture
def memory() -> Iterator[Memory]:
    with testing.memory(app, now=NOW) as memory:
        yield memory


def wanted(now: datetime = NOW, arguments: bytes = b'[["a"],{}]', **said: Any) -> ScheduleEnvelope:
    """What a call comes to: times of `.schedule`, and options."""
    times = {key: said.pop(key) for key in ("at", "in_", "interval", "cron", "timezone_name") if key in said}
    origin = said.pop("origin", "api")
    task = said.pop("task", "tasks.send")
    options = checked(**{"name": "n", **said})
    envelope = build_envelope(
        task, arguments, Times(**(times or {"interval": 3600})), options, TaskDefaults(), now=now, zone=Zone()
    )
    return replace(envelope, origin=origin)


def kept(**said: Any) -> ScheduleEnvelope:
    return resolve(None, wanted(**said), NOW).envelope


def ended(envelope: ScheduleEnvelope, state: ScheduleState, **fields: Any) -> ScheduleEnvelope:
    return replace(envelope.ended(state, envelope.generation + 1, NOW), **fields)


SAME: list[dict[str, Any]] = [
    {"interval": timedelta(hours=1)},
    {"interval": "1h"},
    {"interval": 3600.0},
    {"interval": 3600, "catch_up": "latest"},
    {"interval": 3600, "overlap": "allow"},
    {"interval": 3600, "jitter": 0},
]


OTHER: list[dict[str, Any]] = [
    {"task": "tasks.other"},
    {"arguments": b'[["b"],{}]'},
    {"interval": 3601},
    {"cron": "0 * * * *"},
    {"cron": "0 * * * *", "timezone_name": "Asia/Tokyo"},
    {"queue": "q"},
    {"priority": 1},
    {"retries": 1},
    {"max_crashes": 0},
    {"store_result": False},
    {"catch_up": "all"},
    {"grace": 60},
    {"overlap": "skip"},
    {"jitter": 60},
    {"starts_at": AT},
    {"ends_at": AT + 3 * HOUR},
    {"max_runs": 3},
]


class TestIds:
    def test_a_name_is_a_uuid5_of_it_and_a_content_one_of_the_call(self) -> None:
        assert UUID(name_id("nightly")).version == UUID(wanted(name=None).id).version == 5
        assert name_id("nightly") == wanted(name="nightly").id == wanted(name="nightly", cron="0 3 * * *").id
        assert name_id("nightly") != name_id("nightlY")
        assert name_id("nightly") != str(uuid5(NAMESPACE_URL, "nightly"))

    @pytest.mark.parametrize("said", SAME, ids=str)
    def test_the_same_unnamed_call_is_one_schedule_however_it_is_spelled(self, said: dict[str, Any]) -> None:
        assert wanted(name=None, **said).id == wanted(name=None, interval=3600).id
        assert wanted(name=None, now=LATER, **said).id == wanted(name=None, interval=3600).id

    def test_another_task_argument_trigger_zone_or_option_is_another_schedule(self) -> None:
        ids = [wanted(name=None, **said).id for said in [{}, *OTHER]]
        assert len(set(ids)) == len(ids)

    def test_the_id_of_a_call_is_that_of_the_release_before(self) -> None:
        """Schedules in stores have these ids: another rule would make each of them twice."""
        assert content_id(wanted(name=None, cron="0 9 * * *")) == "b7fa4b18-17f6-5cc9-9a66-ec39898ad69b"
        assert name_id("nightly") == "cefb8e92-a619-574e-8380-ec45fa608ebf"


def test_a_generation_only_grows_whatever_the_clock_does() -> None:
    assert next_generation(0, NOW) == int(NOW.timestamp() * 1_000_000)
    assert next_generation(next_generation(0, NOW), NOW - HOUR) == next_generation(0, NOW) + 1


UPSERTS: list[tuple[str, dict[str, Any], dict[str, Any], Change, bool]] = [
    # what, stored, wanted five minutes later, what it comes to, whether the next run stays
    ("the same call", {}, {}, Change.UNCHANGED, True),
    ("other arguments", {}, {"arguments": b"[[],{}]"}, Change.REPLACED, True),
    ("another task", {}, {"task": "tasks.other"}, Change.REPLACED, True),
    ("another queue", {}, {"queue": "q"}, Change.REPLACED, True),
    ("other policies", {}, {"catch_up": "skip", "grace": 60, "max_runs": 9}, Change.REPLACED, True),
    ("another overlap", {}, {"overlap": "skip"}, Change.REPLACED, True),
    ("other metadata", {}, {"metadata": {"a": 1}}, Change.REPLACED, True),
    ("another interval", {}, {"interval": 60}, Change.REPLACED, False),
    ("another kind", {}, {"cron": "0 3 * * *"}, Change.REPLACED, False),
    ("another zone", {"cron": "0 3 * * *"}, {"cron": "0 3 * * *", "timezone_name": "Asia/Tokyo"},
     Change.REPLACED, False),
    ("another start", {}, {"starts_at": AT + HOUR}, Change.REPLACED, False),
    ("the same time", {"at": AT}, {"at": AT}, Change.UNCHANGED, True),
    ("another time", {"at": AT}, {"at": AT + HOUR}, Change.REPLACED, False),
    ("a delay is counted anew", {"in_": 3600}, {"in_": 3600}, Change.REPLACED, False),
    ("an end that leaves nothing", {}, {"ends_at": LATER}, Change.NEVER, True),
]  # fmt: skip


@pytest.mark.parametrize(("before", "said", "change", "stays"), [u[1:] for u in UPSERTS], ids=[u[0] for u in UPSERTS])
@pytest.mark.parametrize("origin", ["api", "code"])
def test_an_upsert_moves_the_next_run_only_with_trigger_zone_or_bounds(
    before: dict[str, Any], said: dict[str, Any], change: Change, stays: bool, origin: str
) -> None:
    stored = kept(origin=origin, **before)
    found = resolve(stored, wanted(now=LATER, origin=origin, **said), LATER)
    assert found.change is change
    assert (found.envelope.next_run == stored.next_run) is stays
    assert (found.envelope.generation > stored.generation) is (change is Change.REPLACED)
    assert found.envelope.created_at == stored.created_at


LIVES: list[tuple[str, dict[str, Any], ScheduleState, dict[str, Any], Change]] = [
    # what, the life that ended, how, the call after it, what it comes to
    ("the same time after it ran", {"at": AT}, ScheduleState.DONE, {"at": AT}, Change.DONE),
    ("other arguments after it ran", {"at": AT}, ScheduleState.DONE, {"at": AT, "arguments": b"[[],{}]"}, Change.DONE),
    ("another time after it ran", {"at": AT}, ScheduleState.DONE, {"at": AT + HOUR}, Change.CREATED),
    ("any delay after it ran", {"in_": 60}, ScheduleState.DONE, {"in_": 60}, Change.CREATED),
    ("the same time after a cancel", {"at": AT}, ScheduleState.CANCELLED, {"at": AT}, Change.CREATED),
    ("an interval after a cancel", {}, ScheduleState.CANCELLED, {}, Change.CREATED),
    ("as many runs again", {"max_runs": 2}, ScheduleState.DONE, {"max_runs": 2}, Change.DONE),
    ("more runs", {"max_runs": 2}, ScheduleState.DONE, {"max_runs": 3}, Change.CREATED),
]


@pytest.mark.parametrize(("before", "state", "said", "change"), [u[1:] for u in LIVES], ids=[u[0] for u in LIVES])
def test_after_its_end_a_name_starts_a_new_life_unless_the_same_has_run(
    before: dict[str, Any], state: ScheduleState, said: dict[str, Any], change: Change
) -> None:
    over = ended(kept(**before), state)
    found = resolve(over, wanted(now=LATER, **said), LATER)
    assert found.change is change
    if change is Change.DONE:
        assert found.envelope == over
    else:
        assert found.envelope.generation > over.generation
        assert (found.envelope.run_count, found.envelope.created_at) == (0, LATER)


OVERRIDES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("nothing", {}, ()),
    ("arguments", {"arguments": b"[[],{}]"}, ("arguments",)),
    ("times", {"interval": 60}, ("times",)),
    ("zone and bounds", {"cron": "0 3 * * *", "ends_at": AT + 99 * HOUR}, ("ends_at", "times")),
    ("policies", {"catch_up": "first", "overlap": "skip"}, ("catch_up", "overlap")),
    ("grace and jitter", {"grace": 60, "jitter": 30}, ("grace", "jitter")),
    ("options", {"queue": "q"}, ("options",)),
    ("metadata", {"metadata": {"a": 1}}, ("metadata",)),
    ("task and runs", {"task": "tasks.other", "max_runs": 9}, ("max_runs", "task")),
]


@pytest.mark.parametrize(("said", "parts"), [o[1:] for o in OVERRIDES], ids=[o[0] for o in OVERRIDES])
def test_a_call_on_a_schedule_declared_in_code_marks_what_it_changes_and_code_leaves_it(
    said: dict[str, Any], parts: tuple[str, ...]
) -> None:
    stored = kept(origin="code")
    called = resolve(stored, wanted(**said), NOW).envelope
    assert (called.overridden, called.origin) == (parts, "code")
    synced = resolve(called, wanted(now=LATER, origin="code", priority=7), LATER).envelope
    left = changed_parts(synced, wanted(origin="code", priority=7))
    assert set(left) == set(parts)
    assert synced.overridden == parts
    taken = resolve(called, wanted(now=LATER, origin="code"), LATER, overwrite=True).envelope
    assert changed_parts(taken, wanted(origin="code")) == ()
    assert taken.overridden == ()


def test_two_calls_mark_what_either_changed() -> None:
    once = resolve(kept(origin="code"), wanted(queue="q"), NOW).envelope
    twice = resolve(once, wanted(queue="q", grace=60), NOW).envelope
    assert twice.overridden == ("grace", "options")


def test_a_call_that_says_what_the_code_says_overrides_nothing() -> None:
    stored = kept(origin="code")
    assert resolve(stored, wanted(now=LATER), LATER) == (stored, Change.UNCHANGED)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_pause_and_its_note_survive_any_redefinition(overwrite: bool) -> None:
    paused = replace(kept(origin="code"), state=ScheduleState.PAUSED, note="holidays", paused_at=NOW)
    for said in ({}, {"interval": 60}, {"cron": "0 3 * * *"}, {"arguments": b"[[],{}]", "queue": "q"}):
        for origin in ("code", "api"):
            after = resolve(paused, wanted(now=LATER, origin=origin, **said), LATER, overwrite=overwrite).envelope
            assert (after.state, after.note, after.paused_at) == (ScheduleState.PAUSED, "holidays", NOW)


IN_CODE: list[tuple[str, ScheduleEnvelope | None, dict[str, bool], Change]] = [
    ("is created", None, {}, Change.CREATED),
    ("leaves one that a call made", kept(), {}, Change.TAKEN),
    ("leaves it with overwrite and revive, too", kept(), {"overwrite": True, "revive": True}, Change.TAKEN),
    ("follows one that a call made and that was cancelled", ended(kept(), ScheduleState.CANCELLED), {}, Change.CREATED),
    ("stays cancelled", ended(kept(origin="code"), ScheduleState.CANCELLED), {}, Change.CANCELLED),
    ("stays cancelled with overwrite", ended(kept(origin="code"), ScheduleState.CANCELLED), {"overwrite": True},
     Change.CANCELLED),
    ("is revived", ended(kept(origin="code"), ScheduleState.CANCELLED), {"revive": True}, Change.CREATED),
    ("comes back after a prune", ended(kept(origin="code"), ScheduleState.CANCELLED, note=PRUNED), {}, Change.CREATED),
    ("a cancel with another note is one", ended(kept(origin="code"), ScheduleState.CANCELLED, note="enough"), {},
     Change.CANCELLED),
    ("has run to its end", ended(kept(origin="code"), ScheduleState.DONE), {}, Change.DONE),
]  # fmt: skip


@pytest.mark.parametrize(("stored", "how", "change"), [c[1:] for c in IN_CODE], ids=[c[0] for c in IN_CODE])
def test_what_is_declared_in_code(stored: ScheduleEnvelope | None, how: dict[str, bool], change: Change) -> None:
    found = resolve(stored, wanted(now=LATER, origin="code"), LATER, **how)
    assert found.change is change
    if not change.stored:
        assert found.envelope == stored
    else:
        assert (found.envelope.origin, found.envelope.note) == ("code", None)


def test_a_call_makes_anew_what_code_declared_and_somebody_cancelled() -> None:
    over = ended(kept(origin="code"), ScheduleState.CANCELLED)
    found = resolve(over, wanted(now=LATER), LATER)
    assert (found.change, found.envelope.origin, found.envelope.overridden) == (Change.CREATED, "api", ())


class TestWholeWay:
    def test_the_same_at_after_its_dispatch_returns_the_old_one_and_does_not_run_again(self, memory: Memory) -> None:
        first = note.options(name="once").schedule("a", at=AT)
        memory.advance("2h")
        again = note.options(name="once").schedule("a", at=AT)
        assert (again.id, again.state, again.run_count) == (first.id, ScheduleState.DONE, 1)
        memory.advance("1h")
        assert len(memory.jobs()) == 1

    @pytest.mark.parametrize("times", [{"at": AT + 5 * HOUR}, {"in_": 60}, {"in_": "1h"}])
    def test_another_at_or_any_in_after_its_dispatch_starts_a_new_life(
        self, memory: Memory, times: dict[str, Any]
    ) -> None:
        first = note.options(name="once").schedule("a", at=AT)
        memory.advance("2h")
        second = note.options(name="once").schedule("a", **times)
        assert (second.id, second.state) == (first.id, ScheduleState.ACTIVE)
        assert second.generation > first.generation
        memory.advance("5h")
        assert len(memory.jobs()) == 2

    def test_a_pending_named_delay_moves_at_each_call_and_runs_once(self, memory: Memory) -> None:
        for _ in range(5):
            note.options(name="debounce").schedule("a", in_="10m")
            memory.advance("9m")
        assert memory.jobs() == []
        memory.advance("1m")
        assert len(memory.jobs()) == 1

    def test_an_instant_dispatched_before_a_cancel_is_not_dispatched_again_in_the_new_life(
        self, memory: Memory
    ) -> None:
        note.options(name="hourly").schedule("a", cron="0 * * * *")
        memory.advance("1h")
        for _ in range(3):
            assert app.schedules.cancel("hourly")
            memory.clock.step(-600)
            note.options(name="hourly").schedule("a", cron="0 * * * *")
            memory.advance("10m")
        assert len(memory.jobs()) == len(app.schedules.runs("hourly")) == 1
        memory.advance("1h")
        assert len(memory.jobs()) == 2

    def test_the_generation_grows_over_every_cancel_and_anew(self, memory: Memory) -> None:
        seen = []
        for _ in range(4):
            seen.append(note.options(name="n").schedule("a", interval=60).generation)
            memory.clock.step(-3600)
            app.schedules.cancel("n")
        assert seen == sorted(set(seen))


SILENT: list[tuple[str, Any]] = [
    ("named", lambda: note.options(name="n").schedule("a", interval=60)),
    ("a one-off", lambda: note.schedule("a", at=AT)),
    ("a one-off with an id", lambda: note.options(id="x").schedule("a", at=AT)),
]


class TestDuplicates:
    def test_a_second_identical_unnamed_recurring_call_warns_at_its_own_line(self, memory: Memory) -> None:
        note.schedule("a", interval=60)
        with pytest.warns(DuplicateScheduleWarning, match=r"for two, give names: \.options\(name=…\)") as caught:
            note.schedule("a", interval=60)
        assert [warning.filename for warning in caught] == [__file__]
        assert len(memory.schedules()) == 1

    @pytest.mark.parametrize("call", [s[1] for s in SILENT], ids=[s[0] for s in SILENT])
    def test_what_has_an_identity_of_its_own_may_be_repeated(self, memory: Memory, call: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(3):
                call()

    def test_calls_that_differ_are_silent(self, memory: Memory) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            note.schedule("a", interval=60)
            note.schedule("b", interval=60)
            note.options(overlap=Overlap.SKIP).schedule("a", interval=60)

    def test_made_anew_after_a_cancel_is_silent(self, memory: Memory) -> None:
        first = note.schedule("a", interval=60)
        first.cancel()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            note.schedule("a", interval=60)

    def test_another_process_is_silent(self, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
        note.schedule("a", interval=60)
        monkeypatch.setattr("os.getpid", lambda: 1)  # what a fork sees
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            note.schedule("a", interval=60)
