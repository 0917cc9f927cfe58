"""How a PostgreSQL store is, for `doctor`: what it runs on, and what may go wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import NamedTuple
from uuid import uuid4

import psycopg
from psycopg import sql

from nuvom.stores.ears import POLL, readable
from nuvom.stores.postgres import migrations
from nuvom.stores.postgres.address import quoted
from nuvom.stores.postgres.connections import Connection
from nuvom.stores.postgres.database import Database, Row, Session
from nuvom.stores.postgres.failures import translated
from nuvom.stores.values import Health

_OLDEST = 140_000  # of the servers that are supported
_APART = 5.0  # seconds between two clocks from which people misread what they are shown
_LONG = 300.0  # seconds from which a transaction is in the way of vacuum
_MANY_DEAD = 10_000  # rows below which vacuum has nothing to do that matters
_FULL = 0.9  # of the connections
_UNREAD = 0.1  # of the queue of notifications
_AUDIBLE = 1.0  # seconds within which a wake-up must come
_TRIES = 3  # of the clock; the quickest answer is the most exact

# What roles.sql gives to producers; one that serves needs all on every table.
_PRODUCING = {
    "migrations": ("SELECT",),
    "jobs": ("SELECT", "INSERT", "UPDATE"),
    "tasks": ("SELECT",),
    "flows": ("SELECT", "INSERT", "UPDATE"),
    "schedules": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "fences": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "occurrences": ("SELECT", "INSERT", "UPDATE"),
    "waiters": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
_SERVED = (
    "attempts", "fences", "flows", "jobs", "occurrences", "paused_queues", "schedules", "tasks", "throughput", "untold",
    "waiters", "workers",
)  # fmt: skip
_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
_HOT = ("jobs", "attempts", "occurrences", "schedules", "workers", "waiters", "flows", "throughput")


class _Look(NamedTuple):
    """What one look found: a fact, and what is to be mended."""

    fact: str
    problems: tuple[str, ...] = ()


class _Server(NamedTuple):
    """A row of health_server.sql."""

    version: str
    number: int
    encoding: str
    read_only: bool
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    autovacuum: str
    unread: float
    role: str


def health(database: Database) -> Health:
    """Say how the store is; it may lack its tables.

    Raises:
        StoreError: the server is away, refuses this user, or does not let it see the schema's version.
    """
    with closing(database.connections.open()) as connection, connection.patiently():
        session = database.session(connection, None)
        try:
            schema, _ = migrations.stored_version(connection, database.address.quoted)
            server = _Server(*_one(session, "health_server"))
            tables = session.rows("health_tables", (database.address.schema,))
        except psycopg.Error as error:
            raise translated(error, database.address.url) from error
        looks = {
            "durability": lambda: _durability(server),
            "offset": lambda: _offset(session),
            "connections": lambda: _connections(session, schema),
            "privileges": lambda: _privileges(session, server.role, schema),
            "vacuum": lambda: _vacuum(server, tables, database.address.quoted),
            "oldest": lambda: _oldest(session),
            "wake-ups": lambda: _wake_ups(database, connection, server),
        }
        found = {name: _guarded(name, look, database) for name, look in looks.items()}
    return Health(
        engine="postgresql",
        version=server.version.split()[0],
        schema=schema,
        schema_needed=migrations.VERSION,
        location=database.address.url,
        size=sum(row[1] for row in tables),
        problems=(*_unfit(server), *(problem for look in found.values() for problem in look.problems)),
        facts={"encoding": server.encoding, **{name: look.fact for name, look in found.items() if not look.problems}},
    )


def _guarded(name: str, look: Callable[[], _Look], database: Database) -> _Look:
    """Look, and go on where that fails: what one look is refused says nothing about the others."""
    try:
        return look()
    except psycopg.Error as error:
        return _Look("unknown", (f"{name}: {translated(error, database.address.url)}",))


def _unfit(server: _Server) -> Iterable[str]:
    if server.number < _OLDEST:
        yield f"PostgreSQL {server.version} is older than {_OLDEST // 10_000}, the oldest that is supported: upgrade it"
    if server.read_only:
        yield (
            "this server is read-only, a standby or one that was told so: name the primary, or all hosts with "
            "?target_session_attrs=read-write"
        )


def _durability(server: _Server) -> _Look:
    problems = []
    for name, value in (("fsync", server.fsync), ("full_page_writes", server.full_page_writes)):
        if value == "off":
            problems.append(
                f"{name} is off: a crash of the server's host may lose or damage all that is stored; set it on in "
                "postgresql.conf"
            )
    if server.synchronous_commit == "off":
        problems.append(
            "synchronous_commit is off: a crash of the server may lose what callers were told is accepted in the last "
            f"second; ALTER ROLE {quoted(server.role)} SET synchronous_commit = on"
        )
    return _Look(f"fsync {server.fsync}, synchronous_commit {server.synchronous_commit}", tuple(problems))


def _offset(session: Session) -> _Look:
    tries = []
    for _ in range(_TRIES):
        began = time.time()
        (there,) = _one(session, "health_clock")
        ended = time.time()
        tries.append((ended - began, (began + ended) / 2 - there))
    taken, offset = min(tries)
    way = "ahead of" if offset > 0 else "behind"
    fact = f"this host's clock is {abs(offset):.3f} s {way} the server's, to {taken / 2:.3f} s"
    if abs(offset) < _APART:
        return _Look(fact)
    return _Look(
        fact, (f"{fact}: see to chrony or ntpd on both; all runs by the server's, and logs here tell another time",)
    )


def _connections(session: Session, schema: int) -> _Look:
    allowed, used = _one(session, "health_connections")
    each = session.database.address.pool + 1
    live = _live(session) if schema else 0
    fact = f"{used} of {allowed} in use; {live} live processes may open {each} each"
    remedy = "raise max_connections, say a smaller ?pool=… in NUVOM_URL, or put a pooler of transactions in between"
    if used >= _FULL * allowed:
        return _Look(fact, (f"{used} of the {allowed} connections that this role may have are in use: {remedy}",))
    if live * each > allowed:
        return _Look(
            fact, (f"{live} live processes with {each} connections each may want more than all {allowed}: {remedy}",)
        )
    return _Look(fact)


def _live(session: Session) -> int:
    """Return how many services live, 0 where this role may not know."""
    try:
        return int(_one(session, "health_processes", (session.database.given_now,))[0])
    except psycopg.errors.InsufficientPrivilege:
        return 0


def _privileges(session: Session, role: str, schema: int) -> _Look:
    if not schema:
        return _Look(f"{role}; there are no tables yet")
    producing = _lacking(session, _PRODUCING)
    if producing:
        what = f"{role} can neither push nor serve: it lacks {producing}"
        return _Look(what, (f"{what}; let the owner of the tables run what `nuvom files postgres-roles` prints",))
    serving = _lacking(session, dict.fromkeys(_SERVED, _ALL))
    if serving:
        return _Look(f"{role} can push and schedule; to serve it lacks {serving}")
    return _Look(f"{role} can push, schedule and serve")


def _lacking(session: Session, needed: dict[str, tuple[str, ...]]) -> str:
    """Return the privileges of a list that this role does not have, as SQL would name them."""
    pairs = [(place, privilege) for place, privileges in needed.items() for privilege in privileges]
    said = {
        "schema": session.database.address.schema,
        "places": [place for place, _ in pairs],
        "privileges": [privilege for _, privilege in pairs],
    }
    lacking = set(session.rows("health_privileges", said))
    parts = []
    for place, privileges in needed.items():
        if names := [privilege for privilege in privileges if (place, privilege) in lacking]:
            parts.append(f"{', '.join(names)} ON {place}")
    return "; ".join(parts)


def _vacuum(server: _Server, tables: list[Row], schema: str) -> _Look:
    problems = []
    if server.autovacuum == "off":
        problems.append("autovacuum is off: tables grow and slow down for good; set autovacuum = on in postgresql.conf")
    facts = []
    for name, _, live, dead, age, told_not_to in tables:
        last = "never" if age is None else f"{age / 60:.0f} min ago"
        if name == "jobs":
            facts.append(f"{name}: {live} rows live and {dead} dead, vacuumed last {last}")
        if told_not_to:
            problems.append(f"{name} is not vacuumed: ALTER TABLE {schema}.{name} RESET (autovacuum_enabled)")
        if name in _HOT and dead > max(_MANY_DEAD, live):
            problems.append(
                f"{name} has {dead} dead rows beside {live} live ones, vacuumed last {last}: end what holds vacuum "
                f"back, then VACUUM {schema}.{name}"
            )
    return _Look("; ".join(facts) or "no tables", tuple(problems))


def _oldest(session: Session) -> _Look:
    found = session.rows("health_sessions", (_LONG,))
    (sees_all,) = _one(session, "health_sight")
    problems = []
    for pid, name, role, age in found:
        ending = f"ROLLBACK PREPARED '{name}'" if pid is None else f"SELECT pg_terminate_backend({pid})"
        what = f"the prepared transaction {name}" if pid is None else f"a transaction of {name} (pid {pid})"
        problems.append(
            f"{what}, of the role {role}, is open for {age / 60:.0f} min and keeps dead rows from being removed: "
            f"end it, or {ending}"
        )
    fact = f"{len(found) or 'no'} transactions are open for more than {_LONG / 60:.0f} min"
    blind = "" if sees_all else "; those of other roles are not shown to this one (GRANT pg_read_all_stats)"
    return _Look(fact + blind, tuple(problems))


def _wake_ups(database: Database, connection: Connection, server: _Server) -> _Look:
    if server.read_only:
        return _Look("none: it is read-only")
    problems = []
    if server.unread > _UNREAD:
        problems.append(
            f"{server.unread:.0%} of the queue of notifications is unread, and once it is full nothing can be pushed: "
            "a process listens and reads nothing; find and end it (a stopped one, or one idle in a transaction)"
        )
    if database.address.listen is False:
        return _Look(f"by looking every {POLL:g} s, as ?listen=no says", tuple(problems))
    if database.connections.pooled and not database.address.listen:
        problems.append(
            "a pooler is in between, which does not pass wake-ups on while it pools transactions: services look every "
            f"{POLL:g} s; if it pools sessions, say ?listen=yes in NUVOM_URL, else ?listen=no"
        )
        return _Look("by looking", tuple(problems))
    taken = _heard_after(database, connection)
    if taken is None:
        problems.append(
            f"a wake-up did not come within {_AUDIBLE:g} s: what is in between keeps it; name the server itself in "
            "NUVOM_URL, or say ?listen=no"
        )
        return _Look("not heard", tuple(problems))
    return _Look(f"by LISTEN, {taken * 1_000:.1f} ms after the commit", tuple(problems))


def _heard_after(database: Database, connection: Connection) -> float | None:
    """Send a wake-up to nobody else, and return after how many seconds it came."""
    channel = f"nuvom_doctor_{uuid4().hex}"
    heard: list[psycopg.Notify] = []
    with closing(database.connections.open()) as ear:
        ear.add_notify_handler(heard.append)
        ear.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        connection.execute("SELECT pg_catalog.pg_notify(%s, '')", (channel,))
        said = time.monotonic()
        while not heard and (left := said + _AUDIBLE - time.monotonic()) > 0:
            readable([ear.fileno()], left)
            ear.execute("")  # reads what came, and does nothing
        return time.monotonic() - said if heard else None


def _one(session: Session, name: str, parameters: tuple[object, ...] = ()) -> Row:
    row = session.row(name, parameters)
    assert row is not None, name  # noqa: S101  each of these returns one row
    return row
