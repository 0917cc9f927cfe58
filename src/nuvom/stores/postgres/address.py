"""Where a store is: its URL taken apart into what libpq is told and what is Nuvom's own."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from nuvom._settings import masked
from nuvom.errors import SettingsError

DEFAULT_SCHEMA = "nuvom"
DEFAULT_POOL = 10
_OWN = ("schema", "pool", "listen")
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
    parts = urlsplit(url)
    said = parse_qsl(parts.query, keep_blank_values=True)
    own = {name: value for name, value in said if name in _OWN}
    # libpq decodes %20 and takes a plus for a plus (https://www.postgresql.org/docs/current/libpq-connect.html).
    query = urlencode([(name, value) for name, value in said if name not in _OWN], quote_via=quote)
    conninfo = urlunsplit(("postgresql", parts.netloc, parts.path, query, ""))
    _refuse_unreadable(conninfo, url)
    return Address(
        conninfo=conninfo,
        url=masked(url),
        schema=_schema(url, own.get("schema", DEFAULT_SCHEMA)),
        pool=_pool(url, own.get("pool", str(DEFAULT_POOL))),
        listen=_listen(url, own.get("listen")),
    )


def _refuse_unreadable(conninfo: str, url: str) -> None:
    with suppress(psycopg.ProgrammingError):  # which repeats what it cannot read: it may be the password
        conninfo_to_dict(conninfo)
        return
    raise SettingsError(
        f"libpq cannot read {masked(url)}: percent-encode what is special in a name or a password (% as %25), "
        "and see to the names of its parameters"
    )


def _schema(url: str, name: str) -> str:
    if not name or "\0" in name or len(name.encode()) > 63:
        raise SettingsError(f"{masked(url)!r}: schema={name!r} must have 1 to 63 bytes")
    if name.startswith("pg_") or name == "information_schema":
        raise SettingsError(f"{masked(url)!r}: schema={name!r} belongs to PostgreSQL; choose another name")
    return name


def _pool(url: str, said: str) -> int:
    if not said.isascii() or not said.isdecimal() or not 1 <= int(said) <= 1_000:
        raise SettingsError(f"{masked(url)!r}: pool={said!r} must be a number of connections from 1 to 1000")
    return int(said)


def _listen(url: str, said: str | None) -> bool | None:
    if said is not None and said not in _LISTEN:
        raise SettingsError(f"{masked(url)!r}: listen={said!r} must be yes or no")
    return None if said is None else _LISTEN[said]
