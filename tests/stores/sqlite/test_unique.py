"""Unique jobs that many processes push at one moment."""

from __future__ import annotations

from pathlib import Path

from nuvom.stores.values import JobFilter
from tests.stores.sqlite import processes
from tests.stores.sqlite.conftest import SqliteStore

PUSH = """
from nuvom._job import TaskDefaults
mine = store()
mine.migrate()
print("ready", flush=True)
sys.stdin.readline()
[answer] = mine.jobs.push([job()._replace(defaults=TaskDefaults(unique="queued"), kin="42")])
print(answer.id, answer.new)
"""


def test_twenty_processes_that_push_one_kind_at_once_make_one_job(store: SqliteStore, path: Path) -> None:
    pushing = [processes.start(PUSH, path) for _ in range(20)]
    for process in pushing:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in pushing:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [processes.finish(process).split() for process in pushing]
    [job] = store.jobs.list(JobFilter(), 100)
    assert {job_id for job_id, _ in answers} == {job.id}
    assert sorted(new for _, new in answers) == ["False"] * 19 + ["True"]
