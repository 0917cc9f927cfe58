"""One database: its transactions, repeated where the server rolled them back, its clock, and what errors mean."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from zlib import crc32

import psycopg
from psycopg import RawCursor, pq
from psycopg.rows import tuple_row

from nuvom import _joined
from nuvom._clock import SYSTEM_CLOCK, Clock, from_us, to_us
from nuvom._crashpoint import reached
from nuvom.errors import StoreBusy, StoreError, StoreUnavailable
from nuvom.stores import forks
from nuvom.stores.postgres import migrations
from nuvom.stores.postgres.adapters import adapt
from nuvom.stores.postgres.address import DEFAULT_SCHEMA, Address
from nuvom.stores.postgres.connections import SESSION, Connection, Connections
from nuvom.stores.postgres.failures import is_lost, is_passing, translated
from nuvom.stores.postgres.statements import Statement, load
from nuvom.stores.values import Pending

_T = TypeVar("_T")
Row = tuple[Any, ...]

_TRIES = 5  # of a transaction that deadlocks or cannot be serialized
_SLOTS = 128  # advisory locks by which names are locked: a bounded number, because the server's table of them is
_STALE = 10.0  # seconds after which the server is asked again what time it is
NOW = "(extract(epoch FROM pg_catalog.statement_timestamp()) * 1000000.0)::bigint"
# What is read after a lock was waited for must be what the others committed, whatever a role's default isolation is.
_START = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout TO {};{}"
_BEGIN = f"{_START} SELECT {NOW}"
_BEGIN_QUICK = f"{_START} SET LOCAL synchronous_commit TO off; SELECT {NOW}"
_OURS = "".join(f" SET LOCAL {setting};" for setting in SESSION)  # where a session is not ours alone


class Session:
    """Statements in one transaction, or each on its own: what the store's functions are handed.

    `now_us` is the store's clock in microseconds when the transaction began, or when it last was told to look; outside
    of one it is None, and statements ask the server themselves.
    """

    def __init__(self, cursor: RawCursor[Row], database: Database, now_us: int | None) -> None:
        self.database = database
        self.cursor = cursor
        self._now_us = now_us
        self._schema = database.address.quoted
        self._locked: set[int] = set()

    @property
    def now_us(self) -> int:
        """The store's clock when the transaction began or last looked at it, in microseconds since 1970."""
        if self._now_us is None:
            self._now_us = self.database.now_us()
        return self._now_us

    def look_at_clock(self) -> None:
        """Take the time anew: what a lock was waited for may be younger than the transaction."""
        given = self.database.given_now
        (server_us,) = self.row("clock") or (0,)
        self._now_us = server_us if given is None else given

    def execute(self, name: str, parameters: Mapping[str, object] | Sequence[object] = ()) -> RawCursor[Row]:
        """Run the statement of a file; its rows are to be fetched before the next one.

        Args:
            name: of the file.
            parameters: by name where the file says `:name`, in their order where it says `$1`.
        """
        statement = load(name, self._schema)
        return self.cursor.execute(statement.sql, _in_order(statement, parameters), binary=True)

    def rows(self, name: str, parameters: Mapping[str, object] | Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        return self.execute(name, parameters).fetchall()

    def row(self, name: str, parameters: Mapping[str, object] | Sequence[object] = ()) -> Row | None:
        """Run a statement and return its first row."""
        return self.execute(name, parameters).fetchone()

    def lock(self, names: Iterable[str]) -> None:
        """Keep other transactions from holding any of these names until this one ends.

        Always in one order, so that two never wait for each other; names that share a slot wait without need, which
        costs little. A transaction that has to lock more later may meet a deadlock, and is repeated. What it has locked
        already costs nothing.
        """
        self._lock({crc32(name.encode(errors="surrogatepass")) % _SLOTS for name in names})

    def lock_all(self) -> None:
        """Lock every name, where those that matter are too many to say."""
        self._lock(set(range(_SLOTS)))

    def _lock(self, slots: set[int]) -> None:
        wanted = sorted(slots - self._locked)
        if wanted:
            self.execute("lock", (self.database.lock_class, wanted)).fetchall()
            self._locked.update(wanted)

    def wake(self, kind: str) -> None:
        """Wake the live processes of a kind when this transaction commits."""
        self.execute("notify", (self.database.channel, kind)).fetchall()


class Database:
    """The connections to a database, its clock and its schema.

    Args:
        address: where it is.
        clock: what `now` counts by; the system's stands for the server's own, as every process sees it.
        busy_timeout: how many seconds a caller waits for a lock or an answer; None: as a service does.
        auto_migrate: whether a schema that lacks something is brought up to date by whoever comes first.
    """

    def __init__(
        self, address: Address, *, clock: Clock, busy_timeout: float | None, auto_migrate: bool = False
    ) -> None:
        self.address: Address = address
        self.connections: Connections = Connections(address, busy_timeout)
        self.lock_class: int = crc32(b"nuvom " + address.schema.encode()) - (1 << 31)
        self.channel: str = _channel(address.schema)
        self._clock = None if clock is SYSTEM_CLOCK else clock
        self._auto_migrate = auto_migrate
        self._checked = False
        self._seen: tuple[int, float] | None = None  # the server's clock, and this host's monotonic one then
        forks.watch(self.connections)

    def now(self) -> datetime:
        """Return the server's wall time, to some milliseconds: it is asked now and then, and never runs ahead."""
        return from_us(self.now_us())

    def now_us(self) -> int:
        """Return the same as microseconds since 1970."""
        if self._clock is not None:
            return to_us(self._clock.now())
        seen = self._seen
        if seen is None or time.monotonic() - seen[1] > _STALE:
            return self.apart(lambda session: session.now_us)
        return seen[0] + int((time.monotonic() - seen[1]) * 1_000_000)

    def saw(self, server_us: int) -> None:
        """Note what time it is by the server, in microseconds since 1970: a statement that just ended said so."""
        self._seen = server_us, time.monotonic()

    @property
    def given_now(self) -> int | None:
        """What statements are told of the time: None, so that they ask the server; in a test its virtual clock."""
        return None if self._clock is None else to_us(self._clock.now())

    def write(self, work: Callable[[Session], _T], *, durable: bool) -> _T:
        """Run `work` in a transaction and return what it returns; it is run again where the server rolled it back.

        Args:
            work: what to do; all its effects must be the transaction's own.
            durable: whether the commit waits until it is on disk, as the server's settings have it.

        Raises:
            StoreBusy: somebody else's lock stayed for the busy timeout.
            StoreUnavailable: the server is away; with `unknown` where the commit's fate cannot be known.
        """
        theirs = self.joined()
        if theirs is not None:
            done: _T = theirs.write(work)
            return done
        return self._repeated(lambda connection: self._transaction(connection, work, durable=durable))

    def read(self, work: Callable[[Session], _T]) -> _T:
        """Run `work`, whose statements stand each for itself and change nothing."""
        theirs = self.joined()
        if theirs is not None and theirs.in_transaction:
            found: _T = theirs.single(work)
            return found
        return self._repeated(lambda connection: work(self.session(connection, None)))

    def once(self, work: Callable[[Session], _T]) -> _T:
        """Run `work`, which changes something by one statement that is a transaction of its own: one round trip.

        Raises:
            StoreUnavailable: with `unknown` where the server's answer did not come.
        """
        theirs = self.joined()
        if theirs is not None:
            done: _T = theirs.single(work)
            return done
        return self._repeated(lambda connection: self._single(connection, work))

    def apart(self, work: Callable[[Session], _T]) -> _T:
        """Run `work`, which is no part of what a caller's transaction does, in a transaction that changes nothing."""
        return self._repeated(lambda connection: self._transaction(connection, work, durable=False))

    def joined(self) -> Any | None:
        """Return the caller's transaction in which everything is done here and now; see `joined.Theirs`."""
        return _joined.current(self)

    def session(self, connection: psycopg.Connection[Any], now_us: int | None) -> Session:
        """Return what statements are run with on a connection."""
        cursor = RawCursor(connection, row_factory=tuple_row)
        if not isinstance(connection, Connection):
            adapt(cursor.adapters)
        return Session(cursor, self, now_us)

    def migrate(self) -> list[str]:
        """Bring the schema up to date; returns the names of what was applied."""
        applied = self._repeated(self._migrated, checked=False)
        self._checked = True
        return applied

    def pending(self) -> Pending:
        """Return what `migrate` would apply."""
        return self._repeated(
            lambda connection: migrations.pending(connection, self.address, self.lock_class), checked=False
        )

    def close(self) -> None:
        """Close every connection; using the database afterwards raises StoreUnavailable."""
        self.connections.close()

    def _repeated(self, attempt: Callable[[Connection], _T], *, checked: bool = True) -> _T:
        """Take a connection and let `attempt` use it, again after what another transaction caused."""
        deadline = self.connections.deadline()
        for number in range(1, _TRIES + 1):
            if checked and not self._checked:
                self._check()
            connection, new = self.connections.take(deadline)
            lost = True
            try:
                result = attempt(connection)
                lost = False
            except psycopg.Error as error:
                lost = is_lost(error)
                repeats = is_passing(error) or (lost and not new and not connection.silent)
                if not repeats or number == _TRIES or time.monotonic() >= deadline:
                    raise translated(error, self.address.url) from error
            except StoreError as error:
                lost = isinstance(error, StoreUnavailable) and not isinstance(error, StoreBusy)
                raise
            except Exception:
                lost = connection.closed
                raise
            else:
                return result
            finally:
                self._give_back(connection, lost=lost)
            time.sleep(random.uniform(0, 0.002) * 2**number)
        raise AssertionError("unreachable")

    def _give_back(self, connection: Connection, *, lost: bool) -> None:
        if lost:
            self.connections.discard(connection)
        else:
            self.connections.give(connection)

    def _transaction(self, connection: Connection, work: Callable[[Session], _T], *, durable: bool) -> _T:
        ours = _OURS if self.connections.pooled else ""
        waits = min(connection.deadline, time.monotonic() + connection.patience)
        begin = (_BEGIN if durable else _BEGIN_QUICK).format(_lock_timeout(waits), ours)
        cursor = connection.execute(begin.encode())
        cursor.set_result(-1)
        (server_us,) = cursor.fetchone() or (0,)
        self.saw(server_us)
        given = self.given_now
        try:
            result = work(self.session(connection, server_us if given is None else given))
        except BaseException:
            _roll_back(connection)
            raise
        reached("store.commit")
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            if is_lost(error):
                raise translated(error, self.address.url, committing=True) from error
            raise
        reached("store.committed")
        return result

    def _single(self, connection: Connection, work: Callable[[Session], _T]) -> _T:
        try:
            return work(self.session(connection, None))
        except psycopg.Error as error:
            if is_lost(error):
                raise translated(error, self.address.url, committing=True) from error
            raise

    def _check(self) -> None:
        """See once that the schema is there; make it where that was asked for."""
        if self._auto_migrate:
            self.migrate()
        else:
            self._repeated(
                lambda connection: migrations.check(connection, self.address.quoted, self.address.url), checked=False
            )
        self._checked = True

    def _migrated(self, connection: Connection) -> list[str]:
        with connection.patiently():
            return migrations.migrate(connection, self.address, self.lock_class)


def _channel(schema: str) -> str:
    """Return a name that the server does not find too long; two schemas that share one wake each other without need."""
    name = schema if schema == DEFAULT_SCHEMA else f"nuvom_{schema}"
    return name.encode()[:63].decode(errors="ignore")


def _in_order(statement: Statement, parameters: Mapping[str, object] | Sequence[object]) -> Sequence[object]:
    if isinstance(parameters, Mapping):
        return [parameters[name] for name in statement.names]
    return parameters


def _lock_timeout(deadline: float) -> int:
    """Return milliseconds: less than an answer is waited for, so that the server says what it was that lasted.

    Without it the network would be taken for dead, and all connections closed for somebody's open transaction.
    """
    return max(1, int((deadline - time.monotonic()) * 900))


def _roll_back(connection: Connection) -> None:
    if connection.silent:
        connection.close()
    if connection.closed or connection.pgconn.transaction_status == pq.TransactionStatus.IDLE:
        return
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()  # which rolls back, too
