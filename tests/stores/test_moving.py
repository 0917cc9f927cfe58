"""Copying a store into another one, of each kind into each."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nuvom._ids import raw
from nuvom._job import Outcome, Verdict
from nuvom._schedule import ScheduleState
from nuvom.errors import StoreError, StoreUnavailable
from nuvom.stores import moving
from nuvom.stores.base import Store
from nuvom.stores.transfer import COLUMNS, AttemptRow, Kind, Movable, Transfer, key_of
from nuvom.testing.conformance.examples import a_job, a_worker, all_jobs, claimed, pushed, running, the
from tests import servers
from tests.faults import invariants
from tests.furnished import by_name, furnish, limited, plain, using
from tests.stores.redis import consistency

Place = Callable[[str], str]
TABLES = {Kind.QUEUES: "paused_queues"}
# Of processes and of places among others: another store has its own.
BEHIND = {
    "workers", "waiters", "throughput", "migrations", "untold", "jobs.seq", "jobs.worker", "attempts.job",
    "schedules.seq", "fences.place", "tasks.updated_at",
}  # fmt: skip
ENGINES = ("sqlite", "postgresql", "redis")


def transfer(store: Store) -> Transfer:
    assert isinstance(store, Movable)
    return store.transfer


def copied(source: Store, target: Store, **said: Any) -> moving.Copied:
    source.workers.rescue()
    return moving.copy(transfer(source), transfer(target), lambda *_: None, **{"live": False, **said})


def everything(store: Store) -> dict[Kind, list[tuple[Any, ...]]]:
    """Every row of a store; jobs and schedules in the order in which they came."""
    found = {}
    for kind in Kind:
        rows, after = [], None
        while True:
            page = transfer(store).keys(kind, after, 50)
            by_key = {key_of(kind, row): row for row in transfer(store).rows(kind, page.keys)}
            rows += [by_key[key] for key in page.keys]
            after = page.after
            if after is None:
                break
        found[kind] = rows if kind in (Kind.JOBS, Kind.SCHEDULES) else sorted(rows, key=lambda row: key_of(kind, row))
    return found


def ledger(store: Store) -> list[tuple[Any, ...]]:
    return everything(store)[Kind.OCCURRENCES]


def check(store: Store, place: Place) -> None:
    """See that a store holds every invariant; one that has no SQL is copied into one that has."""
    if store.url.startswith("redis"):
        consistency.check(store.url)
        with closing(servers.migrated(place("sqlite"))) as twin:
            assert copied(store, twin).verified
            check(twin, place)
        return
    scheme, _, path = store.url.partition(":///")
    invariants.check(Path(path) if scheme == "sqlite" else store.url)


@pytest.fixture
def place(tmp_path: Path, postgres_server: str, redis_url: str) -> Iterator[Place]:
    """Gives the URL of a new, empty store of a kind."""
    schemas: list[str] = []

    def make(kind: str) -> str:
        name = f"moving_{len(schemas)}"
        schemas.append(name)
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        if kind == "redis":
            return servers.with_parameters(redis_url, prefix=name)
        servers.drop_schema(postgres_server, name)
        return servers.with_parameters(postgres_server, schema=name)

    yield make
    for name in schemas:
        servers.drop_schema(postgres_server, name)


@pytest.fixture(params=ENGINES)
def source(request: pytest.FixtureRequest, place: Place) -> Iterator[Store]:
    with closing(servers.migrated(place(request.param))) as store:
        yield store


@pytest.fixture(params=ENGINES)
def target(request: pytest.FixtureRequest, place: Place) -> Iterator[Store]:
    with closing(servers.migrated(place(request.param))) as store:
        yield store


def test_a_furnished_store_has_a_row_of_every_kind_and_a_value_in_every_column(source: Store) -> None:
    furnish(source.url)
    source.workers.rescue()
    found = everything(source)
    empty = {
        f"{kind.value}.{column}"
        for kind, rows in found.items()
        for number, column in enumerate(COLUMNS[kind])
        if not any(row[number] for row in rows)
    }
    assert empty == set()


def test_every_column_of_every_table_moves_or_is_known_to_stay_behind(place: Place) -> None:
    url = place("sqlite")
    servers.migrated(url).close()
    moving_columns = {f"{TABLES.get(kind, kind.value)}.{name}" for kind, names in COLUMNS.items() for name in names}
    moving_columns |= {f"attempts.{name}" for name in AttemptRow._fields}
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        tables = [table for (table,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        columns = {f"{table}.{row[1]}" for table in tables for row in file.execute(f"PRAGMA table_info({table})")}
    behind = {column for column in columns if column.partition(".")[0] in BEHIND or column in BEHIND}
    assert columns - moving_columns == behind
    assert moving_columns - columns == {"jobs.untold", "jobs.attempts"}


def test_a_copy_is_the_same_row_for_row_and_a_second_one_adds_nothing(source: Store, target: Store) -> None:
    furnish(source.url)
    first = copied(source, target)
    assert first.faults == []
    assert first.verified
    assert everything(target) == everything(source)
    if target.url.startswith("redis"):
        consistency.check(target.url)
    assert {kind: tally.copied for kind, tally in first.tallies.items()} == transfer(source).count()
    again = copied(source, target)
    assert again.verified
    assert {tally.copied for tally in again.tallies.values()} == {0}
    assert transfer(target).count() == transfer(source).count()


def test_what_was_copied_is_finished_in_its_new_place_and_nothing_runs_twice(
    place: Place, source: Store, target: Store
) -> None:
    furnish(source.url)
    dispatched = {row for row in ledger(source) if row[3] == "dispatched"}
    assert copied(source, target).verified
    with using(target.url) as app:
        app.queues.resume("resting")
        app.drain(until=app.now() + timedelta(minutes=30))
        left = app.jobs.list(status="queued", limit=1000)  # what a drain leaves to a process that may die of it
        assert {(job.suspect, job.state) for job in left} == {(True, "ready")}
        assert app.jobs.list(status="running", limit=1000) == []
        assert {row[:4] for row in dispatched} <= {row[:4] for row in ledger(app.store)}
        assert app.schedules.audit().clean
        assert app.schedules.get("paused").note == "until the migration is done"
        assert app.schedules.get("overdue", None) is None
        assert [run.lateness > timedelta(hours=1) for run in app.schedules.runs("overdue")] == [True]
        assert app.schedules.get("gone", None) is None
        assert app.job("order-42").result() == "x" * 900_000
    check(target, place)


def test_keys_and_limits_hold_for_what_comes_into_a_live_store(source: Store, target: Store) -> None:
    furnish(source.url)
    with using(target.url) as app:
        plain.options(name="held", overlap="queue_one").schedule("held", interval=600)
        theirs = app.schedules.trigger("held")
        limited.delay(1)
        key = theirs.refresh().key
    assert copied(source, target, live=True).verified
    if target.url.startswith("redis"):
        consistency.check(target.url)
    alike = [job for job in all_jobs(target) if job.key == key and not job.status.final]
    assert len(alike) > 2
    assert [job.id for job in alike if job.state != "held"] == [theirs.id]
    for user in (1, 2):
        flow = target.jobs.flow(f"tests.furnished.limited:{user}")
        assert flow is not None
        assert (flow.ready, flow.running) == (1, 0)
    with using(target.url) as app:
        app.drain(until=app.now() + timedelta(minutes=30))
        left = app.jobs.list(status="queued", limit=1000)
        assert {job.queue for job in left if not job.suspect} == {"resting"}
    assert copied(source, target, live=True).verified


def test_a_job_enters_a_live_store_before_it_may_start_there_and_goes_on_when_the_copy_is_repeated(
    source: Store, target: Store
) -> None:
    first, second = (pushed(source, key="k") for _ in range(2))
    loose = pushed(source)

    def killed(step: str, _: Kind, __: int) -> None:
        if step == "compare":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moving.copy(transfer(source), transfer(target), killed, live=True)
    assert [the(target, each).state for each in (first, second, loose)] == ["held", "held", "ready"]
    assert copied(source, target, live=True).verified
    assert [the(target, each).state for each in (first, second, loose)] == ["ready", "held", "ready"]


def test_an_end_that_the_other_store_knows_is_not_undone_by_a_late_copy(source: Store, target: Store) -> None:
    with using(source.url):
        nightly = plain.options(name="nightly").schedule(cron="0 3 * * *")
    assert copied(source, target).verified
    with using(target.url) as app:
        assert app.schedules.cancel("nightly")
    again = copied(source, target)
    assert [(fault.kind, fault.key) for fault in again.faults] == [(Kind.SCHEDULES, nightly.id)]
    assert target.schedules.get(nightly.id) is None


def test_what_went_on_in_the_other_store_stays_and_is_said_to_differ(source: Store, target: Store) -> None:
    job = pushed(source)
    assert copied(source, target).verified
    (taken,) = claimed(target, a_worker(target))
    assert target.jobs.finish(the(target, job).worker or "", [Outcome(taken, Verdict.SUCCEEDED, b"1")]) == []
    again = copied(source, target)
    assert again.faults == [moving.Fault(Kind.JOBS, job, again.faults[0].reason)]
    assert again.faults[0].reason == "is there and differs in state, attempt, started_at, finished_at, value"
    assert the(target, job).status == "succeeded"


def test_a_job_that_runs_is_not_copied(source: Store, target: Store) -> None:
    job = running(source)
    with pytest.raises(StoreError, match=f"job {job.id} runs where it is to be copied from: stop all services"):
        copied(source, target)
    assert target.jobs.get(job.id) is None


def test_rows_that_the_other_store_cannot_hold_are_named_and_what_waits_for_them_goes_on(
    place: Place, target: Store
) -> None:
    url = place("sqlite")
    with closing(servers.migrated(url)) as source:
        broken = [pushed(source, key="k"), pushed(source)]
        held, sound = pushed(source, key="k"), [pushed(source) for _ in range(3)]
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            for job in broken:
                file.execute("UPDATE jobs SET task = CAST(x'ff' AS TEXT) WHERE id = ?", (raw(job),))
            file.commit()
        found = copied(source, target)
        assert not found.verified
        assert [(fault.kind, fault.key) for fault in found.faults] == [(Kind.JOBS, job) for job in broken]
        assert all(fault.reason.startswith("cannot be stored: ") for fault in found.faults)
        assert (found.tallies[Kind.JOBS].copied, found.tallies[Kind.JOBS].missing) == (4, 2)
    assert [the(target, job).state for job in (held, *sound)] == ["ready"] * 4
    assert [target.jobs.get(job) for job in broken] == [None, None]


def test_a_row_that_does_not_decode_is_copied_as_it_is_where_that_can_be_kept(place: Place, target: Store) -> None:
    url = place("sqlite")
    with closing(servers.migrated(url)) as source:
        broken, sound = pushed(source), pushed(source)
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute("UPDATE jobs SET arguments = x'ff' WHERE id = ?", (raw(broken),))
            file.commit()
        found = copied(source, target)
    assert the(target, sound).state == "ready"
    if target.url.startswith("sqlite"):
        assert found.verified
        assert the(target, broken).arguments == b"\xff"
    else:
        assert [(fault.kind, fault.key) for fault in found.faults] == [(Kind.JOBS, broken)]


def test_a_key_that_the_other_store_cannot_hold_is_named_and_the_rest_goes_on(place: Place) -> None:
    url = place("sqlite")
    with (
        closing(servers.migrated(url)) as source,
        closing(servers.migrated(place("postgresql"))) as target,
        using(url) as app,
    ):
        by_name.delay("a\0b")
        sound = by_name.delay("sound").id
        app.queues.pause("sound")
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute("INSERT INTO paused_queues (queue, since) VALUES (CAST(x'ff' AS TEXT), 1)")
            file.commit()
        found = copied(source, target)
        assert {fault.kind for fault in found.faults} == {Kind.FLOWS, Kind.QUEUES, Kind.JOBS}
        assert {kind: tally.missing for kind, tally in found.tallies.items() if tally.missing} == {
            Kind.FLOWS: 1,
            Kind.QUEUES: 1,
            Kind.JOBS: 1,
        }
        assert the(target, sound).state == "ready"
        assert [queue.queue for queue in target.jobs.queues() if queue.pause] == ["sound"]


def test_schedules_and_jobs_that_were_in_two_stores_become_one(source: Store, target: Store) -> None:
    with using("memory://") as app:
        nightly = plain.options(name="nightly").schedule(cron="0 3 * * *")
        gone = plain.options(name="gone").schedule(interval=60)
        stored = app.store.schedules.get(nightly.id)
        assert stored is not None
        assert source.ledger.raise_fence(stored, None)
        assert source.ledger.raise_fence(replace(gone, state=ScheduleState.CANCELLED, next_run=None), None)
        assert copied(app.store, target).verified
    target.schedules.cancel(gone.id)
    found = copied(source, target)
    assert [(fault.kind, fault.key) for fault in found.faults] == [(Kind.FENCES, gone.id)]
    living = target.schedules.get(nightly.id)
    assert living is not None
    assert living.generation == nightly.generation


def test_a_server_that_dies_meanwhile_is_said_to_be_away_and_a_second_copy_has_the_rest(place: Place) -> None:
    url = place("sqlite")
    server = servers.Server(**servers.QUICK)
    try:
        with closing(servers.migrated(url)) as source, closing(servers.migrated(server.url)) as target:
            source.jobs.push([a_job() for _ in range(1000)])

            def killing(step: str, kind: Kind, _: int) -> None:
                if (step, kind) == ("copy", Kind.JOBS) and server.answers():
                    server.kill()

            with pytest.raises(StoreUnavailable):
                moving.copy(transfer(source), transfer(target), killing, live=False)
            server.start()
            again = copied(source, target)
            assert again.verified
            assert again.tallies[Kind.JOBS] == moving.Tally(rows=1000, copied=900)
    finally:
        server.remove()


def test_a_copy_holds_a_page_and_not_the_store(place: Place) -> None:
    with closing(servers.migrated(place("sqlite"))) as source, closing(servers.migrated(place("sqlite"))) as target:
        large = b'[["' + b"x" * 1000 + b'"],{}]'
        for _ in range(8):
            source.jobs.push([a_job(arguments=large) for _ in range(500)])
        tracemalloc.start()
        try:
            assert copied(source, target).tallies[Kind.JOBS].copied == 4000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1_000_000  # bytes: the jobs have six times as many
