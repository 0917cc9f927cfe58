"""Producers and workers killed at each commit to a Redis server: the same promises as on a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import invariants
from tests.faults.conftest import TASKS
from tests.faults.test_crash_points import (
    test_a_job_whose_process_is_killed_during_its_call_runs_again_and_both_attempts_count as test_a_killed_call,
    test_a_push_killed_at_its_commit_is_there_or_not_and_repeated_with_its_id_is_one_job as test_a_killed_push,
    test_a_schedule_killed_at_its_commit_is_there_or_not_and_repeated_is_one as test_a_killed_schedule,
    test_a_supervisor_killed_while_jobs_run_leaves_no_process_and_no_lease_behind as test_a_killed_supervisor,
    test_a_worker_killed_at_any_commit_loses_no_job_and_records_each_outcome_once as test_a_killed_worker,
    test_many_jobs_of_one_call_are_all_there_or_none as test_a_killed_push_of_many,
)
from tests.stores.redis import consistency
from tests.worker.service import Site

__all__ = [
    "test_a_killed_call",
    "test_a_killed_push",
    "test_a_killed_push_of_many",
    "test_a_killed_schedule",
    "test_a_killed_supervisor",
    "test_a_killed_worker",
]


@pytest.fixture
def site(tmp_path: Path, redis_url: str) -> Iterator[Site]:
    """A folder with tasks and services whose store is on a server; the invariants are checked at the end."""
    made = Site(tmp_path, TASKS, lease=1.0, url=redis_url)
    yield made
    made.app.close()
    invariants.check(redis_url)
    consistency.check(redis_url)
