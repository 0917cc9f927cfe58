"""Which scheduler backend a setting names: a class of somebody's own, made and looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from traceback import walk_tb
from typing import Any

from nuvom._schedule import ScheduleEnvelope
from nuvom._settings import Settings, masked
from nuvom.errors import BackendFailed, NuvomError, SettingsError, StoreError, StoreUnavailable
from nuvom.plugins import Group, find, import_path, is_path, lacking, made, told
from nuvom.stores.base import SchedulerBackend

_LOOKS = ("get", "due", "close")  # change nothing
FIVE = ("enqueue", "get", "due", "reschedule", "cancel")


def load_backend(wanted: str, settings: Settings) -> SchedulerBackend:
    """Return a backend of the founding five methods.

    Args:
        wanted: `package.module:Class` or the name of a plugin, of which `Class()` is made; or a URL whose scheme is the
            name of a plugin, of which `Class.from_url(url, settings)` is.
        settings: the app's, resolved.

    Raises:
        SettingsError: there is none, it cannot be loaded or made, or it lacks a method.
    """
    said = f"NUVOM_SCHEDULER={masked(wanted)!r}"
    url = wanted if "://" in wanted else None
    name = wanted.partition("://")[0]
    return make_backend(_class(name, said, settings), url, said, settings)


def _class(name: str, said: str, settings: Settings) -> Any:
    if is_path(name):
        return import_path(name, settings.root, said)
    plugin = find(Group.SCHEDULERS, name, said)
    if plugin is None:
        raise SettingsError(
            f"{said}: there is no scheduler backend {name!r}: {lacking(Group.SCHEDULERS, name)}; "
            "a class of your own is package.module:Class"
        )
    return plugin.load(said)


def make_backend(of: Any, url: str | None, said: str, settings: Settings) -> SchedulerBackend:
    """Make a backend of a class, from a URL where one was said.

    Raises:
        SettingsError: the class raises, takes no URL, or lacks one of the five methods.
    """
    called = getattr(of, "__name__", str(of))
    if not callable(of):
        raise SettingsError(f"{said}: {of!r:.100} is no class; name one with {', '.join(FIVE)}")
    from_url = getattr(of, "from_url", None)
    if url is None:
        backend = made(of, f"{called}()", said)
    elif not callable(from_url):
        raise SettingsError(f"{said}: {called} has no from_url(url, settings), so no URL makes one; give it that")
    else:
        backend = made(lambda: from_url(url, settings), f"{called}.from_url()", said)
    missing = [method for method in FIVE if not callable(getattr(backend, method, None))]
    if missing:
        raise SettingsError(f"{said}: {called} lacks {', '.join(missing)}; a backend has {', '.join(FIVE)}")
    checked: SchedulerBackend = backend
    return checked


def stored_in(backend: SchedulerBackend, schedule_id: str) -> ScheduleEnvelope | None:
    """Return what a backend's `get` does.

    Raises:
        StoreError: it is neither an envelope nor None, or the backend raised.
    """
    with _answering(backend, "get"):
        found: object = backend.get(schedule_id)
    if found is None or isinstance(found, ScheduleEnvelope):
        return found
    raise _broken(backend, "get", found, "the envelope or None")


def due_in(backend: SchedulerBackend, now: datetime, limit: int) -> list[ScheduleEnvelope]:
    """Return what a backend's `due` does.

    Raises:
        StoreError: it is no list of envelopes, the next run of one has no zone, or the backend raised.
    """
    with _answering(backend, "due"):
        found: object = backend.due(now, limit)
    if not isinstance(found, list):
        raise _broken(backend, "due", found, "a list of envelopes")
    for each in found:
        if not isinstance(each, ScheduleEnvelope):
            raise _broken(backend, "due", each, "a list of nothing but envelopes", "a list with ")
        if each.next_run is not None and each.next_run.tzinfo is None:
            raise _broken(backend, "due", each.next_run, "next runs with a zone", f"{each.id} with next_run=")
    return found


def enqueue_in(backend: SchedulerBackend, envelope: ScheduleEnvelope) -> None:
    """Let a backend keep an envelope; raises StoreError where it raises."""
    with _answering(backend, "enqueue"):
        backend.enqueue(envelope)


def reschedule_in(backend: SchedulerBackend, schedule_id: str, next_run: datetime) -> None:
    """Let a backend move a next run; raises StoreError where it raises."""
    with _answering(backend, "reschedule"):
        backend.reschedule(schedule_id, next_run)


def cancel_in(backend: SchedulerBackend, schedule_id: str) -> None:
    """Let a backend forget a schedule; raises StoreError where it raises."""
    with _answering(backend, "cancel"):
        backend.cancel(schedule_id)


@contextmanager
def _answering(backend: object, method: str) -> Iterator[None]:
    """Make what a backend raises an error of a store, which services outlive and callers expect."""
    try:
        yield
    except (NuvomError, MemoryError):
        raise
    except OSError as error:  # a network, a disk or a server, and not its code
        said = f"{type(backend).__name__}.{method}() raised {told(error)}"
        raise StoreUnavailable(said, unknown=method not in _LOOKS) from error
    except Exception as error:
        raise BackendFailed(type(backend).__name__, method, f"{told(error)}{_place(error, backend)}") from error


def _place(error: Exception, backend: object) -> str:
    """Return where in a backend's own module it was, the deepest line: a command shows no traceback."""
    frames = [
        (frame.f_globals.get("__name__"), frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
    ]
    own = [(name, line) for module, name, line in frames if module == type(backend).__module__]
    return f" ({Path(own[-1][0]).name}:{own[-1][1]})" if own else ""


def _broken(backend: SchedulerBackend, method: str, found: object, wanted: str, where: str = "") -> StoreError:
    called = f"{type(backend).__name__}.{method}()"
    return StoreError(f"{called} returned {where}{found!r:.100}, and must return {wanted}: docs/write-a-backend.md")


def close_backend(backend: object) -> None:
    """Call a backend's `close`, if it has one; raises StoreError where it raises."""
    close = getattr(backend, "close", None)
    if callable(close):
        with _answering(backend, "close"):
            close()
