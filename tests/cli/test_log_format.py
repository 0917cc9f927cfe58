"""What services say as JSON: every line, with the job it belongs to, and no secrets."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from datetime import datetime
from typing import Any

import pytest

from nuvom import JobFailed, Nuvom
from nuvom.worker.logs import _Json
from tests.cli.conftest import Project
from tests.waiting import until

TASKS = """
import logging, warnings
import nuvom

@nuvom.task(queue="sums")
def add(a: int, b: int = 1) -> int:
    logging.getLogger("shop").info("connects to postgres://me:%s@db/x", "hunter2")
    warnings.warn("old")
    return a + b

@nuvom.task
async def fail(reason: str) -> None:
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("shop").exception("it broke")
    raise ValueError("no")
"""
Services = list["subprocess.Popen[bytes]"]


def lines(project: Project) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project.root / "log").read_text().splitlines()]


def raw(project: Project) -> str:
    return (project.root / "log").read_text()


def ended(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


@pytest.fixture
def ran(project: Project, services: Services) -> tuple[list[dict[str, Any]], list[str]]:
    """The lines of a service that ran three jobs, and their ids."""
    project.write("tasks.py", TASKS)
    with Nuvom(project.url) as app:
        app.task(name="tasks.add", queue="sums")(add)
        app.task(name="tasks.fail")(fail)
        good, bad = app.registry["tasks.add"].delay(4711), app.registry["tasks.fail"].delay("0815")
        app.registry["tasks.add"].options(name="soon").schedule(4711, in_="1ms")
        services.append(project.start("run", "--log-format", "json", "--grace", "5"))
        assert good.result(timeout=30) == 4712
        with pytest.raises(JobFailed):
            bad.result(timeout=30)
        until(lambda: raw(project).count('"event":"succeeded"') == 2)
        ended(services[0])
    return lines(project), [good.id, bad.id]


def add(a: int, b: int = 1) -> int:
    return a + b


async def fail(reason: str) -> None:
    raise ValueError(reason)


def test_every_line_of_every_process_is_json(ran: tuple[list[dict[str, Any]], list[str]]) -> None:
    found, _ = ran
    for line in found:
        assert {"ts", "level", "logger", "message", "pid"} <= line.keys(), line
        assert datetime.fromisoformat(line["ts"]).utcoffset() is not None
    messages = [line["message"] for line in found]
    assert messages[0].startswith("nuvom ")  # the supervisor's banner
    assert any("worker process" in message for message in messages)
    assert {line["logger"] for line in found} >= {"nuvom", "nuvom.worker", "nuvom.jobs", "shop", "py.warnings"}
    assert len({line["pid"] for line in found}) >= 2


def test_a_line_of_a_job_names_it_and_the_last_one_says_how_it_ended(
    ran: tuple[list[dict[str, Any]], list[str]],
) -> None:
    found, [good, bad] = ran
    own = [line for line in found if line.get("job") == good]
    assert {(line["task"], line["queue"], line["attempt"]) for line in own} == {("tasks.add", "sums", 1)}
    assert [(line["logger"], line.get("event")) for line in own][-1] == ("nuvom.jobs", "succeeded")
    assert 0 <= own[-1]["seconds"] < 10
    failed = [line for line in found if line.get("job") == bad]
    assert [line.get("event") for line in failed] == [None, None, "failed"]
    assert "ZeroDivisionError" in failed[0]["exception"]
    assert failed[1]["level"] == "ERROR"
    assert "ValueError: no" in failed[1]["message"]
    of_schedule = [line for line in found if line.get("schedule") == "soon"]
    assert [line["event"] for line in of_schedule if "event" in line] == ["succeeded"]


def test_passwords_in_urls_are_masked_and_arguments_never_said(
    ran: tuple[list[dict[str, Any]], list[str]], project: Project
) -> None:
    assert "connects to postgres://me:***@db/x" in raw(project)
    assert "hunter2" not in raw(project)
    assert "4711" not in raw(project)
    assert "0815" not in raw(project)


def test_the_setting_says_so_too_and_a_context_is_in_each_line_of_its_job(
    project: Project, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUVOM_LOG_FORMAT", "json")
    project.write(
        "tasks.py",
        f"{TASKS}\nclass Tenant(nuvom.Hook):\n    def on_enqueue(self, job):\n        job.context['tenant'] = 'acme'\n"
        "nuvom.app.hooks.append(Tenant())\nif __name__ == '__main__':\n    add.delay(1)\n",
    )
    subprocess.run([sys.executable, "tasks.py"], cwd=project.root, check=True)
    services.append(project.start("runworker", "-l", "debug"))
    until(lambda: '"event":"succeeded"' in raw(project))
    ended(services[0])
    own = [line for line in lines(project) if "job" in line]
    assert [line.get("event") for line in own if line["logger"] == "nuvom.jobs"] == ["started", "succeeded"]
    assert all(line["context"] == {"tenant": "acme"} for line in own)


def test_json_says_that_it_leaves_the_users_own_logging(project: Project, app: Nuvom, services: Services) -> None:
    text = (project.root / "tasks.py").read_text()
    project.write("tasks.py", f"{text}\nlogging.basicConfig(level='INFO', format='OWN %(message)s')\n")
    job = app.registry["tasks.add"].delay(7)
    services.append(project.start("runworker", "--log-format", "json"))
    job.result(timeout=20)
    until(lambda: "OWN adding 7" in raw(project))
    assert "OWN log format json has no effect: the tasks' code has configured logging" in raw(project)


def test_text_tells_of_each_attempt_only_at_debug(project: Project, app: Nuvom, services: Services) -> None:
    for level, times in (("info", 0), ("debug", 1)):
        job = app.registry["tasks.add"].delay(7)
        process = project.start("runworker", "-l", level, log=level)
        services.append(process)
        job.result(timeout=20)
        ended(process)
        said = (project.root / level).read_text()
        assert said.count(f"[{job.id}]: job {job.id} of task 'tasks.add' succeeded after 0.") == times


@pytest.mark.parametrize(
    ("words", "environ", "message"),
    [
        (["--log-format", "xml"], {}, "'xml' is none; one of text, json"),
        ([], {"NUVOM_LOG_FORMAT": "xml"}, "NUVOM_LOG_FORMAT='xml' must be 'text' or 'json'"),
    ],
)
def test_another_format_is_refused(project: Project, words: list[str], environ: dict[str, str], message: str) -> None:
    answer = project.call("runscheduler", *words, **environ)
    assert answer.code == 2
    assert message in " ".join(answer.err.split())


@pytest.mark.parametrize(
    ("message", "args", "said"),
    [
        ("%d files", ("many",), "%d files (TypeError: %d format: a real number is required, not str)"),
        ("lone \ud800", (), "lone \ud800"),
        ("two\nlines", (), "two\nlines"),
        ("see http://a/b and redis://:pw@host", (), "see http://a/b and redis://:***@host"),
    ],
)
def test_whatever_is_logged_is_one_line(message: str, args: tuple[Any, ...], said: str) -> None:
    record = logging.LogRecord("shop", logging.INFO, __file__, 1, message, args, None)
    line = _Json().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == said
