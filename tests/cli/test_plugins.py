"""`nuvom plugins`: what is installed and whether it loads, and a plugin held to the kit."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.conftest import Project
from tests.plugins.conftest import BACKEND, Installed, installed

__all__ = ["installed"]

FORGETFUL = f"""{BACKEND}

class Forgetful(Memory):
    '''It moves a next run back, and knows nothing of what is unknown.'''

    def reschedule(self, schedule_id, next_run):
        self.kept[schedule_id] = replace(self.kept[schedule_id], next_run=next_run, next_nominal=next_run)


class Full(Memory):
    def __init__(self):
        from datetime import UTC, datetime

        from nuvom import ScheduleEnvelope

        super().__init__()
        at = datetime(2030, 1, 1, tzinfo=UTC)
        self.enqueue(ScheduleEnvelope(id="x", task="t", schedule_type="one_off", at=at, next_nominal=at, next_run=at))
"""


@pytest.fixture
def shelf(installed: Installed) -> Installed:
    installed.module("shelf", FORGETFUL)
    installed.module("broken", "import absent_library\n")
    installed.distribution("nuvom-shelf", "1.2", schedulers={"shelf": "shelf:Memory"}, hooks={"bad": "broken:Hook"})
    return installed


def test_list_says_what_is_installed_and_whether_it_loads(shelf: Installed, project: Project) -> None:
    bad, good = sorted(project.call("plugins", "list", "--json").json, key=lambda each: each["name"])
    assert good == {
        "group": "nuvom.schedulers",
        "name": "shelf",
        "path": "shelf:Memory",
        "distribution": "nuvom-shelf",
        "version": "1.2",
        "loads": True,
        "problem": None,
    }
    assert (bad["group"], bad["loads"]) == ("nuvom.hooks", False)
    assert "cannot be loaded from broken:Hook: ModuleNotFoundError" in bad["problem"]
    answer = project.call("plugins", "list")
    assert answer.code == 0
    assert answer.out.split("\n")[0].split() == ["group", "name", "version", "distribution", "loads", "from"]
    assert "shelf:Memory" in answer.out


def test_list_says_that_there_is_none(project: Project) -> None:
    answer = project.call("plugins", "list")
    assert (answer.code, answer.out, answer.err) == (0, "", "no plugin is installed\n")


@pytest.mark.parametrize("words", [["shelf"], ["shelf:Memory", "shelf://x"]])
def test_check_reports_each_promise_that_is_kept(shelf: Installed, project: Project, words: list[str]) -> None:
    answer = project.call("plugins", "check", *words)
    lines = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert {line[:6] for line in lines[:-1]} == {"ok    "}
    assert "ok    the same id again replaces" in lines
    assert "ok    each type named or not runs exactly once though due is old and repeats" in lines
    assert lines[-1] == f"{len(lines) - 1} of {len(lines) - 1} promises are kept"


def test_check_shows_what_is_broken_and_how(shelf: Installed, project: Project) -> None:
    answer = project.call("plugins", "check", "shelf:Forgetful", "--json")
    assert answer.code == 1
    assert answer.json["kept"] is False
    broken = {each["promise"]: each["told"] for each in answer.json["promises"] if not each["kept"]}
    assert broken.keys() == {
        "reschedule to what is not later is ignored",
        "reschedule of an unknown id is ignored",
        "reschedule after cancel brings nothing back",
    }
    assert "KeyError" in broken["reschedule of an unknown id is ignored"]
    assert "['next_nominal', 'next_run']" in broken["reschedule to what is not later is ignored"]
    answer = project.call("plugins", "check", "shelf:Forgetful")
    assert "FAIL  reschedule of an unknown id is ignored\n        KeyError" in answer.out


def test_check_changes_nothing_in_a_backend_that_holds_schedules(shelf: Installed, project: Project) -> None:
    answer = project.call("plugins", "check", "shelf:Full")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "nuvom: shelf:Full holds schedules (the earliest is x), and the kit changes what it finds: name an empty one\n"
    )


PART = """
import sys
import nuvom.testing.checking as checking
from nuvom.cli import main

# The rest of the kit runs on these stores in tests/conformance.
checking._STORE = "".join(f"from nuvom.testing.conformance.{m} import *\\n" for m in ("harness", "push", "schedules"))
sys.argv = ["nuvom", "plugins", "check", sys.argv[1], "--json"]
main()
"""


@pytest.mark.parametrize(("url", "shared"), [("memory://", False), ("sqlite:///{new}.db", True)])
def test_check_holds_a_whole_store_to_its_kit_each_test_on_a_store_of_its_own(
    project: Project, url: str, shared: bool
) -> None:
    done = subprocess.run([sys.executable, "-c", PART, url], capture_output=True, check=False, cwd=project.root)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["kept"] is True
    promises = [each["promise"] for each in found["promises"]]
    assert len(promises) > 30
    assert "a capability is declared exactly where its tests run" in promises
    assert bool(list(project.root.glob("nuvom_check_*.db"))) == shared


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sqlite:///jobs.db"], "write {new} into it"),
        (["nowhere:Class"], "nowhere:Class: there is no module 'nowhere'"),
        (["shlf"], "did you mean 'shelf'?"),
        (["shlf://x"], "did you mean 'shelf'?"),
        (["shelf", "shelf://x"], "a URL goes with package.module:Class, or stands alone"),
    ],
)
def test_check_says_what_it_cannot_check(shelf: Installed, project: Project, words: list[str], told: str) -> None:
    answer = project.call("plugins", "check", *words)
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err


def test_check_says_that_it_needs_pytest(shelf: Installed, project: Project) -> None:
    code = (
        "import sys, importlib.util as util; find = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'pytest' else find(name, *more)\n"
        "from nuvom.cli import main; sys.argv = ['nuvom', 'plugins', 'check', 'shelf:Memory']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=project.root)
    assert (done.returncode, done.stderr) == (
        1,
        "nuvom: the kit needs pytest, which is not installed: pip install pytest\n",
    )
