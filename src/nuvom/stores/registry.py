"""Which store a URL names."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from nuvom._clock import SYSTEM_CLOCK, Clock
from nuvom._settings import masked
from nuvom.errors import SettingsError

if TYPE_CHECKING:
    from nuvom.stores.base import Store
    from nuvom.stores.sqlite.database import Synchronous

_KNOWN = "memory://, sqlite:///, postgresql:// and redis://"
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg", "postgresql+psycopg2")
_LAYOUTS = ("", "s", "+sentinel", "s+sentinel", "+cluster", "s+cluster")
_REDIS = ("unix", *(f"redis{layout}" for layout in _LAYOUTS), *(f"valkey{layout}" for layout in _LAYOUTS))
SCHEMES = ("memory", "sqlite", *_POSTGRES, *_REDIS)
_FACES = ("url", "jobs", "workers", "ledger", "schedules", "now", "close")
_SYNCHRONOUS: dict[str, Synchronous] = {"full": "full", "normal": "normal"}


def open_store(
    url: str,
    *,
    clock: Clock = SYSTEM_CLOCK,
    busy_timeout: float | None = 5.0,
    lease: float = 30.0,
    root: Path | None = None,
    auto_migrate: bool | None = None,
) -> Store:
    """Return the store that a URL names; nothing is opened before it is used.

    Args:
        url: `memory://`, `sqlite:///relative/path` or `sqlite:////absolute/path`; a file takes `?synchronous=full` or
            `normal` for all its commits. `postgresql://user@host/database?schema=nuvom`, with libpq's parameters.
            `redis://host:6379/0?prefix=nuvom`, with the driver's.
        clock: the store's clock.
        busy_timeout: how many seconds a caller waits for a locked store; None: as long as it takes.
        lease: seconds from a heartbeat until a silent process counts as dead.
        root: where relative paths begin; by default the working directory.
        auto_migrate: whether tables are made and changed by whoever comes first; None: those of a file are.

    Raises:
        SettingsError: the URL names no store of this release.
    """
    _refuse_unwritable(url)
    scheme, separator, rest = url.partition("://")
    if scheme == "memory" and separator:
        from nuvom.stores.memory import open_memory

        _refuse_more(url, rest)
        return open_memory(clock=clock, busy_timeout=busy_timeout, lease=lease)
    if scheme == "sqlite" and separator:
        from nuvom.stores.sqlite.store import open_sqlite

        path, synchronous = _file(url, rest)
        path = (root or Path.cwd()) / path
        return open_sqlite(
            path,
            clock=clock,
            busy_timeout=busy_timeout,
            lease=lease,
            synchronous=synchronous,
            auto_migrate=auto_migrate is not False,
        )
    if scheme in _POSTGRES and separator:
        return _postgres(url, clock, busy_timeout, lease, auto_migrate=bool(auto_migrate))
    if scheme in _REDIS and separator:
        return _redis(url, clock, busy_timeout, lease)
    if separator and (
        opened := _by_plugin(
            url, clock=clock, busy_timeout=busy_timeout, lease=lease, root=root, auto_migrate=auto_migrate
        )
    ):
        return opened
    raise SettingsError(_unknown(url, scheme if separator else ""))


def check_url(url: str) -> None:
    """Refuse a URL that no store of Nuvom's own can be opened by, without its driver where that is not there.

    Raises:
        SettingsError: as `open_store` does. What a plugin takes is known when it is loaded.
    """
    _refuse_unwritable(url)
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        if not (separator and _is_plugin(scheme)):
            raise SettingsError(_unknown(url, scheme if separator else ""))
    elif scheme == "memory":
        _refuse_more(url, rest)
    elif scheme == "sqlite":
        _file(url, rest)
    elif scheme in _REDIS:
        from nuvom.stores.redis.address import parse

        parse(url)
    else:
        with suppress(ModuleNotFoundError):  # its first use says what to install
            from nuvom.stores.postgres import address

            address.parse(url)


def _refuse_unwritable(url: str) -> None:
    """Refuse what is no URL, and characters that would be dropped or changed by what reads it."""
    if not isinstance(url, str):
        raise SettingsError(f"{url!r:.100} is no URL; write sqlite:///nuvom.db as a text")
    is_file = url.startswith("sqlite:")
    try:
        os.fsencode(url) if is_file else url.encode()
    except UnicodeEncodeError as error:
        odd: str | None = url[error.start]
    else:
        odd = next((c for c in url if c == "\0" or (not is_file and not c.isprintable())), None)
    if odd is not None:
        remedy = "name the file otherwise" if is_file else "percent-encode it in UTF-8"
        raise SettingsError(f"{masked(url)!r:.300} has the character {odd!r}, which no URL can have: {remedy}")


def _refuse_more(url: str, rest: str) -> None:
    if rest:
        raise SettingsError(f"{masked(url)!r}: memory:// takes nothing after it; each app has one of its own")


def names_store(url: str) -> bool:
    """Tell whether a text is the URL of a store, of Nuvom's own or of a plugin, and no scheduler backend's."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and (scheme in SCHEMES or _is_plugin(scheme))


@cache  # entry points are read from files, and this is asked by every call about a schedule
def _is_plugin(scheme: str) -> bool:
    from nuvom.plugins import Group, find

    return find(Group.STORES, scheme, f"{scheme}://") is not None


def _by_plugin(url: str, **said: Any) -> Store | None:
    """Return the store of a scheme that is not Nuvom's own; None where no plugin has it."""
    from nuvom.plugins import Group, find

    origin = f"NUVOM_URL={masked(url)!r}"
    plugin = find(Group.STORES, url.partition("://")[0], origin)
    return None if plugin is None else open_by(plugin.load(origin), url, origin, **said)


def open_by(
    opener: object,
    url: str,
    origin: str,
    *,
    clock: Clock = SYSTEM_CLOCK,
    busy_timeout: float | None = 5.0,
    lease: float = 30.0,
    root: Path | None = None,
    auto_migrate: bool | None = None,
) -> Store:
    """Return the store that a plugin's own function opens; see `open_store`.

    Args:
        opener: The function or class, called with the URL and the rest by keywords.
        url: The store.
        origin: The setting and its value that named it, with which a message begins.
        clock: as in `open_store`, like those below.
        busy_timeout: seconds.
        lease: seconds.
        root: where relative paths begin.
        auto_migrate: whether tables are made and changed by whoever comes first.

    Raises:
        SettingsError: it cannot be called, raises, or returns something else.
    """
    from nuvom.plugins import made

    if not callable(opener):
        raise SettingsError(f"{origin}: {opener!r:.100} opens no store; the plugin must name a function")
    store: Any = made(
        lambda: opener(
            url, clock=clock, busy_timeout=busy_timeout, lease=lease, root=root or Path.cwd(), auto_migrate=auto_migrate
        ),
        getattr(opener, "__name__", "its opener"),
        origin,
    )
    lacking = [face for face in _FACES if not hasattr(store, face)]
    if lacking:
        raise SettingsError(f"{origin}: the plugin opened {store!r:.100}, which lacks {', '.join(lacking)}")
    checked: Store = store
    return checked


def _postgres(url: str, clock: Clock, busy_timeout: float | None, lease: float, *, auto_migrate: bool) -> Store:
    try:
        from nuvom.stores.postgres.store import open_postgres
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("psycopg"):
            raise
        raise SettingsError(
            f"{masked(url)!r}: the driver is missing; install it: pip install 'psycopg[binary]'"
        ) from None
    return open_postgres(url, clock=clock, busy_timeout=busy_timeout, lease=lease, auto_migrate=auto_migrate)


def _redis(url: str, clock: Clock, busy_timeout: float | None, lease: float) -> Store:
    try:
        from nuvom.stores.redis.store import open_redis
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("redis"):
            raise
        raise SettingsError(f"{masked(url)!r}: the driver is missing; install it: pip install 'nuvom[redis]'") from None
    return open_redis(url, clock=clock, busy_timeout=busy_timeout, lease=lease)


def _file(url: str, rest: str) -> tuple[Path, Synchronous | None]:
    place, _, query = rest.partition("?")
    if not place.startswith("/"):
        raise SettingsError(
            f"{masked(url)!r}: write three slashes before a relative path and four before an absolute one"
        )
    path = place.removeprefix("/")
    if not path or path.endswith("/"):
        raise SettingsError(f"{masked(url)!r} names no file; write sqlite:///nuvom.db")
    if path == ":memory:":
        raise SettingsError(f"{masked(url)!r}: the store in memory is memory://")
    if Path(path).name in ("", ".."):
        raise SettingsError(f"{masked(url)!r} names a folder; write sqlite:///nuvom.db")
    synchronous: Synchronous | None = None
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "synchronous":
            raise SettingsError(f"{masked(url)!r}: there is no parameter {name!r}; a file takes synchronous")
        if synchronous is not None:
            raise SettingsError(f"{masked(url)!r} says synchronous twice: leave one of them out")
        if value not in _SYNCHRONOUS:
            raise SettingsError(f"{masked(url)!r}: synchronous={value!r} must be full or normal")
        synchronous = _SYNCHRONOUS[value]
    return Path(path), synchronous


def _unknown(url: str, scheme: str) -> str:
    match scheme:
        case "":
            known = "sqlite:///nuvom.db, postgresql://user@host/database, redis://host:6379/0 or memory://"
            return f"{masked(url)!r} is no URL; write {known}"
        case _ if scheme.lower() in SCHEMES:
            return f"{masked(url)!r}: write {scheme.lower()}:// in small letters"
        case _:
            return (
                f"{masked(url)!r}: there is no store for {scheme!r:.100}; this release has {_KNOWN}, and no plugin more"
            )
