"""The pair: a store whose schedules are kept in another one, by the clock of the one that has the jobs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from nuvom._clock import Clock
from nuvom._joined import Block
from nuvom.errors import SettingsError
from nuvom.stores.base import JobStore, Ledger, Listener, Store
from nuvom.stores.paired.fencing import Fencing
from nuvom.stores.paired.schedules import PairedSchedules
from nuvom.stores.paired.workers import PairedWorkers
from nuvom.stores.values import Health, Pending, Retention


class StoreClock:
    """The wall clock of a store, with all else of the host's.

    Args:
        now: the store's clock.
        clock: the host's.
    """

    def __init__(self, now: Callable[[], datetime], clock: Clock) -> None:
        self._now = now
        self._clock = clock

    def now(self) -> datetime:
        """Return the store's wall time."""
        return self._now()

    def monotonic(self) -> float:
        """Return the host's monotonic seconds."""
        return self._clock.monotonic()

    def boot(self) -> str:
        """Return the id of the host's boot."""
        return self._clock.boot()

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        self._clock.sleep(seconds)


class PairedStore:
    """A `nuvom.stores.base.Store` whose schedules live in another store.

    Args:
        queue: has jobs, leases, the ledger and the fences, and says what time it is.
        keeper: has the schedules; its clock must be that of `queue`.
    """

    def __init__(self, queue: Store, keeper: Store) -> None:
        self.queue: Store = queue
        self.keeper: Store = keeper
        self._fencing = Fencing(queue, keeper)
        self.jobs: JobStore = queue.jobs
        self.workers: PairedWorkers = PairedWorkers(queue, keeper)
        self.ledger: Ledger = queue.ledger
        self.schedules: PairedSchedules = PairedSchedules(queue, keeper, self._fencing)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    @property
    def url(self) -> str:
        """Both URLs with their passwords masked."""
        return f"{self.queue.url} with schedules in {self.keeper.url}"

    @property
    def shared(self) -> bool:
        """Whether other processes can reach both."""
        return self.queue.shared and self.keeper.shared

    def now(self) -> datetime:
        """Return the clock of the store that has the jobs."""
        return self.queue.now()

    def join(self, connection: object) -> Block:
        """Return a block in which jobs go into a caller's transaction; changes of schedules are refused in it."""
        return self.queue.join(connection)

    def listener(self, kind: str) -> Listener:
        """Return an ear at the store where what is listened for happens."""
        return (self.keeper if kind == "scheduler" else self.queue).listener(kind)

    def migrate(self) -> list[str]:
        """Bring both schemas up to date; returns the names of what was applied, those of the jobs' store first."""
        return self.queue.migrate() + self.keeper.migrate()

    def pending(self) -> Pending:
        """Return what `migrate` would apply to both."""
        names: list[str] = []
        sql = ""
        for store in (self.queue, self.keeper):
            found = store.pending()
            names += found.names
            sql += f"-- {store.url}\n{found.sql}"
        return Pending(names, sql)

    def prune(self, keep: Retention) -> bool:
        """Delete a small step of what is too old in both, and complete changes whose callers died between them."""
        more = [self._fencing.step(), self.queue.prune(keep), self.keeper.prune(keep)]
        return any(more)

    def maintain(self) -> None:
        """Do the engines' own housekeeping, if it is time."""
        self.queue.maintain()
        self.keeper.maintain()

    def health(self) -> Health:
        """Say how the store with the jobs is, with the problems of the other one; `parts` has each of them."""
        queue, keeper = self.queue.health(), self.keeper.health()
        return Health(
            engine=queue.engine,
            version=queue.version,
            schema=queue.schema,
            schema_needed=queue.schema_needed,
            location=f"{queue.location} with schedules in {keeper.location}",
            size=queue.size + keeper.size,
            problems=(*queue.problems, *(f"schedules: {each}" for each in keeper.problems)),
            facts={**queue.facts, **{f"schedules' {name}": fact for name, fact in keeper.facts.items()}},
        )

    def close(self) -> None:
        """Close both."""
        try:
            self.queue.close()
        finally:
            self.keeper.close()


def parts(store: Store) -> list[Store]:
    """Return the stores of a pair, the one with the jobs first; one that is no pair is its only part."""
    return [store.queue, store.keeper] if isinstance(store, PairedStore) else [store]


class Open(Protocol):
    """What opens the store of a URL by a clock."""

    def __call__(self, url: str, *, clock: Clock) -> Store:
        """Return the store."""
        ...


def open_pair(opened: Open, url: str, schedules: str, clock: Clock) -> PairedStore:
    """Return a store with the jobs of one URL and the schedules of another.

    Args:
        opened: opens each of them.
        url: of the store that has the jobs.
        schedules: of the one that has the schedules.
        clock: of the host.

    Raises:
        SettingsError: a URL names no store, or both name the same.
    """
    queue = opened(url, clock=clock)
    keeper = opened(schedules, clock=StoreClock(queue.now, clock))
    if keeper.url == queue.url and queue.shared:
        raise SettingsError(f"NUVOM_SCHEDULER names the store that has the jobs, {queue.url}: leave it out")
    return PairedStore(queue, keeper)
