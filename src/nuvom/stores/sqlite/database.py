"""The connections to one SQLite file: who may write when, for how long a caller waits, and what an error means.

Three connections a process, opened when first used: one that syncs each commit, one that leaves that to the next
checkpoint, and one that reads. Threads of a process queue on a lock of their own and never spin against each other.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from nuvom import _joined
from nuvom._clock import Clock, to_us
from nuvom._crashpoint import reached
from nuvom.errors import StoreBusy, StoreError, StoreUnavailable, StoreUnusable
from nuvom.stores import forks
from nuvom.stores.sqlite import migrations
from nuvom.stores.sqlite.checkpoints import LOG_KEPT, Checkpoints
from nuvom.stores.sqlite.failures import is_busy, translated
from nuvom.stores.sqlite.file import DatabaseFile
from nuvom.stores.sqlite.joined import Theirs
from nuvom.stores.sqlite.listener import Datagrams, Events
from nuvom.stores.sqlite.statements import load
from nuvom.stores.sqlite.writing import Role, Writing

Kind = Literal["worker", "scheduler"]
Synchronous = Literal["full", "normal"]
_T = TypeVar("_T")

_FIRST_PAUSE = 0.0001  # seconds
_LONGEST_PAUSE = 0.003
_LOOKUP = 0.05  # seconds that a wake-up waits for another thread's read


class Database:
    """One file, or one database in memory, with the clock that its rows are written by.

    Args:
        path: the file, or None for memory.
        clock: what `now` and leases count by.
        busy_timeout: how many seconds a caller waits for the write lock; None: as long as it takes.
        synchronous: `full` or `normal` for all commits; None: what each asks for.
        auto_migrate: whether a file is made, and what it lacks, by its first use.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Clock,
        busy_timeout: float | None,
        synchronous: Synchronous | None = None,
        auto_migrate: bool = True,
    ) -> None:
        self.clock = clock
        self.file: DatabaseFile | None = None if path is None else DatabaseFile(path)
        self.location: str = ":memory:" if self.file is None else str(self.file.path)
        self.log: Checkpoints = Checkpoints(self)
        self.ears: Events | Datagrams = Events() if path is None else Datagrams(self.changes)
        self._busy_timeout = busy_timeout
        self._synchronous = synchronous
        self._auto_migrate = auto_migrate
        self._connections: dict[Role, sqlite3.Connection] = {}
        self._applied: list[str] = []
        self._unusable: str | None = None
        self._make_locks()
        forks.watch(self)

    def now(self) -> datetime:
        """Return the store's wall time."""
        return self.clock.now()

    def now_us(self) -> int:
        """Return the store's wall time as microseconds since 1970."""
        return to_us(self.clock.now())

    def monotonic_us(self) -> int:
        """Return the microseconds that leases count by."""
        return int(self.clock.monotonic() * 1_000_000)

    def boot(self) -> str:
        """Return the boot id under which leases compare."""
        return self.clock.boot()

    def write(self, *, durable: bool) -> AbstractContextManager[sqlite3.Connection]:
        """Give a connection in a write transaction; commits at the end, rolls back on any error. Do not nest.

        Whoever finds the log too large moves it first, so that it stays small without any service.

        Args:
            durable: whether the commit is on disk before this returns.

        Raises:
            StoreBusy: the file stayed locked for the busy timeout.
            StoreUnavailable: with `unknown` where the commit's fate cannot be known.
        """
        theirs = self.joined()
        if theirs is not None:
            return theirs.write()
        self.log.relieve(synced=durable)
        return Writing(self, "full" if durable else "normal")

    def joined(self) -> Theirs | None:
        """Return the caller's transaction in which everything is done here and now, None where each is on its own."""
        return _joined.current(self)

    def begin(self, role: Role) -> sqlite3.Connection:
        """Take the write lock and begin; see `write`, which alone calls this."""
        deadline = self._deadline()
        self._acquire(self._write_lock, deadline)
        try:
            return self._begin(role, deadline)
        except BaseException as error:
            self._write_lock.release()
            if isinstance(error, sqlite3.Error):
                raise translated(error, self.location) from error
            raise

    def end(self, connection: sqlite3.Connection, error: BaseException | None) -> None:
        """Commit, or roll back after an error, and give up the write lock; see `write`, which alone calls this."""
        try:
            if error is None:
                self._commit(connection)
                return
            _roll_back(connection)
            if isinstance(error, sqlite3.Error):
                raise translated(error, self.location) from error
        finally:
            self._write_lock.release()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a read transaction: all its queries see one state. Do not write, do not nest."""
        theirs = self.joined()
        if theirs is not None and theirs.in_transaction:
            with theirs.read(_readable) as connection:
                yield connection
            return
        deadline = self._deadline()
        self._leave_moved_file()
        self._acquire(self._read_lock, deadline)
        try:
            connection = self._connection("reader", deadline)
            self._patiently(lambda: _begin_read(connection), deadline)
            try:
                yield connection
            finally:
                _roll_back(connection)
        except sqlite3.Error as error:
            raise translated(error, self.location) from error
        finally:
            self._read_lock.release()

    def wake(self, kind: Kind) -> None:
        """Wake the live processes of a kind, after the commit that they are to see; never raises."""
        if self.joined() is not None:
            return  # its commit is not ours to see: they look at the file now and then
        with suppress(StoreError, sqlite3.Error), self._lookup() as connection:
            self.ears.send(self.ports(connection, kind))

    def ports(self, connection: sqlite3.Connection, kind: Kind) -> list[int]:
        """Return where the live processes of a kind listen: who registers after this transaction sees what it did."""
        if self.joined() is not None:
            return []
        found = connection.execute(load("wake_ports"), (kind, self.boot(), self.monotonic_us()))
        return [port for (port,) in found.fetchall()]

    def changes(self) -> int:
        """Return a number that differs once another connection committed (PRAGMA data_version); 0 where unknown."""
        with suppress(StoreError, sqlite3.Error), self._lookup() as connection:
            version: int = connection.execute("PRAGMA data_version").fetchone()[0]
            return version
        return 0

    def migrate(self) -> list[str]:
        """Bring the schema up to date, as any first use does; returns the names of what this call applied."""
        self._applied, self._auto_migrate = [], True
        with self.read():  # opening is what migrates
            return self._applied

    def checkpoint(self) -> None:
        """Move what the log holds into the file, as far as readers allow, while nobody can write.

        The write lock keeps a checkpoint and a restart of the log apart: in releases before 3.51.3 the two can race
        and damage the file (https://www.sqlite.org/wal.html).
        """
        if self.file is None:
            return
        with Writing(self, "normal"), self._read_lock:
            self._connection("reader", self._deadline()).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def log_size(self) -> int:
        """Return how many bytes the write-ahead log's file has."""
        return 0 if self.file is None else self.file.log_size()

    def close(self) -> None:
        """Close every connection for good."""
        self._unusable = f"the store {self.location} was closed"  # ends the waits of those who hold a lock
        with self._write_lock, self._read_lock:
            self.close_connections()
        self.ears.close()

    def hold(self, seconds: float) -> bool:
        """Keep other threads out, for a fork; False where that takes longer than `seconds`."""
        if not self._write_lock.acquire(timeout=seconds):
            return False
        if not self._read_lock.acquire(timeout=seconds):
            self._write_lock.release()
            return False
        return True

    def let_go(self) -> None:
        """Let other threads in again."""
        self._read_lock.release()
        self._write_lock.release()

    def close_connections(self) -> None:
        """Close what is open; the next use opens it anew. The caller holds both locks."""
        while self._connections and (self.file is not None or self._unusable):
            self._connections.popitem()[1].close()

    def abandon(self) -> None:
        """Never again use what was open, nor close it."""
        self._unusable = (
            f"the process was forked while another thread was using {self.location}; "
            "start processes by spawn, or open a new store in the child"
        )
        self._make_locks()
        _inherited.extend(self._connections.values())
        self._connections = {}

    def _make_locks(self) -> None:
        # Taken in this order. In memory there is one connection, so there is one lock.
        self._write_lock = threading.RLock()
        self._read_lock = self._write_lock if self.file is None else threading.RLock()
        self._open_lock = threading.RLock()

    def _deadline(self) -> float | None:
        return None if self._busy_timeout is None else time.monotonic() + self._busy_timeout

    def _acquire(self, lock: threading.RLock, deadline: float | None) -> None:
        if not lock.acquire(timeout=-1 if deadline is None else max(0.0, deadline - time.monotonic())):
            raise self._busy()

    def _busy(self) -> StoreBusy:
        return StoreBusy(
            f"{self.location} stayed locked for {self._busy_timeout:g} s by another writer; repeat, "
            f"or see who holds it: `fuser {self.location}`"
        )

    def _patiently(self, attempt: Callable[[], _T], deadline: float | None) -> _T:
        """Repeat `attempt` while another connection is in the way; SQLite's own back-off starves some callers."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return attempt()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                if self._unusable is not None:
                    raise StoreUnavailable(self._unusable) from None
                if deadline is not None and time.monotonic() + pause > deadline:
                    raise self._busy() from error
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _begin(self, role: Role, deadline: float | None) -> sqlite3.Connection:
        while True:
            connection = self._connection(role, deadline)
            self._patiently(lambda: connection.execute("BEGIN IMMEDIATE"), deadline)  # noqa: B023 - run at once
            if self.file is None or not self.file.moved():
                return connection
            _roll_back(connection)
            self._leave_moved_file()

    def _commit(self, connection: sqlite3.Connection) -> None:
        reached("store.commit")
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            _roll_back(connection)
            raise translated(error, self.location, committing=True) from error
        reached("store.committed")

    @contextmanager
    def _lookup(self) -> Iterator[sqlite3.Connection]:
        self._acquire(self._read_lock, time.monotonic() + _LOOKUP)
        try:
            yield self._connection("reader", self._deadline())
        finally:
            self._read_lock.release()

    def _leave_moved_file(self) -> None:
        if self.file is None or not self._connections or not self.file.moved():
            return
        with self._write_lock, self._read_lock:
            if self.file.moved():
                self.close_connections()

    def _connection(self, role: Role, deadline: float | None) -> sqlite3.Connection:
        role = "full" if self.file is None else role
        connection = self._connections.get(role)
        return connection or self._open(role, deadline)

    def _open(self, role: Role, deadline: float | None) -> sqlite3.Connection:
        with self._open_lock:
            if self._unusable is not None:
                raise StoreUnavailable(self._unusable)
            if not self._connections:
                if self.file is not None:
                    self.file.prepare(make=self._auto_migrate)
                self._open_one("full", deadline)
            return self._connections.get(role) or self._open_one(role, deadline)

    def _open_one(self, role: Role, deadline: float | None) -> sqlite3.Connection:
        location = ":memory:" if self.file is None else self.file.uri
        connection = sqlite3.connect(
            location, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=256, uri=True
        )
        try:
            self._configure(connection, role, deadline)
            if role == "full":
                self._migrate(connection, deadline)
        except BaseException:
            connection.close()
            raise
        if role == "reader":
            connection.text_factory = _readable
        self._connections[role] = connection
        return connection

    def _configure(self, connection: sqlite3.Connection, role: Role, deadline: float | None) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        if self.file is None:
            return
        mode = self._patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone()[0], deadline)
        if mode != "wal":
            raise StoreUnusable(
                f"{self.location} cannot be shared between processes here (journal mode {mode!r} instead of WAL); "
                "put it on a local disk"
            )
        connection.execute(f"PRAGMA synchronous = {self._synchronous or ('full' if role == 'full' else 'normal')}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_KEPT}")
        connection.execute("PRAGMA mmap_size = 0")

    def _migrate(self, connection: sqlite3.Connection, deadline: float | None) -> None:
        if self._patiently(lambda: migrations.is_current(connection, self.location), deadline):
            return
        if not self._auto_migrate:
            raise StoreUnusable(f"{self.location} lacks tables of this release: run `nuvom migrate`")
        self._patiently(lambda: connection.execute("BEGIN IMMEDIATE"), deadline)
        try:
            self._applied = migrations.migrate(connection, self.location, self.now())
        except BaseException:
            _roll_back(connection)
            raise
        self._commit(connection)


_inherited: list[sqlite3.Connection] = []  # never closed: closing them would act for the process they came from


def _readable(data: bytes) -> str:
    return data.decode(errors="replace")  # one bad row must not hide the others from a listing


def _begin_read(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    try:
        connection.execute("PRAGMA schema_version").fetchone()  # BEGIN alone sees nothing yet, so it is never busy
    except sqlite3.Error:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        with suppress(sqlite3.Error):  # what failed has rolled it back already
            connection.execute("ROLLBACK")
