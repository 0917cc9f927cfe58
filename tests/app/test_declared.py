"""`@cron` and `@every` above `@task`: what they keep, and what they refuse, at once and without a store."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import nuvom
from nuvom import InvalidCron, InvalidTrigger, NaiveDatetimeWarning, Nuvom, TaskDefinitionError, UnknownTimezone


@pytest.fixture
def app() -> Nuvom:
    return Nuvom("memory://")


def report(day: str = "today", *, pages: int = 1) -> int:
    return pages


def clean() -> None: ...


def test_a_task_passes_through_and_stays_what_it_was(app: Nuvom) -> None:
    task = app.task(report)
    assert app.cron("0 3 * * *")(task) is task
    assert task("x", pages=2) == 2
    assert task.said == nuvom.Nuvom("memory://").task(report).said


def test_the_name_is_the_tasks_unless_one_is_given(app: Nuvom) -> None:
    task = app.task(name="reports.build")(report)
    app.cron("0 3 * * *")(task)
    app.every("15m", name="often")(task)
    assert list(app.declared) == ["reports.build", "often"]


def test_a_second_one_on_a_task_must_be_named(app: Nuvom) -> None:
    task = app.cron("0 3 * * *")(app.task(name="reports.build")(report))
    with pytest.raises(
        TypeError, match=r"reports\.build has a schedule named 'reports\.build' already.*@every\(…, name"
    ):
        app.every("15m")(task)


def test_several_above_one_task_are_each_kept(app: Nuvom) -> None:
    task = app.task(name="t")(report)
    app.cron("0 3 * * *", name="nightly")(app.cron("0 12 * * *", name="noon")(app.every("15m")(task)))
    assert list(app.declared) == ["t", "noon", "nightly"]


def test_two_declarations_of_one_name_are_refused_with_both_tasks(app: Nuvom) -> None:
    app.cron("0 3 * * *", name="nightly")(app.task(name="a")(report))
    with pytest.raises(TaskDefinitionError, match=r"named 'nightly': one of task a and one of task b"):
        app.every(60, name="nightly")(app.task(name="b")(clean))
    with pytest.raises(TaskDefinitionError, match=r"named 'nightly'"):
        app.every(60, name="nightly")(app.registry["a"])


def test_apps_have_declarations_of_their_own(app: Nuvom) -> None:
    other = Nuvom("memory://")
    app.cron("0 3 * * *", name="nightly")(app.task(report))
    nuvom.every(60, name="nightly")(other.task(report))
    assert app.declared["nightly"].times.cron == "0 3 * * *"
    assert other.declared["nightly"].times.interval == 60


@pytest.mark.parametrize("decorator", [nuvom.cron("0 3 * * *"), nuvom.every("15m")], ids=["cron", "every"])
@pytest.mark.parametrize("below", [report, 5, None, Nuvom], ids=["function", "number", "nothing", "class"])
def test_below_task_says_put_it_above(decorator: Callable[[Any], Any], below: Any) -> None:
    with pytest.raises(TypeError, match=r"put @(cron|every) above @task"):
        decorator(below)


WRONG: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("expression", lambda: nuvom.cron("61 * * * *"), InvalidCron, "minute"),
    ("no expression", lambda: nuvom.cron(""), InvalidCron, "cron="),
    ("type of expression", lambda: nuvom.cron(5), InvalidTrigger, "must be text"),  # type: ignore[arg-type]
    ("never", lambda: nuvom.cron("0 0 30 2 *"), InvalidTrigger, "cron="),
    ("zone", lambda: nuvom.cron("0 3 * * *", timezone_name="Europe/Pari"), UnknownTimezone, "Europe/Paris"),
    ("duration", lambda: nuvom.every("soon"), InvalidTrigger, "interval='soon'"),
    ("short duration", lambda: nuvom.every(0.05), InvalidTrigger, "at least 0.1"),
    ("priority", lambda: nuvom.every(60, priority=5000), ValueError, "priority=5000"),
    ("overlap", lambda: nuvom.every(60, overlap="some"), ValueError, "overlap='some'"),
    ("policies", lambda: nuvom.every(60, overlap="skip", catch_up="all"), ValueError, "catch_up='all'"),
    ("unknown option", lambda: nuvom.every(60, limit=5), TypeError, "no option 'limit'; it takes queue"),  # type: ignore[call-arg]
    ("id", lambda: nuvom.every(60, id="x"), TypeError, "takes no id: give the schedule a name"),  # type: ignore[call-arg]
    ("name", lambda: nuvom.every(60, name="a\x07"), ValueError, "printable"),
    ("empty name", lambda: nuvom.every(60, name=""), ValueError, "name=''"),
    ("name like an id", lambda: nuvom.every(60, name="0193e5a0-0000-7000-8000-000000000000"), ValueError, "like an id"),
    ("too many arguments", lambda: nuvom.every(60, args=("a", "b")), TypeError, "too many positional"),
    ("unknown argument", lambda: nuvom.every(60, kwargs={"colour": 1}), TypeError, "colour"),
    ("type of argument", lambda: nuvom.every(60, kwargs={"pages": "many"}), TypeError, "'pages'"),
]  # fmt: skip


@pytest.mark.parametrize(("declare", "kind", "words"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_cannot_be_used_is_refused_at_decoration(
    app: Nuvom, declare: Callable[[], Any], kind: type[Exception], words: str
) -> None:
    task = app.task(report)
    with pytest.raises(kind, match=re.escape(words)):
        declare()(task)
    assert app.declared == {}


def test_declaring_uses_neither_store_nor_settings(app: Nuvom) -> None:
    app.cron("0 3 * * *", args=("x",), starts_at=datetime(2030, 1, 1, tzinfo=UTC))(app.task(report))
    app.configure("sqlite:///elsewhere.db")  # too late after the first use


def test_declaring_a_plain_task_needs_nothing_heavy() -> None:
    code = (
        "import sys, nuvom\n"
        "@nuvom.cron('0 3 * * *', kwargs={'x': 1})\n@nuvom.every('15m', name='often')\n@nuvom.task\n"
        "def add(x: int = 2) -> int: return x\n"
        "print({'pydantic', 'typer', 'rich', 'sqlite3', 'asyncio'} & set(sys.modules) or 'light')"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "light\n"


def test_the_app_takes_no_other_task_than_one(app: Nuvom) -> None:
    app.every(timedelta(minutes=1), queue="q", retries=2)(app.task(report))
    [declaration] = app.declared.values()
    assert declaration.call.task.said.for_schedule() == {"queue": "q", "retries": 2}
    assert app.registry[declaration.call.task.name].said.for_schedule() == {}


def test_what_an_expression_is_warned_of_is_said_once_at_the_decorators_line(app: Nuvom) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        app.cron("0 30 3 * * *", starts_at=datetime(2030, 1, 1))(app.task(report))  # noqa: DTZ001  what is warned of
        app.schedules.sync()
    assert {warning.filename for warning in caught} == {__file__}
    assert [warning.category for warning in caught].count(NaiveDatetimeWarning) == 1
    assert len({str(warning.message) for warning in caught}) == len(caught) == 2
    app.close()


MODULE = """
from nuvom import Nuvom, every

app = globals().get("app") or Nuvom("memory://")


@every({seconds}, name="often")
{second}@app.task
def send() -> None: ...
"""


def test_a_reload_of_the_same_file_replaces_its_declarations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "declaring_module.py"
    file.write_text(MODULE.format(seconds=60, second="@every(5)\n"))
    module = importlib.import_module("declaring_module")
    assert [d.times.interval for d in module.app.declared.values()] == [5, 60]
    importlib.reload(module)
    assert [d.times.interval for d in module.app.declared.values()] == [5, 60]
    file.write_text(MODULE.format(seconds=90, second=""))
    importlib.reload(module)
    assert [d.times.interval for d in module.app.declared.values()] == [90]
    del sys.modules["declaring_module"]
