"""Pushing into PostgreSQL: what it cannot keep is named, and workers hear of what is due before they look."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nuvom._job import NewJob, TaskDefaults
from nuvom.stores.base import Listener
from nuvom.stores.postgres.store import PostgresStore
from nuvom.testing.conformance.examples import a_job, a_worker, all_jobs, claimed, succeeded
from tests.stores.postgres.test_listener import listening

PROMPT = 1.0  # seconds, less than until a sleeper looks who heard nothing


def is_woken(ear: Listener) -> bool:
    """Tell whether a wake-up comes."""
    return ear.wait(PROMPT)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (a_job(task="a\0b"), r"task='a\x00b'"),
        (a_job(queue="\ud800"), r"queue='\ud800'"),
        (a_job(key="a\0"), r"key='a\x00'"),
        (a_job(task="tasks.other", kin="\0", defaults=TaskDefaults(concurrency=1)), r"kin='\x00'"),
        (a_job(schedule_name="\0"), r"schedule_name='\x00'"),
        (a_job(arguments=b"[1"), "arguments=b'[1' is no JSON"),
        (a_job(metadata=b"\xff", key="k"), r"metadata=b'\xff' is no JSON"),
        (a_job(id="mine"), "job 'mine': its id is not a UUID"),
        (a_job(id="mine", key="k"), "job 'mine': its id is not a UUID"),
    ],
    ids=["task", "queue", "key", "kin", "schedule_name", "arguments", "metadata", "id", "id with a key"],
)
def test_the_value_that_cannot_be_kept_is_named_with_its_job(live: PostgresStore, job: NewJob, said: str) -> None:
    with pytest.raises(ValueError, match=r"^job ") as raised:
        live.jobs.push([a_job(), job, a_job()])
    assert said in str(raised.value)
    assert all_jobs(live) == []


@pytest.mark.parametrize("key", [None, "k"])
def test_workers_hear_of_a_job_that_is_due_soon(live: PostgresStore, key: str | None) -> None:
    ear = listening(live)
    live.jobs.push([a_job(run_at=live.now() + timedelta(seconds=1), key=key)])
    assert is_woken(ear)


@pytest.mark.parametrize("key", [None, "k"])
def test_workers_are_left_alone_for_a_job_that_is_due_later(live: PostgresStore, key: str | None) -> None:
    ear = listening(live)
    live.jobs.push([a_job(run_at=live.now() + timedelta(hours=1), key=key)])
    assert not is_woken(ear)


def test_workers_hear_of_a_flow_that_opens_soon(live: PostgresStore) -> None:
    worker, one = a_worker(live), TaskDefaults(rate="1/1s")
    live.jobs.push([a_job(defaults=one)])
    [job] = claimed(live, worker)
    live.jobs.finish(worker, [succeeded(job)])
    ear = listening(live)
    live.jobs.push([a_job(defaults=one)])
    assert is_woken(ear)
