"""The store of a fleet: its four faces over one PostgreSQL database."""

from __future__ import annotations

from datetime import datetime

from nuvom import _joined
from nuvom._clock import Clock
from nuvom.stores.base import Listener
from nuvom.stores.lent import lent
from nuvom.stores.postgres.address import parse
from nuvom.stores.postgres.database import Database
from nuvom.stores.postgres.health import health
from nuvom.stores.postgres.jobs import PostgresJobs
from nuvom.stores.postgres.joined import Home, Theirs
from nuvom.stores.postgres.ledger import PostgresLedger
from nuvom.stores.postgres.listener import Hub
from nuvom.stores.postgres.prune import Pruner
from nuvom.stores.postgres.schedules import PostgresSchedules
from nuvom.stores.postgres.transfer import PostgresTransfer
from nuvom.stores.postgres.workers import PostgresWorkers
from nuvom.stores.values import Health, Pending, Retention


class PostgresStore:
    """A `nuvom.stores.base.Store` in one schema of a database; nothing is connected before it is used."""

    shared = True  # other processes can reach it

    def __init__(self, database: Database, *, lease: float) -> None:
        self.url: str = database.address.url
        self._database = database
        self._hub = Hub(database)
        self._home = Home(database)
        self._pruner = Pruner(database)
        self.jobs: PostgresJobs = PostgresJobs(database, self._hub)
        self.workers: PostgresWorkers = PostgresWorkers(database, lease)
        self.ledger: PostgresLedger = PostgresLedger(database)
        self.schedules: PostgresSchedules = PostgresSchedules(database, self.workers)
        self.transfer: PostgresTransfer = PostgresTransfer(database)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def now(self) -> datetime:
        """Return the server's clock."""
        return self._database.now()

    def join(self, connection: object) -> _joined.Block:
        """Return a block in which this store works in the transaction of a caller's connection to its database."""
        theirs = Theirs(lent(connection), self._database, self._home)
        if not theirs.asynchronous:
            theirs.check()
        return _joined.Block(self._database, theirs)

    def listener(self, kind: str) -> Listener:
        """Return an ear, which hears of `kind` from now on."""
        return self._hub.open(kind)

    def migrate(self) -> list[str]:
        """Bring the schema up to date; returns the names of what this call applied."""
        return self._database.migrate()

    def pending(self) -> Pending:
        """Return what `migrate` would apply; only looks."""
        return self._database.pending()

    def prune(self, keep: Retention) -> bool:
        """Delete a small step of what is older than `keep` says; True when there may be more."""
        return self._pruner.step(keep)

    def maintain(self) -> None:
        """Do nothing: autovacuum does, as the tables' settings tell it to."""

    def health(self) -> Health:
        """Say how the store is."""
        return health(self._database)

    def close(self) -> None:
        """Close every connection; using the store afterwards raises StoreUnavailable."""
        self._hub.close()
        self._database.close()


def open_postgres(
    url: str, *, clock: Clock, busy_timeout: float | None, lease: float, auto_migrate: bool = False
) -> PostgresStore:
    """Return the store of a database, which is connected when it is first used.

    Args:
        url: `postgresql://user@host/database`; see `nuvom.stores.postgres.address.parse`.
        clock: the store's clock; the system's stands for the server's.
        busy_timeout: how many seconds a caller waits for a lock or an answer; None: as a service does.
        lease: seconds from a heartbeat until a silent process counts as dead.
        auto_migrate: whether the tables are made and changed by whoever comes first.
    """
    database = Database(parse(url), clock=clock, busy_timeout=busy_timeout, auto_migrate=auto_migrate)
    return PostgresStore(database, lease=lease)
