"""The file: made private, refused with a remedy when it cannot be used, and missed when it is gone."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from nuvom.errors import SchemaTooNew, StoreError, StoreFull, StoreUnusable
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.sqlite import health
from nuvom.stores.sqlite.migrations import MIGRATIONS, VERSION
from nuvom.stores.sqlite.store import SqliteStore
from nuvom.stores.values import JobFilter
from nuvom.testing.conformance.examples import a_job
from tests.stores.sqlite import processes

ALL = [migration.name for migration in MIGRATIONS]


def opened(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


def test_the_file_is_private_and_so_is_the_folder_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "nuvom.db"
    before = os.umask(0)
    try:
        with closing(opened(path)) as store:
            store.jobs.push([a_job()])
            modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes == {"nuvom.db": 0o600, "nuvom.db-wal": 0o600, "nuvom.db-shm": 0o600}


def test_opening_a_store_touches_nothing_before_its_first_use(path: Path) -> None:
    opened(path).close()
    assert not path.exists()


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    path.touch()
    with closing(opened(path)) as store:
        assert store.migrate() == ALL


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "50% ä#&;=.db"
    with closing(opened(path)) as store:
        store.migrate()
    assert path.stat().st_size > 0


def test_the_default_folder_is_hidden_from_git_and_no_other_is(tmp_path: Path) -> None:
    for name in (".nuvom", "data"):
        with closing(opened(tmp_path / name / "nuvom.db")) as store:
            store.migrate()
    assert (tmp_path / ".nuvom/.gitignore").read_text() == "*\n"
    assert not (tmp_path / "data/.gitignore").exists()


def test_a_folder_that_is_there_already_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".nuvom").mkdir()
    with closing(opened(tmp_path / ".nuvom/nuvom.db")) as store:
        store.migrate()
    assert not (tmp_path / ".nuvom/.gitignore").exists()


def test_a_missing_folder_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=f"mkdir -p {tmp_path}/a/b"):
        opened(tmp_path / "a" / "b" / "nuvom.db").migrate()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="is a folder"):
        opened(tmp_path).migrate()


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreUnusable, match="data"):
        opened(tmp_path / "data" / "nuvom.db").migrate()


def test_what_is_no_database_stays_as_it_is(path: Path) -> None:
    path.write_bytes(b"these are my holiday pictures " * 100)
    before = path.read_bytes()
    with closing(opened(path)) as store, pytest.raises(StoreUnusable, match=r"nuvom\.db is not a SQLite database"):
        store.jobs.push([a_job()])
    assert path.read_bytes() == before


def test_a_truncated_file_is_damaged(path: Path) -> None:
    with closing(opened(path)) as store:
        store.jobs.push([a_job() for _ in range(500)])
    os.truncate(path, 8192)
    with closing(opened(path)) as store, pytest.raises(StoreUnusable, match="is damaged"):
        store.jobs.counts()


def test_a_file_of_another_application_is_not_taken_for_ours(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE jobs (id)")
    with closing(opened(path)) as store, pytest.raises(StoreError, match="jobs"):
        store.jobs.push([a_job()])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("jobs",)]


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


AS_NOBODY = """
here = store()
if os.geteuid() == 0:  # root may write to anything
    os.setuid(65534)
try:
    here.jobs.push([job()])
except StoreUnusable as error:
    print(error)
"""


def test_a_read_only_file_is_said_to_be_one(reachable: Path) -> None:
    path = reachable / "nuvom.db"
    with closing(opened(path)) as store:
        store.migrate()
    path.chmod(0o444)
    assert "nuvom.db is read-only for this user" in processes.run(AS_NOBODY, path)


def test_a_folder_that_may_not_be_entered_is_said(reachable: Path) -> None:
    path = reachable / "closed" / "nuvom.db"
    with closing(opened(path)) as store:
        store.migrate()
    path.parent.chmod(0o000)
    assert "nuvom.db cannot be reached: Permission denied" in processes.run(AS_NOBODY, path)


def test_a_folder_that_may_not_be_written_is_said(reachable: Path) -> None:
    reachable.chmod(0o555)
    assert "cannot be made: Permission denied; name a place you may write to" in processes.run(
        AS_NOBODY, reachable / "nuvom.db"
    )


def test_a_deleted_file_is_missed_and_not_made_anew(store: SqliteStore, path: Path) -> None:
    store.jobs.push([a_job()])
    for file in path.parent.iterdir():
        file.unlink()
    for _ in range(2):
        with pytest.raises(StoreUnusable, match=r"nuvom\.db was deleted while it was in use"):
            store.jobs.push([a_job()])
        with pytest.raises(StoreUnusable, match=r"nuvom\.db was deleted while it was in use"):
            store.jobs.counts()
    assert not path.exists()


def test_a_restored_file_is_taken_up_again(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    kept, lost = a_job(), a_job()
    store.jobs.push([kept])
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(tmp_path / "backup")) as target:
        source.backup(target)
    store.jobs.push([lost])
    shutil.move(tmp_path / "backup", path)
    for extra in ("-wal", "-shm"):
        Path(f"{path}{extra}").unlink()
    later = a_job()
    store.jobs.push([later])
    assert [job.id for job in store.jobs.list(JobFilter(), 9)] == [later.id, kept.id]
    with closing(opened(path)) as other:
        assert other.jobs.get(later.id) is not None


@pytest.mark.parametrize(("compatible_from", "refused"), [(VERSION, False), (VERSION + 1, True)])
def test_a_newer_schema_is_refused_only_if_it_says_so(
    store: SqliteStore, path: Path, compatible_from: int, refused: bool
) -> None:
    with store._database.write(durable=True) as connection:
        connection.execute("INSERT INTO migrations VALUES (?, ?, '9999_future', 0)", (VERSION + 1, compatible_from))
    with closing(opened(path)) as other:
        if refused:
            with pytest.raises(SchemaTooNew, match=rf"has schema {VERSION + 1}, which needs .* upgrade nuvom"):
                other.jobs.push([a_job()])
        else:
            assert other.migrate() == []
            other.jobs.push([a_job()])


def test_many_processes_migrate_a_new_file_at_once(path: Path) -> None:
    migrating = [processes.start("print(store().migrate())", path) for _ in range(12)]
    answers = sorted(processes.finish(process) for process in migrating)
    assert answers == sorted([str(ALL), *["[]"] * 11])


@pytest.mark.parametrize("statements", [0, 1, 8, 15])
def test_a_kill_in_the_middle_of_a_migration_leaves_a_file_that_opens(path: Path, statements: int) -> None:
    code = """
    from nuvom.stores.sqlite import migrations
    original = migrations._statements

    def dying(name):
        for number, statement in enumerate(original(name)):
            if number == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)
            yield statement

    migrations._statements = dying
    store().migrate()
    """
    processes.finish(processes.start(code, path, statements), -9)
    with closing(opened(path)) as store:
        assert store.migrate() == ALL
        store.jobs.push([a_job()])


def test_a_full_disk_keeps_what_is_stored_and_goes_on_when_there_is_room(store: SqliteStore) -> None:
    kept = a_job()
    store.jobs.push([kept])
    with store._database.write(durable=True) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    large = [a_job(arguments=b'[["' + b"x" * 100_000 + b'"],{}]')]
    with pytest.raises(StoreFull, match="free some disk space"):
        store.jobs.push(large)
    assert store.jobs.counts()["queued"] == 1
    with store._database.write(durable=True) as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    store.jobs.push(large)
    assert store.jobs.counts()["queued"] == 2


def test_a_write_that_the_system_refuses_is_no_half_push(path: Path) -> None:
    code = """
    import resource
    from nuvom._job import JobStatus
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    here = store()
    pushed = 0
    try:
        while True:
            here.jobs.push([job() for _ in range(100)])
            pushed += 100
    except StoreUnavailable:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert here.jobs.counts()[JobStatus.QUEUED] == pushed, "half a push"
    here.jobs.push([job()])
    print(pushed + 1)
    """
    pushed = int(processes.run(code, path))
    assert pushed > 1
    with closing(opened(path)) as store:
        assert store.jobs.counts()["queued"] == pushed


def test_a_forked_child_has_connections_and_locks_of_its_own(path: Path) -> None:
    code = """
    here = store()
    here.jobs.push([job()])
    here.jobs.counts()
    inodes = {str(os.stat(f"{path}{end}").st_ino) for end in ("", "-shm")}
    child = os.fork()
    if child == 0:
        here.jobs.push([job()])
        here.jobs.counts()
        held = {line.split()[5].split(":")[-1] for line in open("/proc/locks") if line.split()[4] == str(os.getpid())}
        os._exit(0 if not os.path.exists("/proc/locks") or held & inodes else 7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child holds no lock"
    here.jobs.push([job()])
    print(sum(here.jobs.counts().values()))
    """
    assert processes.run(code, path) == "3"


def test_a_fork_waits_for_the_transaction_of_another_thread(path: Path) -> None:
    code = """
    import threading
    here = store()
    here.migrate()
    inside, go_on = threading.Event(), threading.Event()

    def write():
        with here._database.write(durable=True) as connection:
            connection.execute("INSERT INTO tasks VALUES ('a', 'a', 'q', 0, 3, '()', 0, NULL, NULL, NULL, NULL, NULL)")
            inside.set()
            go_on.wait()

    writer = threading.Thread(target=write)
    writer.start()
    inside.wait()
    threading.Timer(0.2, go_on.set).start()
    child = os.fork()
    if child == 0:
        here.jobs.push([job()])
        os._exit(len(here.workers.tasks()))
    writer.join()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert processes.run(code, path) == "1"


def test_health_names_the_engine_and_finds_no_problem(store: SqliteStore) -> None:
    found = store.health()
    assert (found.engine, found.version, found.problems) == ("sqlite", sqlite3.sqlite_version, ())
    assert (found.schema, found.schema_needed) == (VERSION, VERSION)
    assert found.size > 0
    assert "write lock" in found.facts["checkpoints"]


def test_health_finds_a_file_that_others_can_read(store: SqliteStore, path: Path) -> None:
    path.chmod(0o644)
    [problem] = store.health().problems
    assert f"chmod 600 {path}" in problem


def test_health_finds_a_network_filesystem(
    store: SqliteStore, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/export {path.parent} nfs4 rw 0 0\nproc /proc proc rw 0 0\n")
    monkeypatch.setattr(health, "_MOUNTS", mounts)
    [problem] = store.health().problems
    assert "network filesystem (nfs4)" in problem
