"""A store of somebody else's: named by its URL's scheme, opened with what our own get, and served like them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nuvom import Nuvom, SettingsError
from tests.cli.conftest import Project
from tests.plugins.conftest import Installed

STORE = """
from nuvom.stores.sqlite.store import open_sqlite

given = {}


def open_crate(url, *, root, auto_migrate, **said):
    given.update(url=url, root=root, auto_migrate=auto_migrate, **said)
    return open_sqlite(root / url.partition(":///")[2], **said)


def refuse(url, **said):
    raise ValueError("no such crate")
"""


@pytest.fixture
def crate(installed: Installed) -> Installed:
    """A distribution with a store."""
    installed.module("crate", STORE)
    installed.distribution("crate-store", "3.0", stores={"crate": "crate:open_crate", "full": "crate:refuse"})
    return installed


def test_a_store_is_opened_by_its_scheme(crate: Installed, project: Project) -> None:
    with Nuvom("crate:///jobs.db", lease=12) as app:
        assert app.task(print).delay("x").status() == "queued"
        from crate import given  # type: ignore[import-not-found]

        assert (given["url"], given["root"]) == ("crate:///jobs.db", project.root)
        assert (given["lease"], given["busy_timeout"], given["auto_migrate"]) == (12.0, 5.0, None)
    assert (project.root / "jobs.db").is_file()


def test_services_run_on_it(crate: Installed, project: Project) -> None:
    url = {"NUVOM_URL": "crate:///jobs.db"}
    assert project.call("jobs", "list", **url).code == 0
    code = "import tasks; tasks.add.delay(1, 2); tasks.add.options(name='n').schedule(1, in_=0)"
    subprocess.run([sys.executable, "-c", code], cwd=project.root, env={**os.environ, **url}, check=True)
    assert project.call("run", "--drain", "tasks.py", **url).code == 0
    assert project.call("stats", "--json", **url).json["succeeded"] == 2
    assert [check["level"] for check in project.call("doctor", "--json", **url).json["checks"]].count("fail") == 0


def test_what_cannot_be_opened_is_said_with_the_plugin(crate: Installed, tmp_path: Path) -> None:
    crate.distribution("odd-store", "1", stores={"odd": "absent_module:open_it", "number": "crate:given"})
    for url, told in {
        "full://me:secret@host": r"^NUVOM_URL='full://me:\*\*\*@host': refuse raised ValueError: no such crate",
        "odd://x": r"^NUVOM_URL='odd://x': the plugin 'odd' of odd-store 1 cannot be loaded from absent_module:open_it",
        "number://x": r"opens no store",
        "crat://x": r"there is no store for 'crat'",
    }.items():
        with pytest.raises(SettingsError, match=told):
            _ = Nuvom(url).store


def test_a_plugin_takes_no_scheme_of_nuvoms_own(crate: Installed, project: Project) -> None:
    crate.distribution("greedy", "1", stores={"sqlite": "crate:refuse"})
    with Nuvom(project.url) as app:
        assert app.jobs.list() == []
    [found] = [each for each in project.call("plugins", "list", "--json").json if each["name"] == "sqlite"]
    assert found["problem"] == "sqlite:// is a store of Nuvom's own; the plugin is not used"


def test_schedules_may_be_in_a_plugins_store_and_jobs_in_another(crate: Installed, project: Project) -> None:
    with Nuvom(project.url, scheduler="crate:///schedules.db") as app:
        envelope = app.task(add).schedule(in_=0)
        assert [each.id for each in app.schedules.list()] == [envelope.id], "a store has a list, whoever wrote it"
        assert app.drain() == 1
        assert app.schedules.list() == []
    assert (project.root / "schedules.db").is_file()


def add() -> None: ...
