"""A scheduler backend of somebody's own: named by its path, its name or its URL, made once, and closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nuvom import BackendFailed, Nuvom, ScheduleEnvelope, SettingsError, StoreError, StoreUnavailable
from nuvom.testing.conformance.examples import one_off
from tests.plugins.conftest import BACKEND, Installed


def tick() -> None: ...


@pytest.fixture
def shelf(installed: Installed) -> Installed:
    """A distribution with a backend."""
    installed.module("shelf", BACKEND)
    installed.distribution("nuvom-shelf", "1.2", schedulers={"shelf": "shelf:Memory"})
    return installed


def made(scheduler: str, tmp_path: Path) -> object:
    with Nuvom(f"sqlite:///{tmp_path}/jobs.db", scheduler=scheduler) as app:
        return app.backend


def problem(scheduler: str, tmp_path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        made(scheduler, tmp_path)
    told = str(caught.value)
    assert "\n" not in told
    return told


@pytest.mark.parametrize("scheduler", ["shelf:Memory", "shelf"])
def test_a_class_is_called_without_arguments(shelf: Installed, tmp_path: Path, scheduler: str) -> None:
    assert made(scheduler, tmp_path).said is None  # type: ignore[attr-defined]


def test_a_url_makes_one_by_its_scheme_with_the_apps_settings(shelf: Installed, tmp_path: Path) -> None:
    url = "shelf://me:secret@host/0"
    with Nuvom(f"sqlite:///{tmp_path}/jobs.db", scheduler=url) as app:
        assert app.backend.said == (url, app.settings)  # type: ignore[attr-defined]
        with pytest.raises(NotImplementedError, match=r"^shelf://me:\*\*\*@host/0 cannot list schedules"):
            app.schedules.list()
        with pytest.raises(NotImplementedError, match=r"^shelf://me:\*\*\*@host/0 cannot carry jitter=0:00:05"):
            app.task(tick).options(jitter=5).schedule(interval=60)


def test_all_three_types_run_through_a_plugin_of_a_url(shelf: Installed, tmp_path: Path) -> None:
    with Nuvom(f"sqlite:///{tmp_path}/jobs.db", scheduler="shelf://here", scheduler_poll=0.05) as app:
        task = app.task(tick)
        kept = [
            task.schedule(in_=timedelta(seconds=0.05)),
            task.schedule(interval=0.2),
            task.options(name="even").schedule(cron="0 0 1 1 *"),
        ]
        app.drain(until=app.now() + timedelta(seconds=0.7))
        assert [len(app.schedules.runs(each.id)) for each in kept] == [1, 3, 0]


def test_an_app_makes_one_whatever_threads_ask_and_closes_it(shelf: Installed, tmp_path: Path) -> None:
    with Nuvom(f"sqlite:///{tmp_path}/jobs.db", scheduler="shelf:Memory") as app:
        import shelf as module  # type: ignore[import-not-found]

        ready = threading.Barrier(8)
        found: list[object] = []
        another = threading.Event()

        def begins() -> None:
            if begun:
                another.set()
            begun.append(1)
            another.wait(0.2)  # so long, another thread may begin one as well

        begun: list[int] = []
        module.Memory.begins = begins

        def look() -> None:
            ready.wait()
            found.append(app.backend)

        threads = [threading.Thread(target=look) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(found) == 8
        assert len(module.Memory.made) == 1
        app.close()
        assert [each.closed for each in module.Memory.made] == [1]
        assert app.backend is not found[0], "the next use makes another"
    assert [each.closed for each in module.Memory.made] == [1, 1]


def test_one_without_close_needs_none(shelf: Installed, tmp_path: Path) -> None:
    shelf.module("open", f"{BACKEND}\n    del close")
    with Nuvom(f"sqlite:///{tmp_path}/jobs.db", scheduler="open:Memory") as app:
        assert not hasattr(app.backend, "close")


BROKEN = """
import absent_library
"""
MISSHAPEN = """
class Two:
    def get(self, schedule_id): ...
    def due(self, now, limit): ...

class Raises:
    def __init__(self):
        raise ValueError("no HOST is set")

class NoUrl:
    pass

number = 5
"""


def test_what_is_wrong_with_a_class_is_said_with_the_setting(installed: Installed, tmp_path: Path) -> None:
    installed.module("misshapen", MISSHAPEN)
    installed.module("broken", BROKEN)
    said = "NUVOM_SCHEDULER="
    for scheduler, told in {
        "misshapen:Two": f"{said}'misshapen:Two': Two lacks enqueue, reschedule, cancel; a backend has",
        "misshapen:Raises": f"{said}'misshapen:Raises': Raises() raised ValueError: no HOST is set; mend",
        "misshapen:number": f"{said}'misshapen:number': 5 is no class",
        "misshapen:Tow": "misshapen has no Tow; did you mean Two",
        "absent.module:Class": f"{said}'absent.module:Class': there is no module 'absent'",
        "broken:Class": "broken cannot be imported: ModuleNotFoundError: No module named 'absent_library'; mend it",
        "shlef": f"{said}'shlef': there is no scheduler backend 'shlef': none is installed",
    }.items():
        assert told in problem(scheduler, tmp_path)


def test_a_plugin_that_cannot_be_used_is_named_with_its_distribution_and_the_remedy(
    installed: Installed, tmp_path: Path
) -> None:
    installed.module("misshapen", MISSHAPEN)
    installed.module("broken", BROKEN)
    installed.distribution(
        "nuvom-odd",
        "0.3",
        schedulers={
            "broken": "broken:Class", "gone": "gone.place:Class", "renamed": "misshapen:Three",
            "raises": "misshapen:Raises", "nourl": "misshapen:NoUrl",
        },
    )  # fmt: skip
    plugin = "of nuvom-odd 0.3 cannot be loaded from"
    anew = "pip install --force-reinstall nuvom-odd"
    for scheduler, told in {
        "broken": [f"the plugin 'broken' {plugin} broken:Class", "install what it needs: absent_library"],
        "gone": [f"the plugin 'gone' {plugin} gone.place:Class: ModuleNotFoundError", anew],
        "renamed": [f"the plugin 'renamed' {plugin} misshapen:Three: AttributeError", anew],
        "raises": ["Raises() raised ValueError: no HOST is set"],
        "nourl://me:secret@h": ["NUVOM_SCHEDULER='nourl://me:***@h': NoUrl has no from_url(url, settings)"],
        "reises": ["did you mean 'raises'?"],
    }.items():
        found = problem(scheduler, tmp_path)
        assert [words for words in told if words not in found] == [], found


def test_a_name_of_two_distributions_is_refused_with_both(shelf: Installed, tmp_path: Path) -> None:
    shelf.distribution("other-shelf", "9", schedulers={"shelf": "shelf:Memory"})
    assert "'shelf' belongs to nuvom-shelf and other-shelf; uninstall" in problem("shelf", tmp_path)


@pytest.mark.parametrize("declared", ["1", "'1.7'", "1.2"])
def test_a_plugin_of_this_protocol_is_taken(installed: Installed, tmp_path: Path, declared: str) -> None:
    installed.module("shelf", f"{BACKEND}\n    nuvom_protocol = {declared}")
    assert made("shelf:Memory", tmp_path)


@pytest.mark.parametrize(
    ("declared", "told"),
    [("    nuvom_protocol = 2", "2"), ("nuvom_protocol = '3.1'", "3.1"), ("nuvom_protocol = 'new'", "new")],
)
def test_a_plugin_of_another_protocol_is_refused_at_load(
    installed: Installed, tmp_path: Path, declared: str, told: str
) -> None:
    installed.module("shelf", f"{BACKEND}\n{declared}")
    installed.distribution("nuvom-shelf", "2.0", schedulers={"shelf": "shelf:Memory"})
    found = problem("shelf", tmp_path)
    assert f"the plugin 'shelf' of nuvom-shelf 2.0 speaks protocol {told} of Nuvom's plugins, this release 1" in found
    assert found.endswith("pip install --upgrade nuvom-shelf" if told == "new" else "upgrade Nuvom")
    assert f"Memory speaks protocol {told}" in problem("shelf:Memory", tmp_path)


class Odd:
    """A backend that answers with what no backend may answer with."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        return envelope

    def get(self, schedule_id: str) -> object:
        return self.answer

    def due(self, now: datetime, limit: int) -> object:
        return self.answer

    def reschedule(self, schedule_id: str, next_run: datetime) -> None: ...

    def cancel(self, schedule_id: str) -> bool:
        return False


class Late(Odd):
    """A backend whose times have no zone."""

    def due(self, now: datetime, limit: int) -> object:
        return [replace(one_off(now), next_run=datetime(2026, 1, 1))]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        (Odd(None), r"Odd\.due\(\) returned None, and must return a list of envelopes: docs/write-a-backend\.md"),
        (Odd(iter(())), r"Odd\.due\(\) returned .*iterator"),
        (Odd(["x"]), r"Odd\.due\(\) returned a list with 'x', and must return a list of nothing but envelopes"),
        (Late(None), r"Late\.due\(\) returned .* with next_run=.*2026.* and must return next runs with a zone"),
    ],
)
def test_what_is_due_is_looked_at_before_it_is_used(backend: Odd, told: str) -> None:
    with Nuvom("memory://", scheduler="mine:Odd") as app:
        app.__dict__["backend"] = backend
        with pytest.raises(StoreError, match=told):
            app.drain()


def test_what_a_backend_has_for_an_id_is_looked_at_before_it_is_used() -> None:
    with Nuvom("memory://", scheduler="mine:Odd") as app:
        app.__dict__["backend"] = Odd("garbage")
        told = r"Odd\.get\(\) returned 'garbage', and must return the envelope or None"
        with pytest.raises(StoreError, match=told):
            app.schedules.get("a")
        with pytest.raises(StoreError, match=told):
            app.schedules.cancel("a")
        with pytest.raises(StoreError, match=told):
            app.task(name="tick")(tick).options(name="a").schedule(in_=1)


class Failing(Odd):
    """A backend that raises in one of its methods."""

    def __init__(self, method: str, error: Exception) -> None:
        super().__init__(None)

        def fail(*_: object) -> None:
            raise error

        setattr(self, method, fail)

    def due(self, now: datetime, limit: int) -> object:
        return []


def calls(app: Nuvom) -> dict[str, Callable[[], object]]:
    task = app.task(name="tick")(tick)
    once = task.options(name="a")
    return {
        "get": lambda: app.schedules.get("a"),
        "enqueue": lambda: once.schedule(in_=1),
        "cancel": lambda: app.schedules.cancel("a"),
        "due": app.drain,
    }


@pytest.mark.parametrize("method", ["get", "enqueue", "due"])
def test_what_a_backend_raises_is_an_error_of_a_store_that_names_it_and_keeps_the_cause(method: str) -> None:
    cause = KeyError("x")
    with Nuvom("memory://", scheduler="mine:Odd") as app:
        app.__dict__["backend"] = Failing(method, cause)
        with pytest.raises(
            BackendFailed, match=rf"^Failing\.{method}\(\) raised KeyError: 'x' \(test_backends.py:\d+\)$"
        ) as caught:
            calls(app)[method]()
    assert isinstance(caught.value, StoreError)
    assert (caught.value.backend, caught.value.method, caught.value.__cause__) == ("Failing", method, cause)


@pytest.mark.parametrize(("method", "unknown"), [("get", False), ("enqueue", True), ("due", False)])
def test_a_backend_whose_network_fails_is_away(method: str, unknown: bool) -> None:
    with Nuvom("memory://", scheduler="mine:Odd") as app:
        app.__dict__["backend"] = Failing(method, ConnectionRefusedError("no"))
        with pytest.raises(
            StoreUnavailable, match=rf"^Failing\.{method}\(\) raised ConnectionRefusedError: no$"
        ) as caught:
            calls(app)[method]()
    assert caught.value.unknown is unknown


def test_a_cancel_that_its_backend_could_not_take_is_an_error_and_holds() -> None:
    with Nuvom("memory://", scheduler="shelf:Memory") as app:
        kept: dict[str, ScheduleEnvelope] = {}
        backend = Failing("cancel", ValueError("no"))
        backend.enqueue = lambda envelope: kept.setdefault(envelope.id, envelope)  # type: ignore[method-assign]
        backend.get = kept.get  # type: ignore[method-assign, assignment]
        app.__dict__["backend"] = backend
        stored = app.task(name="tick")(tick).options(name="a").schedule(in_=1)
        with pytest.raises(BackendFailed, match=r"^Failing\.cancel\(\) raised ValueError: no"):
            app.schedules.cancel("a")
        fence = app.store.ledger.fence(stored.id)
        assert fence is not None
        assert fence.envelope.state.ended


def test_an_error_of_nuvoms_own_passes_through_a_backend_as_it_is() -> None:
    error = StoreUnavailable("the shelf is away")
    with Nuvom("memory://", scheduler="mine:Odd") as app:
        app.__dict__["backend"] = Failing("get", error)
        with pytest.raises(StoreUnavailable) as caught:
            app.schedules.get("a")
    assert caught.value is error


def test_a_backend_that_cannot_be_closed_says_so_after_the_store_is_closed(tmp_path: Path) -> None:
    app = Nuvom(f"sqlite:///{tmp_path}/jobs.db", scheduler="mine:Odd")
    app.__dict__["backend"] = Failing("close", RuntimeError("stuck"))
    store = app.store
    store.migrate()
    with pytest.raises(BackendFailed, match=r"Failing\.close\(\) raised RuntimeError: stuck"):
        app.close()
    with pytest.raises(StoreUnavailable):
        store.jobs.queues()
