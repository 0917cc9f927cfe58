"""The supervisor's beats: nothing that is to be said of a dead process keeps the living ones waiting."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_worker
from nuvom.worker.heart import Dead, Heart
from tests.waiting import until


def test_a_dead_process_that_cannot_be_released_keeps_no_lease_of_others_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/jobs.db", lease=1.0)
    worker = a_worker(store)
    beats: list[list[str]] = []
    beat = store.workers.heartbeat

    def noting(ids: list[str]) -> frozenset[str]:
        beats.append(ids)
        return beat(ids)

    def broken(*_: object, **__: object) -> int:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(store.workers, "heartbeat", noting)
    monkeypatch.setattr(store.workers, "release", broken)
    heart = Heart(lambda: store, 1.0, lambda: [worker], lambda _: None)
    heart.release(Dead("another", "its process was killed by SIGKILL"))
    heart.start()
    until(lambda: len(beats) > 3)
    assert [found.alive for found in store.workers.list()] == [True]
    heart.close(5)
    assert len([record for record in caplog.records if record.exc_info]) == 1
