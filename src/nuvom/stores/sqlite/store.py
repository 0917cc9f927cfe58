"""The embedded store: its four faces over one database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from nuvom import _joined
from nuvom._clock import Clock
from nuvom.stores.base import Listener
from nuvom.stores.lent import lent
from nuvom.stores.sqlite import migrations
from nuvom.stores.sqlite.database import Database, Synchronous
from nuvom.stores.sqlite.health import health
from nuvom.stores.sqlite.jobs import SqliteJobs
from nuvom.stores.sqlite.joined import Apart, Theirs
from nuvom.stores.sqlite.ledger import SqliteLedger
from nuvom.stores.sqlite.prune import Pruner
from nuvom.stores.sqlite.schedules import SqliteSchedules
from nuvom.stores.sqlite.transfer import SqliteTransfer
from nuvom.stores.sqlite.workers import SqliteWorkers
from nuvom.stores.values import Health, Pending, Retention


class SqliteStore:
    """A `nuvom.stores.base.Store` in one SQLite database; nothing is opened before it is used."""

    def __init__(self, database: Database, *, url: str, lease: float) -> None:
        self.url = url
        self.jobs: SqliteJobs = SqliteJobs(database)
        self.workers: SqliteWorkers = SqliteWorkers(database, lease)
        self.ledger: SqliteLedger = SqliteLedger(database)
        self.schedules: SqliteSchedules = SqliteSchedules(database)
        self.transfer: SqliteTransfer = SqliteTransfer(database)
        self._database = database
        self._pruner = Pruner(database)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    @property
    def shared(self) -> bool:
        """Whether other processes can reach it."""
        return self._database.file is not None

    def now(self) -> datetime:
        """Return the store's clock."""
        return self._database.now()

    def join(self, connection: object) -> _joined.Block:
        """Return a block in which this store works in the transaction of a sqlite3 connection to the same file.

        In memory it goes on by itself: code that is tested there has its rows wherever it likes.
        """
        file = self._database.file
        if file is None:
            return _joined.Block(None, Apart())
        theirs = Theirs(lent(connection), file.path, self.url)
        with self._database.read():  # opening is what makes the tables, which cannot wait for the caller's commit
            theirs.check()
        return _joined.Block(self._database, theirs)

    def listener(self, kind: str) -> Listener:
        """Return an ear, which hears of `kind` once its address is on the row of a process of that kind."""
        return self._database.ears.open()

    def migrate(self) -> list[str]:
        """Bring the schema up to date, as any first use does; returns the names of what this call applied."""
        return self._database.migrate()

    def pending(self) -> Pending:
        """Return what a first use would apply; only looks."""
        file = self._database.file
        return migrations.pending(None if file is None else file.path)

    def prune(self, keep: Retention) -> bool:
        """Delete a small step of what is older than `keep` says; True when there may be more."""
        return self._pruner.step(keep)

    def maintain(self) -> None:
        """Move the write-ahead log into the file, if it is time."""
        self._database.log.keep_up()

    def health(self) -> Health:
        """Say how the store is."""
        return health(self._database)

    def close(self) -> None:
        """Close every connection; using the store afterwards raises StoreUnavailable."""
        self._database.close()


def open_sqlite(
    path: Path,
    *,
    clock: Clock,
    busy_timeout: float | None,
    lease: float,
    synchronous: Synchronous | None = None,
    auto_migrate: bool = True,
) -> SqliteStore:
    """Return the store of a file, which is made and migrated when it is first used.

    Args:
        path: the file; its folder is made if only that is missing.
        clock: the store's clock.
        busy_timeout: how many seconds a caller waits for a locked file; None: as long as it takes.
        lease: seconds from a heartbeat until a silent process counts as dead.
        synchronous: `full` or `normal` for all commits; None: `full` for what callers were promised.
        auto_migrate: whether the file and its tables are made by whoever comes first.
    """
    database = Database(
        path, clock=clock, busy_timeout=busy_timeout, synchronous=synchronous, auto_migrate=auto_migrate
    )
    query = f"?synchronous={synchronous}" if synchronous else ""
    return SqliteStore(database, url=f"sqlite:///{path.absolute()}{query}", lease=lease)
