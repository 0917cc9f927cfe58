"""The file is full, gone, replaced or damaged while services run: they say so once and go on by themselves."""

from __future__ import annotations

import re
import resource
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from nuvom._ids import raw
from nuvom._job import JobStatus
from nuvom._schedule import OccurrenceOutcome, ScheduleState
from nuvom.errors import StoreUnusable
from tests.faults import invariants
from tests.faults.conftest import counting, file_of
from tests.faults.processes import produce
from tests.waiting import until
from tests.worker.service import Service, Site


def limit(service: Service, size: int) -> None:
    """Let the processes of a service write no file beyond `size` bytes (RLIMIT_FSIZE, setrlimit(2))."""
    parent = psutil.Process(service.process.pid)
    for process in (parent, *parent.children()):
        process.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def wait_for(service: Service, pattern: str) -> None:
    until(lambda: re.search(pattern, service.said()))


def test_a_disk_without_room_stops_services_until_there_is_room_and_loses_nothing(site: Site) -> None:
    often = counting(site).options(name="often").schedule(1, interval=0.2)
    with invariants.watched(file_of(site)), site.serve("scheduler", "worker") as service:
        until(lambda: len(site.lines("ran")) >= 2)
        limit(service, 4096)  # the log is longer by far
        wait_for(service, "the store is away: .*")
        wait_for(service, "cannot dispatch, trying again: .*")
        jobs = [site.push("count", number) for number in range(20)]
        since = len(site.store.ledger.occurrences(often.id, 999))
        limit(service, resource.RLIM_INFINITY)
        assert {site.final(job).status for job in jobs} == {JobStatus.SUCCEEDED}
        until(lambda: len(site.store.ledger.occurrences(often.id, 999)) > since)
        wait_for(service, "the store is back after")
        wait_for(service, "dispatching again after")
        assert service.process.poll() is None
    assert service.said().count("cannot dispatch, trying again") == 1


def test_a_commit_of_unknown_fate_is_told_as_such_and_repeated_with_its_id_is_one_job(site: Site) -> None:
    code = """
    import resource
    from nuvom.errors import StoreUnavailable

    count.options(id="first").delay(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    call = count.options(id="second")
    try:
        call.delay(2)
    except StoreUnavailable as error:
        print(error.unknown)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(call.delay(2).id == call.delay(2).id)
    """
    assert produce(code, site.url).split() == ["True", "True"]
    assert invariants.states(file_of(site)) == {"ready": 2}


def test_a_deleted_file_is_waited_for_and_taken_up_again_where_it_was(site: Site) -> None:
    path, away = file_of(site), site.folder / "away"
    with site.serve("scheduler", "worker") as service:
        site.final(site.push("count"))
        moved = [Path(f"{path}{end}") for end in ("", "-wal", "-shm")]
        away.mkdir()
        for file in moved:
            file.rename(away / file.name)
        with pytest.raises(StoreUnusable, match=r"jobs\.db was deleted while it was in use; put it back"):
            site.push("count")
        wait_for(service, r"the store is away: .*jobs\.db was deleted while it was in use")
        for file in reversed(moved):
            (away / file.name).rename(file)
        again = site.push("count")
        assert site.final(again).status is JobStatus.SUCCEEDED
        wait_for(service, "the store is back after")
        assert service.process.poll() is None
    assert not list(site.folder.glob("*.db.*"))


def test_a_reconnect_restores_the_subscription_too_a_worker_hears_of_jobs_in_the_file_that_replaced_its_own(
    site: Site,
) -> None:
    path = file_of(site)
    backup = site.folder / "backup"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    with site.serve("scheduler", "worker") as service:
        site.final(site.push("count", 1))
        shutil.move(backup, path)
        for end in ("-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)
        job = site.push("count", 2)
        assert site.final(job).status is JobStatus.SUCCEEDED
        until(lambda: {worker.kind for worker in site.store.workers.list() if worker.alive} == {"worker", "scheduler"})
        assert all(worker.address for worker in site.store.workers.list() if worker.alive)
        once = counting(site).options(name="once").schedule(3, at=site.store.now())
        until(lambda: site.store.schedules.get(once.id) is None)
        assert service.process.poll() is None


def test_damaged_rows_are_set_aside_with_a_reason_and_the_good_ones_around_them_go_on(site: Site) -> None:
    count, now = counting(site), site.store.now()
    schedules = [count.options(name=f"once{number}").schedule(number, at=now) for number in range(5)]
    jobs = [site.push("count", 100 + number) for number in range(5)]
    with closing(sqlite3.connect(file_of(site))) as file, file:
        file.execute("UPDATE jobs SET metadata = x'ff' WHERE id = ?", [raw(jobs[2])])
        file.execute("UPDATE jobs SET task = CAST(x'ff' AS TEXT) WHERE id = ?", [raw(jobs[3])])
        file.execute("UPDATE schedules SET defaults = '{' WHERE id = ?", [raw(schedules[2].id)])
        file.execute("UPDATE schedules SET arguments = x'ff' WHERE id = ?", [raw(schedules[3].id)])
    with site.serve("scheduler", "worker") as service:
        until(lambda: len(site.store.schedules.upcoming(9)) == 0)
        finals = [site.final(job) for job in jobs]
        rows = {each.id: site.store.ledger.occurrences(each.id, 9) for each in schedules}
        ran = [site.final(row.job_id or "") for found in rows.values() for row in found]
        assert service.process.poll() is None
    assert [job.status for job in finals] == [
        *[JobStatus.SUCCEEDED] * 2,
        *[JobStatus.FAILED] * 2,
        JobStatus.SUCCEEDED,
    ]
    assert [job.error and job.error.kind for job in finals[2:4]] == ["corrupt", "corrupt"]
    for number, each in enumerate(schedules):
        stored = site.store.schedules.get(each.id)
        if number in (2, 3) and stored is not None:
            assert stored.state is ScheduleState.QUARANTINED
            assert stored.note
        else:
            assert [row.outcome for row in rows[each.id]] == [OccurrenceOutcome.DISPATCHED]
    assert [job.status for job in ran].count(JobStatus.SUCCEEDED) >= 3


def test_a_job_of_an_unknown_task_waits_for_a_worker_that_knows_it_and_fails_naming_what_is_known(site: Site) -> None:
    early, typo = site.push("later"), site.push("cuont")
    limit_ = {"NUVOM_UNKNOWN_TASK": "1s"}
    with site.serve(environment={"NUVOM_UNKNOWN_TASK": "60s"}) as service:
        site.final(site.push("count"))
        service.pid()
        assert {site.job(job).status for job in (early, typo)} == {JobStatus.QUEUED}
        tasks = site.folder / "tasks.py"
        tasks.write_text(tasks.read_text() + '\n@nuvom.task(name="later")\ndef later() -> int:\n    return 1\n')
        with site.serve(environment=limit_):
            assert site.final(early).status is JobStatus.SUCCEEDED
            failed = site.final(typo)
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert failed.error.kind == "unknown_task"
    assert "did you mean 'count'?" in failed.error.message
    assert "Known here: count, later, slow" in failed.error.message
    assert (failed.errors, failed.crashes) == (0, 0)
