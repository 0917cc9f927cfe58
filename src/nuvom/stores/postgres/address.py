"""Where a store is: its URL taken apart into what libpq is told and what is Nuvom's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from nuvom._settings import masked
from nuvom.errors import SettingsError

DEFAULT_SCHEMA = "nuvom"
DEFAULT_POOL = 10
_OWN = ("schema", "pool", "listen")
_NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
_SSL = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_LISTEN = {"yes": True, "no": False}


class Address(NamedTuple):
    """A database and the schema in it."""

    conninfo: str  # for libpq, with the password: never to be shown
    url: str  # for people: without one
    schema: str  # as it is called
    pool: int  # connections a process may use at once, beside the one that listens
    listen: bool | None  # whether LISTEN reaches this process; None: find out

    @property
    def quoted(self) -> str:
        """The schema as SQL writes it."""
        return quoted(self.schema)


def quoted(name: str) -> str:
    """Return an identifier as SQL writes it (https://www.postgresql.org/docs/current/sql-syntax-lexical.html)."""
    return '"' + name.replace('"', '""') + '"'


def parse(url: str) -> Address:
    """Take a URL apart.

    Args:
        url: `postgresql://user@host/database?schema=nuvom&pool=10&listen=no`; what else follows the question mark is
            libpq's, `sslmode=verify-full` for instance.

    Raises:
        SettingsError: libpq cannot read it, or a parameter of Nuvom's own has a value that it cannot have.
    """
    taken = _taken_apart(url)
    if taken is None:
        raise _unreadable(url)
    parts, said = taken
    _refuse_odd(url, parts.fragment, [name for name, _ in said])
    own = {name: value for name, value in said if name in _OWN}
    # libpq decodes %20 and takes a plus for a plus (https://www.postgresql.org/docs/current/libpq-connect.html).
    query = urlencode([(name, value) for name, value in said if name not in _OWN], quote_via=quote)
    conninfo = f"postgresql://{parts.netloc}{parts.path}{query and '?'}{query}"
    _refuse_unusable(conninfo, url)
    return Address(
        conninfo=conninfo,
        url=masked(url),
        schema=_schema(url, own.get("schema", DEFAULT_SCHEMA)),
        pool=_pool(url, own.get("pool", str(DEFAULT_POOL))),
        listen=_listen(url, own.get("listen")),
    )


def _taken_apart(url: str) -> tuple[SplitResult, list[tuple[str, str]]] | None:
    # An error repeats what it cannot read, which may be the password: not even its context may keep one.
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts, parse_qsl(parts.query, keep_blank_values=True, errors="strict")
    return None


def _understood(conninfo: str) -> dict[str, Any] | None:
    with suppress(psycopg.ProgrammingError, ValueError):  # as above
        return dict(conninfo_to_dict(conninfo))
    return None


def _refuse_odd(url: str, fragment: str, names: Sequence[str]) -> None:
    if fragment:
        raise SettingsError(f"{masked(url)!r}: nothing may follow a #; where it belongs to a name, write it as %23")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise SettingsError(f"{masked(url)!r} says {twice[0]} twice: leave one of them out")


def _refuse_unusable(conninfo: str, url: str) -> None:
    """Refuse what libpq refuses: names here, and those values that it would look at only when it connects."""
    said = _understood(conninfo)
    if said is None:
        raise _unreadable(url)
    ports = [port for port in str(said.get("port", "")).split(",") if port]
    if not all(port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65_536 for port in ports):
        raise SettingsError(
            f"{masked(url)!r}: a port is a number from 1 to 65535; percent-encode what is special in a name or a "
            "password"
        )
    for name in _NUMBERS:
        if name in said and not re.fullmatch(r"-?[0-9]{1,9}", str(said[name])):
            raise SettingsError(f"{masked(url)!r}: {name}={said[name]!r:.100} must be a whole number")
    if said.get("sslmode", _SSL[0]) not in _SSL:
        raise SettingsError(f"{masked(url)!r}: sslmode={said['sslmode']!r:.100} must be {', '.join(_SSL)}")


def _unreadable(url: str) -> SettingsError:
    return SettingsError(
        f"libpq cannot read {masked(url)}: percent-encode what is special in a name or a password (% as %25) in UTF-8, "
        "and see to the names of its parameters"
    )


def _schema(url: str, name: str) -> str:
    if not name or "\0" in name or len(name.encode()) > 63:
        raise SettingsError(f"{masked(url)!r}: schema={name!r:.100} must have 1 to 63 bytes")
    if name.startswith("pg_") or name == "information_schema":
        raise SettingsError(f"{masked(url)!r}: schema={name!r} belongs to PostgreSQL; choose another name")
    return name


def _pool(url: str, said: str) -> int:
    if not said.isascii() or not said.isdecimal() or len(said) > 4 or not 1 <= int(said) <= 1_000:
        raise SettingsError(f"{masked(url)!r}: pool={said!r:.100} must be a number of connections from 1 to 1000")
    return int(said)


def _listen(url: str, said: str | None) -> bool | None:
    if said is not None and said not in _LISTEN:
        raise SettingsError(f"{masked(url)!r}: listen={said!r} must be yes or no")
    return None if said is None else _LISTEN[said]
