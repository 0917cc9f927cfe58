"""The server's disk is full: callers are told, nothing stored is lost, and services go on when there is room again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from nuvom._job import NewJob
from nuvom.errors import StoreFull
from nuvom.stores.base import Store
from nuvom.testing.conformance.examples import DAY, a_job, every
from tests.faults.services import DISPATCHING, STUCK, Place
from tests.servers import Server
from tests.waiting import until

HEAVY = b'{"note": "%s"}' % (b"0123456789abcdef" * 1_000)

MakeRoom = Callable[[], None]


@pytest.fixture
def full(server: Server, schema: str) -> Iterator[MakeRoom]:
    """Put the jobs where there is little room; gives what makes more."""
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        connection.execute("ALTER TABLE jobs ALTER metadata SET STORAGE EXTERNAL")  # as large as it is
        with mounted() as folder:
            if folder is None:
                yield refused(connection)
                return
            connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(str(folder)))
            connection.execute("ALTER TABLE jobs SET TABLESPACE small")
            yield lambda: mount(folder, "remount,size=100m")
            connection.execute("ALTER TABLE jobs SET TABLESPACE pg_default")
            connection.execute("DROP TABLESPACE small")


@contextmanager
def mounted() -> Iterator[Path | None]:
    """Mount a file system of 2 MB; None where that is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="nuvom-small-"))
    try:
        mount(folder, "size=2m,mode=0777")
    except (OSError, subprocess.CalledProcessError):
        yield None
    else:
        inner = folder / "data"
        inner.mkdir()
        with suppress(LookupError, PermissionError):
            shutil.chown(inner, "nobody")
        yield inner
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def mount(folder: Path, options: str) -> None:
    """Mount memory at a folder, or change how it is mounted; a folder in it stands for it."""
    place = folder.parent if folder.name == "data" else folder
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    subprocess.run(command if os.geteuid() == 0 else ["sudo", "-n", *command], check=True, capture_output=True)


def refused(connection: psycopg.Connection[object]) -> MakeRoom:
    """Let the server say what it says when its disk is full, to all beyond a hundred jobs."""
    connection.execute("""
        CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        BEGIN
            IF (SELECT count(*) FROM jobs) >= 100 THEN
                RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
            END IF;
            RETURN NEW;
        END $$;
    """)
    connection.execute("CREATE TRIGGER full_disk BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION full_disk()")

    def make_room() -> None:
        connection.execute("DROP TRIGGER full_disk ON jobs")

    return make_room


def test_a_full_disk_of_the_server_is_said_loses_nothing_and_services_go_on_when_there_is_room(
    full: MakeRoom, tmp_path: Path, straight: str, direct: Store
) -> None:
    often = every(0.3, direct.now() + timedelta(seconds=0.3), task="count")
    direct.schedules.upsert(often)
    with Place(tmp_path, straight, straight) as place:
        scheduler, worker = place.start("runscheduler", "runworker")
        until(lambda: len(place.lines("ran")) > 1)
        accepted = filled(direct)
        scheduler.waits_for(f"{STUCK}: no room left for .*: free some disk space on its server")
        assert all(direct.jobs.get(job) is not None for job in accepted)
        rows = len(direct.ledger.occurrences(often.id, 9_999))
        full()
        until(lambda: len(direct.ledger.occurrences(often.id, 9_999)) > rows + 3, timeout=10)
        until(lambda: scheduler.told(DISPATCHING))  # said after what it dispatched first
        assert scheduler.told(STUCK) == scheduler.told(DISPATCHING) == 1
        ran = len(place.lines("ran"))
        until(lambda: len(place.lines("ran")) > ran)
        direct.schedules.cancel(often.id)
        assert scheduler.lives
        assert worker.lives
    assert all(direct.jobs.get(job) is not None for job in accepted)


def filled(store: Store) -> list[str]:
    """Push jobs that are not due until there is no room for more; returns those that were accepted."""
    accepted = []
    tomorrow = store.now() + DAY
    for metadata in (HEAVY, None):  # for the small ones a little is left when there is nothing for the large ones
        error = None
        while error is None:
            jobs = [a_job(task="count", metadata=metadata, run_at=tomorrow) for _ in range(20)]
            error = refusal_of(store, jobs)
            accepted += [] if error else [job.id for job in jobs]
        assert re.search(r"no room left for .*what is stored is intact", str(error))
        assert not error.unknown
    return accepted


def refusal_of(store: Store, jobs: list[NewJob]) -> StoreFull | None:
    try:
        store.jobs.push(jobs)
    except StoreFull as error:
        return error
    return None
