"""`nuvom run`, `runworker` and `runscheduler` as processes: what they say, what they do, how they end."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from nuvom import JobStatus, Nuvom
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import HOUR, a_job
from tests.cli.conftest import Project
from tests.waiting import until

Services = list["subprocess.Popen[bytes]"]


def lives(app: Nuvom, kind: str) -> bool:
    return any(worker.alive and worker.kind == kind for worker in app.workers.list())


def log(project: Project, name: str = "log") -> str:
    return (project.root / name).read_text()


def test_run_dispatches_schedules_and_runs_jobs_until_sigterm(project: Project, app: Nuvom, services: Services) -> None:
    job = app.registry["tasks.add"].delay(1, b=2)
    app.registry["tasks.add"].options(name="soon").schedule(3, in_=timedelta(milliseconds=1))
    process = project.start("run", "--grace", "5")
    services.append(process)
    until(lambda: app.jobs.counts()[JobStatus.SUCCEEDED] == 2)
    assert job.result() == 3
    until(lambda: lives(app, "worker") and lives(app, "scheduler"))
    assert project.call("health", "--worker", "--scheduler").code == 0
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert app.workers.list() == []
    head, tasks, *_ = log(project).splitlines()
    assert head.startswith("nuvom ")
    assert f"a scheduler and a worker (1 process × 10 threads, all queues) on {app.store.url}" in head
    assert tasks == f"2 tasks in {project.root / 'tasks.py'}: tasks.add, tasks.fail"


def test_a_tasks_own_info_line_carries_the_id_of_its_job(project: Project, app: Nuvom, services: Services) -> None:
    job = app.registry["tasks.add"].delay(7)
    services.append(project.start("runworker"))
    job.result(timeout=20)
    until(lambda: "adding 7" in log(project))
    [line] = [line for line in log(project).splitlines() if line.endswith("adding 7")]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO ", line)
    assert f"[{job.id}]" in line


def test_the_users_own_logging_is_left_as_it_is(project: Project, app: Nuvom, services: Services) -> None:
    text = (project.root / "tasks.py").read_text()
    project.write("tasks.py", f"{text}\nlogging.basicConfig(level='INFO', format='OWN %(message)s')\n")
    job = app.registry["tasks.add"].delay(7)
    services.append(project.start("runworker"))
    job.result(timeout=20)
    until(lambda: "adding 7" in log(project))
    assert "OWN adding 7" in log(project).splitlines()


def test_a_worker_tells_its_tasks_and_serves_only_its_queues(project: Project, app: Nuvom, services: Services) -> None:
    other = app.registry["tasks.add"].delay(1)
    mine = app.registry["tasks.add"].options(queue="a").delay(1)
    process = project.start("runworker", "tasks.py", "-Q", "a,b", "-Q", "c", "--processes", "2", "-c", "3")
    services.append(process)
    assert mine.result(timeout=20) == 2
    until(lambda: len(app.workers.list()) == 2)
    assert {worker.queues for worker in app.workers.list()} == {("a", "b", "c")}
    assert [row.name for row in app.store.workers.tasks()] == ["tasks.add", "tasks.fail"]
    assert other.status() == "queued"
    assert "a worker (2 processes × 3 threads, queues a, b, c)" in log(project)


def test_a_worker_takes_limits_for_its_processes(project: Project, app: Nuvom, services: Services) -> None:
    services.append(project.start("runworker", "--max-jobs", "1", "--max-memory", "1G"))
    jobs = [app.registry["tasks.add"].delay(number) for number in range(2)]
    assert [job.result(timeout=30) for job in jobs] == [1, 2]
    until(lambda: log(project).count("retires: it has taken as many jobs as it may (1)") == 2)


def test_runscheduler_needs_no_tasks(project: Project, app: Nuvom, services: Services) -> None:
    app.registry["tasks.add"].options(name="tick").schedule(1, interval=0.1)
    (project.root / "tasks.py").write_text("this is no Python")
    process = project.start("runscheduler")
    services.append(process)
    until(lambda: app.jobs.counts()[JobStatus.QUEUED] >= 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0


def test_the_url_said_wins_over_the_one_in_the_tasks_code(project: Project, app: Nuvom, services: Services) -> None:
    text = (project.root / "tasks.py").read_text()
    project.write("tasks.py", text.replace("import nuvom\n", "import nuvom\nnuvom.configure('sqlite:///other.db')\n"))
    job = app.registry["tasks.add"].delay(1)
    services.append(project.start("--url", project.url, "runworker"))
    assert job.result(timeout=20) == 2
    assert not (project.root / "other.db").exists()


def test_the_tasks_own_configuration_is_used_where_nothing_else_was_said(project: Project, services: Services) -> None:
    text = (project.root / "tasks.py").read_text()
    project.write("tasks.py", text.replace("import nuvom\n", "import nuvom\nnuvom.configure('sqlite:///other.db')\n"))
    with Nuvom(f"sqlite:///{project.root}/other.db") as other:
        job = other.task(name="tasks.add")(add).delay(1)
        services.append(project.start("run"))
        assert job.result(timeout=20) == 2


def test_tasks_that_schedule_while_they_are_imported_are_served(
    project: Project, app: Nuvom, services: Services
) -> None:
    text = (project.root / "tasks.py").read_text()
    project.write("tasks.py", f"{text}\nadd.options(name='boot').schedule(1, interval=0.2)\n")
    services.append(project.start("run"))
    until(lambda: app.jobs.counts()[JobStatus.SUCCEEDED] >= 2)


def test_an_app_of_ones_own_is_served(project: Project, app: Nuvom, services: Services) -> None:
    project.write(
        "shop.py",
        "import nuvom\napp = nuvom.Nuvom()\n"
        "@app.task(name='tasks.add')\ndef add(a: int, b: int = 1) -> int: return a - b\n",
    )
    (project.root / "tasks.py").unlink()
    job = app.registry["tasks.add"].delay(9)
    services.append(project.start("--app", "shop:app", "--url", project.url, "runworker"))
    assert job.result(timeout=20) == 8


def test_a_service_on_an_empty_store_names_the_file_that_has_schedules(
    project: Project, app: Nuvom, services: Services
) -> None:
    app.registry["tasks.add"].options(name="night").schedule(1, cron="0 3 * * *")
    process = project.start("runscheduler", "--url", "sqlite:///new.db")
    services.append(process)
    until(lambda: "this store has no schedules" in log(project))
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    [said] = re.findall(r"stop this and copy them: `nuvom (.*)`", log(project))
    assert shlex.split(said) == ["store", "copy", project.url, f"sqlite:///{project.root}/new.db"]
    assert project.inside(*shlex.split(said)).code == 0
    with closing(open_store(f"sqlite:///{project.root}/new.db")) as store:
        assert [schedule.name for schedule in store.schedules.upcoming(9)] == ["night"]


def test_an_idle_service_ends_within_a_second_of_sigterm(project: Project, app: Nuvom, services: Services) -> None:
    process = project.start("run")
    services.append(process)
    app.store.migrate()
    until(lambda: lives(app, "worker") and lives(app, "scheduler"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert "killed" not in log(project)


def add(a: int, b: int = 1) -> int:
    return a + b


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ("def broken(:\n", ["tasks.py", "line 1", "SyntaxError"]),
        ("import absent_module\n", ["line 1, in <module>", "No module named 'absent_module'"]),
        ("def f():\n    return 1 / 0\nf()\n", ["line 3, in <module>", "line 2, in f", "ZeroDivisionError"]),
        ("raise SystemExit('not today')\n", ["line 1", "SystemExit: not today"]),
        ("import nuvom\nf = nuvom.task(lambda: 1)\n", ["line 2", "cannot be a task"]),
    ],
)
def test_tasks_that_raise_are_shown_by_the_users_own_lines(project: Project, tasks: str, told: list[str]) -> None:
    project.write("tasks.py", tasks)
    answer = project.call("run")
    assert (answer.code, answer.out) == (1, "")
    assert all(part in answer.err for part in told)
    assert str(Path("nuvom") / "cli") not in answer.err
    assert "importlib" not in answer.err
    assert not project.file.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nope.py"], "there is no file 'nope.py'"),
        (["nope.tasks"], "there is no module 'nope.tasks'"),
        (["--url", "memory://"], "memory:// lives in one process"),
        (["--url", "sqllite:///x.db"], "there is no store for 'sqllite'"),
        (["--url", "amqp://me:secret@db/0"], "there is no store for 'amqp'"),
        (["--url", "jobs.db"], "is not a URL"),
        (["--app", "shop"], "must be MODULE:APP"),
        (["--app", "nope:app"], "there is no module 'nope'"),
        (["--app", "tasks:app"], "tasks has no app 'app'"),
    ],
)
def test_what_a_service_cannot_use_is_a_wrong_use(project: Project, words: list[str], told: str) -> None:
    answer = project.call("run", *words)
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err
    assert "Traceback" not in answer.err
    assert "secret" not in answer.err
    assert not project.file.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-Q", "a,,b"], "queue"),
        (["-Q", "\x1b[31m"], "queue"),
        (["--processes", "0"], "--processes"),
        (["-c", "0"], "--threads"),
        (["--async-concurrency", "0"], "--async-concurrency"),
        (["--grace", "-1"], "--grace"),
        (["--max-jobs", "0"], "--max-jobs"),
        (["--max-memory", "much"], "'much' is no size; write it such as"),
        (["--max-memory", "-5M"], "--max-memory"),
        (["-l", "loud"], "'loud' is none; one of debug, info"),
        (["--reload"], "No such option"),
    ],
)
def test_an_option_out_of_bounds_is_a_wrong_use(project: Project, words: list[str], told: str) -> None:
    answer = project.inside("run", *words)
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err
    assert not project.file.exists()


def test_no_tasks_is_said_with_the_remedy(project: Project) -> None:
    project.write("empty.py", "x = 1\n")
    assert "empty.py has no task: put @nuvom.task above a function" in project.call("runworker", "empty.py").err
    (project.root / "tasks.py").unlink()
    answer = project.call("runworker")
    assert answer.code == 2
    assert "no tasks were named and" in answer.err


def test_a_scheduler_backend_that_cannot_be_loaded_is_said_at_once(project: Project) -> None:
    answer = project.call("runscheduler", NUVOM_SCHEDULER="absent.module:Backend")
    assert (answer.code, answer.out) == (2, "")
    assert "NUVOM_SCHEDULER='absent.module:Backend'" in answer.err


CHAIN = """

@nuvom.task
def chain(left: int) -> None:
    if left:
        chain.delay(left - 1)
"""


@pytest.mark.parametrize("command", ["run", "runworker"])
def test_drain_runs_all_there_is_with_several_processes_and_ends(project: Project, app: Nuvom, command: str) -> None:
    project.write("tasks.py", (project.root / "tasks.py").read_text() + CHAIN)
    app.registry["tasks.add"].map([(number,) for number in range(50)])
    app.store.jobs.push([a_job(task="tasks.chain", arguments=b"[[5],{}]")])
    later = app.store.jobs.push([a_job(task="tasks.add", run_at=app.now() + HOUR)])[0].id
    app.registry["tasks.add"].options(name="soon").schedule(3, in_=timedelta(milliseconds=1))
    until(lambda: app.schedules.get("soon").next_run <= app.now())  # type: ignore[operator]
    answer = project.call(command, "--drain", "--processes", "2")
    assert (answer.code, answer.out) == (0, "")
    counts = app.jobs.counts()
    assert counts[JobStatus.SUCCEEDED] == 56 + (command == "run")
    assert counts[JobStatus.QUEUED] == 1
    assert app.job(later).status() == JobStatus.QUEUED
    assert app.workers.list() == []
    assert "the next one starts" not in answer.err


def test_once_leaves_what_became_ready_meanwhile(project: Project, app: Nuvom) -> None:
    project.write("tasks.py", (project.root / "tasks.py").read_text() + CHAIN)
    app.store.jobs.push([a_job(task="tasks.chain", arguments=b"[[5],{}]")])
    assert project.call("runworker", "--once", "--processes", "2").code == 0
    counts = app.jobs.counts()
    assert (counts[JobStatus.SUCCEEDED], counts[JobStatus.QUEUED]) == (1, 1)


def test_a_worker_that_drains_still_stops_on_sigterm(project: Project, app: Nuvom, services: Services) -> None:
    project.write("tasks.py", "import nuvom, time\n\n@nuvom.task\ndef add(a: int) -> None:\n    time.sleep(60)\n")
    job = app.registry["tasks.add"].delay(1)
    process = project.start("run", "--drain", "--grace", "0")
    services.append(process)
    until(lambda: job.status() == JobStatus.RUNNING)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert job.status() == JobStatus.QUEUED


def test_drain_and_once_are_not_said_together(project: Project) -> None:
    answer = project.inside("runworker", "--drain", "--once")
    assert (answer.code, "say one of --drain and --once" in answer.err) == (2, True)
