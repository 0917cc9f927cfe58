"""Copying a store into another one, of each kind into each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nuvom.stores import moving
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.transfer import COLUMNS, JobRow, Kind, Movable, Transfer
from tests import servers
from tests.faults import invariants
from tests.furnished import furnish, using

Place = Callable[[str], str]


def transfer(store: Store) -> Transfer:
    assert isinstance(store, Movable)
    return store.transfer


def copied(source: Store, target: Store, **said: Any) -> moving.Copied:
    source.workers.rescue()
    return moving.copy(transfer(source), transfer(target), lambda *_: None, **{"live": False, **said})


def everything(store: Store) -> dict[Kind, list[tuple[Any, ...]]]:
    """Every row of a store, in its order."""
    found = {}
    for kind in Kind:
        rows, after = [], None
        while True:
            page = transfer(store).keys(kind, after, 50)
            by_key = {row[: len(page.keys[0])]: row for row in transfer(store).rows(kind, page.keys)}
            rows += [by_key[key] for key in page.keys]
            after = page.after
            if after is None:
                break
        found[kind] = rows
    return found


def ledger(store: Store) -> list[tuple[Any, ...]]:
    return everything(store)[Kind.OCCURRENCES]


def where(store: Store) -> Path | str:
    """A store as the invariants read it."""
    scheme, _, path = store.url.partition(":///")
    return Path(path) if scheme == "sqlite" else store.url


@pytest.fixture
def place(tmp_path: Path, postgres_server: str) -> Iterator[Place]:
    """Gives the URL of a new, empty store of a kind."""
    schemas: list[str] = []

    def make(kind: str) -> str:
        name = f"moving_{len(schemas)}"
        schemas.append(name)
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        servers.drop_schema(postgres_server, name)
        return servers.with_parameters(postgres_server, schema=name)

    yield make
    for name in schemas:
        servers.drop_schema(postgres_server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def source(request: pytest.FixtureRequest, place: Place) -> Iterator[Store]:
    with closing(servers.migrated(place(request.param))) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
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


def test_a_copy_is_the_same_row_for_row_and_a_second_one_adds_nothing(source: Store, target: Store) -> None:
    furnish(source.url)
    first = copied(source, target)
    assert first.faults == []
    assert first.verified
    assert everything(target) == everything(source)
    assert {kind: tally.copied for kind, tally in first.tallies.items()} == transfer(source).count()
    again = copied(source, target)
    assert again.verified
    assert {tally.copied for tally in again.tallies.values()} == {0}
    assert transfer(target).count() == transfer(source).count()


def test_what_was_copied_is_finished_in_its_new_place_and_nothing_runs_twice(source: Store, target: Store) -> None:
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
    invariants.check(where(target))
