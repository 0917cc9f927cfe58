"""The public face is frozen: what `import nuvom` gives, what it costs, and what it starts (nothing)."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import nuvom

FACE = """
ArgumentsError Attempt AttemptOutcome BackendFailed Call CatchUp CurrentJob DuplicateScheduleWarning EnqueuedJob Hook
InvalidCron InvalidTrigger Job JobCancelled JobCancelledError JobError JobFailed JobHandle JobNotFound JobStatus
JobTimedOut LifespanError NaiveDatetimeWarning NotInJob Nuvom NuvomError Occurrence OccurrenceOutcome Overlap
PayloadTooLarge Progress ResultNotStored Retry RetryLater ScheduleChanged ScheduleEnded ScheduleEnvelope
ScheduleNotFound ScheduleState ScheduleType SchemaTooNew SettingsError StoreBusy StoreError StoreFull StoreUnavailable
StoreUnusable Task TaskDefinitionError TaskNotFound UnknownTimezone UnsupportedByBackend Verdict Waited app
as_completed as_completed_async configure cron current_job every job jobs lifespan queues schedule schedules task
transaction wait wait_async workers
""".split()


def test_the_face_is_what_it_was_and_sorted() -> None:
    assert nuvom.__all__ == FACE == sorted(FACE)


def test_the_face_for_plugins_is_what_it_was() -> None:
    from nuvom import plugins

    assert plugins.PROTOCOL == 1
    assert {group.name: group.value for group in plugins.Group} == {
        "STORES": "nuvom.stores",
        "SCHEDULERS": "nuvom.schedulers",
        "HOOKS": "nuvom.hooks",
    }
    assert plugins.__all__ == ["PROTOCOL", "Group", "Plugin", "Settings", "installed"]


def test_every_name_is_there_after_every_submodule_was_imported() -> None:
    for info in pkgutil.walk_packages(nuvom.__path__, "nuvom."):
        if not info.name.startswith(("nuvom.testing.conformance", "nuvom.__main__")):
            importlib.import_module(info.name)
    for name in nuvom.__all__:
        assert not isinstance(getattr(nuvom, name), type(sys)), name
    assert set(nuvom.__all__) <= set(dir(nuvom))


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_nuvom_imports_nothing_heavy_and_starts_nothing() -> None:
    code = (
        "import sys, threading, nuvom;"
        "heavy = {'pydantic', 'typer', 'rich', 'asyncio', 'sqlite3', 'click', 'tzdata'} & set(sys.modules);"
        "print(heavy or 'light', threading.active_count())"
    )
    assert fresh(code) == "light 1"


def test_decorating_a_plain_task_needs_no_pydantic(tmp_path: object) -> None:
    code = (
        "import sys\nfrom nuvom import task\n@task\ndef add(x: int, y: int = 2) -> int: return x + y\n"
        "print({'pydantic', 'typer', 'rich'} & set(sys.modules) or 'light')"
    )
    assert fresh(code) == "light"


def test_the_log_is_silent_until_somebody_configures_it() -> None:
    code = "import logging, nuvom; nuvom.task; print(logging.getLogger('nuvom').handlers, logging.getLogger().handlers)"
    assert fresh(code) == "[] []"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import pytest

    with pytest.raises(AttributeError, match="no attribute 'delay'"):
        _ = nuvom.delay  # type: ignore[attr-defined]


def test_the_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert nuvom.__version__ == version("nuvom")


def test_public_modules_are_found_without_an_import_of_their_own() -> None:
    code = (
        "import nuvom; print(nuvom.testing.memory.__name__, nuvom.errors.NuvomError.__name__, nuvom.plugins.PROTOCOL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["memory", "NuvomError", "1"]
