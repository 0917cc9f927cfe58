"""`nuvom store copy`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nuvom import Nuvom, StoreUnavailable
from nuvom._crashpoint import VARIABLE
from nuvom.stores import moving
from nuvom.stores.registry import open_store
from nuvom.stores.transfer import Movable
from nuvom.testing.conformance.examples import a_worker, all_jobs
from tests import servers
from tests.cli.conftest import Project
from tests.faults import invariants
from tests.furnished import furnish

ROOT = Path(__file__).parents[2]
KINDS = ["fences", "occurrences", "tasks", "flows", "paused_queues", "jobs", "schedules"]


@pytest.fixture
def server(postgres_server: str) -> Iterator[str]:
    """The URL of a schema that is not there yet."""
    servers.drop_schema(postgres_server, "moved_to")
    yield servers.with_parameters(postgres_server, schema="moved_to")
    servers.drop_schema(postgres_server, "moved_to")


@pytest.fixture
def target(project: Project) -> str:
    return f"sqlite:///{project.root}/moved.db"


def made(project: Project) -> str:
    """Furnish the project's store and return its URL."""
    with closing(servers.migrated(project.url)):
        furnish(project.url)
    return project.url


def test_one_command_moves_a_file_to_a_server_whose_services_finish_the_rest(project: Project, server: str) -> None:
    made(project)
    answer = project.call("store", "copy", project.url, server, "--pause-source")
    assert (answer.code, answer.err) == (0, "")
    assert f"verified: every row of {project.url} is in {server}, and the same" in answer.out
    assert f"the schedules and queues of {project.url} are paused" in answer.out
    done = project.call("run", "--app", "tests.furnished:app", "--url", server, "--drain", PYTHONPATH=str(ROOT))
    assert done.code == 0, done.err
    states = invariants.states(server)
    assert set(states) <= {"succeeded", "failed", "cancelled", "expired", "ready", "held"}
    with closing(open_store(server)) as store:
        waiting = {queue.queue for queue in store.jobs.queues() if queue.ready}
    assert waiting == {"resting"}
    invariants.check(server)


def test_a_file_moves_to_redis_and_on_to_a_server(project: Project, server: str, redis_url: str) -> None:
    made(project)
    assert project.inside("store", "copy", project.url, redis_url).code == 0
    assert project.inside("store", "copy", redis_url, server).code == 0
    answer = project.inside("store", "copy", server, redis_url, "--json")  # all of it is there
    assert answer.code == 0
    assert {counts["copied"] for counts in answer.json["kinds"].values()} == {0}
    invariants.check(server)


def test_programs_get_the_counts(project: Project, target: str) -> None:
    made(project)
    answer = project.inside("store", "copy", project.url, target, "--json")
    assert (answer.code, answer.err) == (0, "")
    said = answer.json
    assert (said["from"], said["to"], said["verified"], said["faults"]) == (project.url, target, True, [])
    assert [*said["kinds"]] == KINDS
    for counts in said["kinds"].values():
        assert counts["copied"] == counts["rows"] > 0
        assert (counts["differ"], counts["missing"]) == (0, 0)


@pytest.mark.parametrize("engine", ["target", "server", "redis_url"])
def test_a_copy_that_was_killed_goes_on_when_it_is_called_again_and_doubles_nothing(
    project: Project, engine: str, request: pytest.FixtureRequest
) -> None:
    made(project)
    target: str = request.getfixturevalue(engine)
    words = [sys.executable, "-m", "nuvom", "store", "copy", project.url, target]
    for place in ("committed:1", "commit:5", "committed:9"):
        crashing = {**os.environ, VARIABLE: f"store.{place}"}
        killed = subprocess.run(words, env=crashing, capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = project.inside("store", "copy", project.url, target, "--json")
    assert again.code == 0
    rows = [counts["rows"] for counts in again.json["kinds"].values()]
    assert any(counts["copied"] < counts["rows"] for counts in again.json["kinds"].values())
    with closing(open_store(target)) as store:
        assert isinstance(store, Movable)
        assert [*store.transfer.count().values()] == rows


def test_a_store_that_is_in_use_is_not_copied_from(project: Project, target: str, app: Nuvom) -> None:
    a_worker(app.store)
    answer = project.inside("store", "copy", project.url, target)
    assert answer.code == 2
    assert f"{project.url} is in use: a worker (host, pid 1); stop its services" in answer.err
    assert not Path(target.removeprefix("sqlite:///")).exists()


def test_a_store_that_is_in_use_is_copied_into_only_where_that_was_said(
    project: Project, target: str, app: Nuvom
) -> None:
    app.registry["tasks.add"].delay(1)
    with closing(open_store(target)) as store:
        a_worker(store)
        answer = project.inside("store", "copy", project.url, target)
        assert answer.code == 2
        assert f"{target} is in use: a worker (host, pid 1); stop its services until all is copied" in answer.err
        assert all_jobs(store) == []
        assert project.inside("store", "copy", project.url, target, "--into-live").code == 0
        assert [job.state for job in all_jobs(store)] == ["ready"]


def test_a_store_that_was_paused_when_it_was_copied_is_not_copied_again(
    project: Project, target: str, app: Nuvom
) -> None:
    app.registry["tasks.add"].options(name="often").schedule(1, interval=60)
    assert project.inside("store", "copy", project.url, target, "--pause-source").code == 0
    assert (app.schedules.get("often").state, app.schedules.get("often").note) == ("paused", f"copied to {target}")
    with closing(open_store(target)) as other:
        assert [(schedule.name, schedule.state) for schedule in other.schedules.upcoming(9)] == [("often", "active")]
        assert other.jobs.queues() == []
    again = project.inside("store", "copy", project.url, f"{target}2")
    assert again.code == 2
    assert f"{project.url} was copied to {target} and paused then" in again.err


def test_two_names_of_one_store_are_refused(project: Project, app: Nuvom, postgres_url: str, redis_url: str) -> None:
    app.store.migrate()
    (project.root / "link.db").symlink_to(project.file)
    also = f"{postgres_url}&application_name=also"
    for one, other in (
        (project.url, f"sqlite:///{project.root}/link.db"),
        (postgres_url, also),
        (redis_url, redis_url.replace("127.0.0.1", "localhost")),
    ):
        answer = project.inside("store", "copy", one, other, "--pause-source")
        assert answer.code == 2
        assert f"{one} and {other} are one store" in answer.err
    assert app.queues.list() == []
    assert app.workers.list() == []


def test_a_service_that_starts_on_the_old_store_meanwhile_is_named_and_nothing_is_paused(
    project: Project, target: str, app: Nuvom, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.store.migrate()

    def started(*said: Any, **how: Any) -> moving.Copied:
        a_worker(app.store)
        return copy(*said, **how)

    copy = moving.copy
    monkeypatch.setattr(moving, "copy", started)
    answer = project.inside("store", "copy", project.url, target, "--pause-source")
    assert answer.code == 1
    assert f"{project.url} came into use meanwhile: a worker (host, pid 1)" in answer.err
    assert app.queues.list() == []


def test_what_is_not_as_it_was_is_named_and_nothing_is_paused(project: Project, target: str, app: Nuvom) -> None:
    job = app.registry["tasks.add"].delay(1)
    assert project.inside("store", "copy", project.url, target).code == 0
    job.cancel()
    answer = project.inside("store", "copy", project.url, target, "--pause-source")
    assert answer.code == 1
    assert f"jobs {job.id}: is there and differs in state, finished_at" in answer.err
    assert f"not all of {project.url} is in {target} as it is" in answer.out
    assert app.queues.list() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("memory://", "{target}"), "memory:// lives in one process"),
        (("{url}", "memory://"), "memory:// lives in one process"),
        (("{url}", "{url}"), "is both: name another store to copy to"),
        (("sqlite:///absent.db", "{target}"), "there is no store to copy from at "),
        (("{url}", "mysql://user:secret@host/x"), "there is no store for 'mysql'"),
        (("{url}", "{target}", "--url", "sqlite:///other.db"), "say both stores as arguments"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_made(
    project: Project, target: str, app: Nuvom, words: tuple[str, ...], said: str
) -> None:
    app.store.migrate()
    answer = project.inside("store", "copy", *(word.format(url=project.url, target=target) for word in words))
    assert answer.code == 2
    assert said in answer.err
    assert "secret" not in answer.err
    assert sorted(project.root.glob("*.db")) == []


def test_passwords_are_masked_and_a_store_that_is_away_before_the_first_row_says_that_nothing_was_copied(
    project: Project, app: Nuvom
) -> None:
    app.store.migrate()
    answer = project.inside("store", "copy", project.url, "postgresql://user:secret@127.0.0.1:1/nuvom")
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert "postgresql://user:***@127.0.0.1:1/nuvom" in answer.err
    assert answer.err.endswith("; nothing was copied\n")
    assert "secret" not in answer.out + answer.err


def test_a_store_that_goes_away_after_the_first_row_says_how_to_go_on(
    project: Project, target: str, app: Nuvom, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.store.migrate()

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("the server is gone")

    monkeypatch.setattr("nuvom.stores.moving.copy", gone)
    answer = project.inside("store", "copy", project.url, target)
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert "the server is gone; run the same command again, and it goes on" in answer.err


@pytest.mark.parametrize("engine", ["postgresql", "redis"])
def test_a_wrong_password_or_an_unknown_database_is_refused_before_anything_is_copied(
    project: Project, app: Nuvom, engine: str, request: pytest.FixtureRequest
) -> None:
    app.store.migrate()
    url: str = request.getfixturevalue("postgres_url" if engine == "postgresql" else "redis_url")
    wrong = (
        servers.with_parameters(url, dbname="none")
        if engine == "postgresql"
        else url.replace("://", "://nobody:hunter2@")
    )
    answer = project.inside("store", "copy", project.url, wrong)
    assert answer.code == 2
    assert answer.err.endswith("; nothing was copied\n")
    assert "hunter2" not in answer.err


def test_a_disk_without_room_is_one_clear_error_after_which_the_copy_goes_on(project: Project, target: str) -> None:
    made(project)
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))\n"
        "from nuvom.cli import main\n"
        f"sys.argv = ['nuvom', 'store', 'copy', {project.url!r}, {target!r}]\n"
        "main()"
    )
    full = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert full.returncode == 1
    assert full.stderr.count("\n") == 1
    assert "moved.db" in full.stderr
    assert "run the same command again, and it goes on" in full.stderr
    assert project.inside("store", "copy", project.url, target).code == 0
