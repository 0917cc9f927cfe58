"""Settings: an argument wins over NUVOM_* variables, those over [tool.nuvom] in pyproject.toml, those over defaults."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nuvom import _caller
from nuvom._duration import to_timedelta
from nuvom.errors import SettingsError

_MARKS = ("pyproject.toml", ".git")
_LONGEST = timedelta(days=36_500)  # so that no time less a span is before the first of all years
DEFAULT_FILE = ".nuvom/nuvom.db"


@dataclass(frozen=True)
class Settings:
    """Every setting, resolved. Durations are timedeltas; `root` is the project's folder, None where there is none."""

    url: str
    root: Path | None
    scheduler: str | None = None
    scheduler_poll: timedelta = timedelta(seconds=1)
    tasks: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    timezone: str = "UTC"
    naive: str = "warn"
    lease: timedelta = timedelta(seconds=30)
    keep_jobs: timedelta = timedelta(days=7)
    keep_failed: timedelta = timedelta(days=30)
    keep_occurrences: timedelta = timedelta(days=30)
    max_payload: int = 1024 * 1024
    unknown_task: timedelta = timedelta(minutes=5)
    log_format: str = "text"
    auto_migrate: bool | None = None  # None: in a file, not on a server
    chosen: Mapping[str, str] = field(default_factory=dict)  # where each setting that is no default came from

    @cached_property
    def default_store(self) -> bool:
        """Whether nobody chose a store, so that it is the file in the project's folder."""
        return "url" not in self.chosen


def masked(url: str) -> str:
    """Return a URL with its passwords hidden, for people and logs; where it is not clear what is one, more is."""
    scheme, separator, rest = url.partition("://")
    if not separator:  # libpq's words (`host=db password=secret`), or a URL that lacks its scheme
        return re.sub(r"(?is)(password\s*=).*", r"\1***", re.sub(r"(?s):.*@", ":***@", url))
    base, mark, query = rest.partition("?")
    query = mark + "&".join(map(_masked_parameter, query.split("&")))
    if "@" not in base and ":" in base and "@" in query:  # a question mark inside a password
        base, query = base + query, ""
    head, at, tail = base.rpartition("@")
    user, colon, _ = head.partition(":")
    return f"{scheme}://{user}{colon and ':***'}{at}{tail}{query}"


def _masked_parameter(said: str) -> str:
    name, equals, _ = said.partition("=")
    return f"{name}{equals}***" if equals and unquote(name).strip().lower().endswith("password") else said


def find_root(start: Path) -> Path | None:
    """Return the nearest folder from `start` upwards that has a pyproject.toml or a .git, None where none has."""
    return next(
        (folder for folder in (start, *start.parents) if any((folder / mark).exists() for mark in _MARKS)), None
    )


def load(
    said: Mapping[str, Any],
    *,
    url: str | None = None,
    environ: Mapping[str, str] | None = None,
    start: Path | None = None,
) -> Settings:
    """Resolve the settings of an app.

    Args:
        said: What `configure` or `Nuvom(...)` was given; None means not given.
        url: The store, whatever the sources say.
        environ: The environment, by default the process's own.
        start: Where the search for the project's root begins, by default the working directory.

    Raises:
        SettingsError: a name is unknown, a value cannot be used, or no place for the default store can be found.
    """
    environ = os.environ if environ is None else environ
    start = Path.cwd() if start is None else start
    root = find_root(start)
    sources = (
        ("an argument", {name: value for name, value in said.items() if value is not None}),
        ("NUVOM_{}", _from_environment(environ)),
        ("[tool.nuvom] {}", _from_pyproject(root)),
    )
    values: dict[str, Any] = {}
    chosen: dict[str, str] = {}
    for source, found in sources:
        _merge(source, {n: v for n, v in found.items() if url is None or n != "url"}, values, chosen)
    if url is not None:
        chosen["url"] = "the caller"
    found_url: str | None = values.pop("url", None)
    return Settings(url=url or found_url or _default_url(root, start), root=root, **values, chosen=chosen)


def check(said: Mapping[str, Any]) -> None:
    """Look at what `configure` or `Nuvom(...)` is given, before any of it is needed.

    Raises:
        SettingsError: a name is unknown or a value cannot be used.
    """
    for name, given in said.items():
        if given is not None or name not in _READ:
            _value(name, given, "an argument")


def _value(name: str, given: object, origin: str) -> Any:
    if name not in _READ:
        near = get_close_matches(name, _READ, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(sorted(_READ))}"
        raise SettingsError(f"{origin}: there is no setting {name!r:.100}; {hint}")
    return _READ[name](given, f"{origin} ({name})" if origin == "an argument" else origin)


def _merge(source: str, found: Mapping[str, Any], values: dict[str, Any], chosen: dict[str, str]) -> None:
    for name, given in found.items():
        origin = source.format(name.upper() if source.startswith("NUVOM") else name)
        value = _value(name, given, origin)
        if name not in values:
            values[name], chosen[name] = value, origin
        elif values[name] != value:
            shown = (masked(str(values[name])), masked(str(value)))
            _caller.warn(f"{name}: {chosen[name]} says {shown[0]!r} and wins over {origin}, which says {shown[1]!r}")


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    # Only the names that are settings: NUVOM_HOME of somebody's container is none of our business.
    return {name: environ[f"NUVOM_{name.upper()}"] for name in _READ if environ.get(f"NUVOM_{name.upper()}")}


def _from_pyproject(root: Path | None) -> dict[str, Any]:
    path = root / "pyproject.toml" if root else None
    if path is None or not path.is_file():
        return {}
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        table: Any = tomllib.loads(text).get("tool", {}).get("nuvom", {}) if "nuvom" in text else {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: [tool.nuvom] must be a table, not {table!r}")
    return {name.replace("-", "_"): value for name, value in table.items()}


def _default_url(root: Path | None, start: Path) -> str:
    folder = root or start
    if root is None and folder in (Path(folder.anchor), Path.home()):
        raise SettingsError(
            f"{folder} is no project (no pyproject.toml or .git); set NUVOM_URL, e.g. sqlite:////var/lib/app.db"
        )
    existing = folder / DEFAULT_FILE
    if not existing.exists() and not os.access(folder, os.W_OK):
        raise SettingsError(f"{folder} is not writable, so {DEFAULT_FILE} cannot be made there; set NUVOM_URL")
    return f"sqlite:////{str(existing).lstrip('/')}"


def _text(value: object, origin: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        shown = masked(value) if isinstance(value, str) else value
        raise SettingsError(f"{origin}={shown!r:.200} must be text")
    return value


def _url(value: object, origin: str) -> str:
    url = _text(value, origin)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", url):
        raise SettingsError(
            f"{origin}={masked(url)!r} is not a URL; write postgresql://user@host/database, sqlite:///nuvom.db "
            "or sqlite:////an/absolute/path.db"
        )
    return url


def _names(value: object, origin: str, what: str = "modules or files") -> tuple[str, ...]:
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise SettingsError(f"{origin}={value!r} must be a list of {what}")
    return tuple(names)


def _hooks(value: object, origin: str) -> tuple[str, ...]:
    return _names(value, origin, "names of plugins or package.module:Class")


def _span(value: object, origin: str) -> timedelta:
    # The environment has only text: "30" there is seconds.
    number = float(value) if isinstance(value, str) and value.replace(".", "", 1).isdecimal() else value
    try:
        span = to_timedelta(number, origin)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    if span <= timedelta(0):
        raise SettingsError(f"{origin}={value!r} must be longer than nothing")
    if span > _LONGEST:
        raise SettingsError(f"{origin}={value!r} is longer than {_LONGEST.days} days; to keep things, that is for good")
    return span


def _lease(value: object, origin: str) -> timedelta:
    span = _span(value, origin)
    if span < timedelta(seconds=1):
        raise SettingsError(
            f"{origin}={value!r} is too short: a lease is at least 1s, its heartbeat comes every third of it"
        )
    return span


def _size(value: object, origin: str) -> int:
    try:
        size = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else 0
    except ValueError:
        size = 0
    if size < 1:
        raise SettingsError(f"{origin}={value!r} must be a number of bytes, at least 1")
    return size


def _naive(value: object, origin: str) -> str:
    if value not in ("warn", "error"):
        raise SettingsError(f"{origin}={value!r} must be 'warn' or 'error'")
    return str(value)


def _log_format(value: object, origin: str) -> str:
    if value not in ("text", "json"):
        raise SettingsError(f"{origin}={value!r} must be 'text' or 'json'")
    return str(value)


def _switch(value: object, origin: str) -> bool:
    said = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}.get(str(value).lower())
    if said is None:
        raise SettingsError(f"{origin}={value!r} must be yes or no")
    return said


def _zone(value: object, origin: str) -> str:
    from nuvom.errors import UnknownTimezone
    from nuvom.triggers import CronTrigger

    name = _text(value, origin)
    try:
        CronTrigger("0 0 * * *", name)
    except UnknownTimezone as error:
        raise SettingsError(f"{origin}: {error}") from None
    return name


def _backend(value: object, origin: str) -> str:
    text = _text(value, origin)
    module, colon, name = text.partition(":")
    path = colon and all(part.isidentifier() for part in (*module.split("."), name))
    if not path and not re.fullmatch(r"[A-Za-z][\w.+-]*(://.*)?", text, re.DOTALL):
        raise SettingsError(
            f"{origin}={masked(text)!r} must be the URL of a store, package.module:Class, "
            "a scheduler backend to import, or the name or URL of a plugin"
        )
    return text


_READ: dict[str, Callable[[object, str], Any]] = {
    "url": _url,
    "scheduler": _backend,
    "scheduler_poll": _span,
    "tasks": _names,
    "hooks": _hooks,
    "timezone": _zone,
    "naive": _naive,
    "lease": _lease,
    "keep_jobs": _span,
    "keep_failed": _span,
    "keep_occurrences": _span,
    "max_payload": _size,
    "unknown_task": _span,
    "log_format": _log_format,
    "auto_migrate": _switch,
}


def running_under_pytest() -> bool:
    """Tell whether a test is running: then the project's own file is not the place for its jobs."""
    return "pytest" in sys.modules and "PYTEST_CURRENT_TEST" in os.environ
