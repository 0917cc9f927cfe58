"""The store on Redis or Valkey: its four faces over the same connections."""

from __future__ import annotations

from datetime import datetime

from nuvom import _joined
from nuvom._clock import Clock
from nuvom.stores.base import Listener
from nuvom.stores.redis.address import parse
from nuvom.stores.redis.database import Database
from nuvom.stores.redis.health import health
from nuvom.stores.redis.jobs import RedisJobs
from nuvom.stores.redis.ledger import RedisLedger
from nuvom.stores.redis.listener import Hub
from nuvom.stores.redis.prune import Pruner
from nuvom.stores.redis.schedules import RedisSchedules
from nuvom.stores.redis.transfer import RedisTransfer
from nuvom.stores.redis.workers import RedisWorkers
from nuvom.stores.values import Health, Pending, Retention


class RedisStore:
    """A `nuvom.stores.base.Store` under one prefix of a server; nothing is connected before it is used."""

    shared = True  # other processes can reach it

    def __init__(self, database: Database, *, lease: float) -> None:
        self.url: str = database.address.url
        self._database = database
        self._hub = Hub(database)
        self._pruner = Pruner(database)
        self.jobs: RedisJobs = RedisJobs(database, self._hub)
        self.workers: RedisWorkers = RedisWorkers(database, lease)
        self.ledger: RedisLedger = RedisLedger(database)
        self.schedules: RedisSchedules = RedisSchedules(database, self.workers)
        self.transfer: RedisTransfer = RedisTransfer(database)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def now(self) -> datetime:
        """Return the server's clock."""
        return self._database.now()

    def join(self, connection: object) -> _joined.Block:
        """Raise TypeError: no transaction of a caller reaches this server."""
        raise TypeError(
            f"{self.url} cannot join a transaction: what is said there would be kept though yours is rolled back; "
            "call after its commit, or keep jobs in the database that it belongs to"
        )

    def listener(self, kind: str) -> Listener:
        """Return an ear, which hears of `kind` from now on."""
        return self._hub.open(kind)

    def migrate(self) -> list[str]:
        """Do nothing and return nothing: there are no tables."""
        self._database.look()
        return []

    def pending(self) -> Pending:
        """Return that there is nothing to apply."""
        self._database.look(only=True)
        return Pending([], "-- nothing: a store on Redis has no tables\n")

    def prune(self, keep: Retention) -> bool:
        """Delete a small step of what is older than `keep` says; True when there may be more."""
        return self._pruner.step(keep)

    def maintain(self) -> None:
        """Do nothing: the server sees to its files itself."""

    def health(self) -> Health:
        """Say how the store is."""
        return health(self._database)

    def close(self) -> None:
        """Close every connection; using the store afterwards raises StoreUnavailable."""
        self._hub.close()
        self._database.close()


def open_redis(url: str, *, clock: Clock, busy_timeout: float | None, lease: float) -> RedisStore:
    """Return the store of a server, which is connected when it is first used.

    Args:
        url: `redis://user:password@host:6379/0?prefix=nuvom`; see `nuvom.stores.redis.address.parse`.
        clock: the store's clock; the system's stands for the server's.
        busy_timeout: how many seconds a caller waits for an answer; None: as a service does.
        lease: seconds from a heartbeat until a silent process counts as dead.
    """
    return RedisStore(Database(parse(url), clock=clock, busy_timeout=busy_timeout), lease=lease)
