"""The conformance kit run against somebody's plugin, outside of any suite: which promises it keeps. Needs pytest."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import pytest

from nuvom.errors import SettingsError
from nuvom.stores.backends import close_backend
from nuvom.stores.base import SchedulerBackend, Store

# The kit itself is imported by pytest's run and not here: else its assertions would say only that they failed.
if TYPE_CHECKING:
    from nuvom._clock import Clock
    from nuvom.testing.conformance.harness import Harness

NEW = "{new}"  # in the URL of a store: a name that each test gets for itself
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
_SHOWN = 12  # lines of a failure

_FIVE_METHODS = """
from nuvom.testing.conformance.backend import *
from nuvom.testing.conformance.backend_dispatch import *
"""
_STORE = """
from nuvom.testing.conformance import *
"""
_SHARED = """
from nuvom.testing.conformance.shared import *
"""


class Promise(NamedTuple):
    """A promise of the kit and whether it was kept; `told` is what a failure says."""

    words: str
    kept: bool
    told: str


def check_backend(called: str, make: Callable[[], SchedulerBackend]) -> list[Promise]:
    """Run the kit of the founding five methods.

    Args:
        called: What people call it.
        make: Gives the backend of a test; what a test put into it is cancelled afterwards.

    Raises:
        SettingsError: it holds schedules already; nothing was changed.
    """
    first = make()
    found = first.due(_LATEST, 1)
    close_backend(first)
    if found:
        raise SettingsError(
            f"{called} holds schedules (the earliest is {found[0].name or found[0].id}), and the kit changes what it "
            "finds: name an empty one"
        )
    return _run(_FIVE_METHODS, _Backends(make))


def check_store(open_: Callable[[str, Clock], Store]) -> list[Promise]:
    """Run the kit of a whole store.

    Args:
        open_: Opens the store that belongs to a name, from a clock; it is migrated here.
    """
    from nuvom._clock import SYSTEM_CLOCK

    with closing(open_(_new(), SYSTEM_CLOCK)) as store:
        shared = store.shared
    return _run(_STORE + _SHARED * shared, _Stores(open_, shared=shared))


class _Noting:
    """Notes how each test ended, as a plugin of pytest."""

    def __init__(self) -> None:
        self.failures: dict[str, list[str]] = {}  # by promise, those that were kept with none

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in how a test was set up, ran, or was torn down."""
        told = self.failures.setdefault(_words(report.nodeid), [])
        if report.failed:
            told.append(_told(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take in why the kit could not be read."""
        if report.failed:
            self.failures["the kit can be read"] = [report.longreprtext]


class _Backends(_Noting):
    """Gives each test a backend, and cancels afterwards what it left in there."""

    def __init__(self, make: Callable[[], SchedulerBackend]) -> None:
        super().__init__()
        self._make = make

    @pytest.fixture
    def backend(self) -> Iterator[SchedulerBackend]:
        """An empty backend."""
        from nuvom.testing.conformance.backend_dispatch import Around

        made = self._make()
        yield Around(made)
        for left in made.due(_LATEST, 10_000):
            made.cancel(left.id)
        close_backend(made)


class _Stores(_Noting):
    """Gives each test a store of its own."""

    def __init__(self, open_: Callable[[str, Clock], Store], *, shared: bool) -> None:
        super().__init__()
        self._open = open_
        self._shared = shared

    @pytest.fixture
    def harness(self) -> Harness:
        """How to reach the test's store."""
        from nuvom.testing.conformance.harness import Capability, Harness

        name = _new()

        def opened(clock: Clock) -> Store:
            store = self._open(name, clock)
            store.migrate()
            return store

        return Harness(open=opened, capabilities=frozenset({Capability.SHARED} if self._shared else ()))


def _new() -> str:
    return f"nuvom_check_{uuid4().hex[:12]}"


def _run(module: str, noting: _Noting) -> list[Promise]:
    """Run tests as nothing that is installed or configured here would change them."""
    kept = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with TemporaryDirectory() as folder:
        file = Path(folder) / "test_plugin.py"
        file.write_text(module)
        settings = Path(folder) / "pytest.ini"
        settings.write_text("[pytest]\n")
        words = ["-c", str(settings), "--rootdir", folder, "-p", "no:cacheprovider", "-p", "no:terminal", str(file)]
        code = pytest.main(words, plugins=[noting])
    os.environ |= {name: value for name, value in kept.items() if value is not None}
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        noting.failures[f"the kit runs to its end, and not {pytest.ExitCode(code).name}"] = ["it was cut short"]
    return [Promise(words, not told, "\n".join(told[:1])) for words, told in noting.failures.items()]


def _words(nodeid: str) -> str:
    """Return a test's promise in words: `a.py::test_x_is_y[z]` is `x is y`."""
    return re.sub(r"\[.*$", "", nodeid.rpartition("::test_")[2] or nodeid, flags=re.DOTALL).replace("_", " ")


def _told(report: pytest.TestReport) -> str:
    said = [line.removeprefix("E").strip() for line in report.longreprtext.splitlines() if re.match(r"E\s", line)]
    lines = [line for line in said if line and not re.match(r"Use -v|Omitting \d|Drill down", line)]
    which = re.search(r"\[.*\]$", report.nodeid)
    case = [f"with {which[0][1:-1]}:"] if which else []
    return "\n".join([*case, *(lines[:_SHOWN] or report.longreprtext.splitlines()[-1:])])
