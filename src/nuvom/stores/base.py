"""What a store must do: the protocols, and nothing else; those of jobs and leases are in `queueing`.

A store has four faces over the same connections: `jobs`, `workers`, `ledger` and `schedules`. Times that come from the
store's clock are never taken from the caller, so that two hosts five minutes apart change nothing.

Promises that every method keeps:

* What a caller was told is accepted (push, upsert, update, cancel, retry) is on disk before the call returns. What can
  be repeated (claim, finish, heartbeat, apply) need not be.
* A method either does all it says or nothing. `StoreUnavailable(unknown=True)` is raised where that cannot be known.
  Of a plan each item is all or nothing; a store that runs one thing at a time may take its items in several steps, so
  that others need not wait for all of them. Repeating the plan does the rest and nothing twice.
* Batches are bounded by the caller: at most 1,000 at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from nuvom._joined import Block
from nuvom._schedule import Occurrence, Overlap, ScheduleEnvelope
from nuvom.stores.queueing import JobStore, WorkerStore
from nuvom.stores.values import (
    Fence,
    Health,
    Once,
    PassedOver,
    Pending,
    PlanItem,
    Refusal,
    Requested,
    Retention,
    ScheduleFilter,
    Upserted,
)

__all__ = ["JobStore", "Ledger", "Listener", "ScheduleStore", "SchedulerBackend", "Store", "WorkerStore"]


class Ledger(Protocol):
    """One row for each occurrence that came due, beside the jobs whatever keeps the schedules."""

    def deliver(self, items: Sequence[PlanItem]) -> list[Refusal]:
        """Insert rows and jobs in one transaction, a job only if its row was new; for schedules kept elsewhere.

        An item is refused whose generation is older than the fence's, whose fence has ended, or whose `blocked` is not
        what is found now; the rest goes on. The fence of an item with nothing left to run ends as `done`. On disk when
        it returns: what follows it is another store's.
        """
        ...

    def request(self, item: PlanItem, once: Once) -> Requested:
        """Insert the rows and jobs of a run by hand or a backfill, all or none; refused as in `deliver`.

        A row is new as `once` says, and only then its job is pushed. At most 1,000 rows. On disk when it returns.
        """
        ...

    def requested(self, schedule_id: str, source: str) -> Occurrence | None:
        """Return the newest row of a request."""
        ...

    def blocked(self, asked: Mapping[str, Overlap]) -> frozenset[str]:
        """Return which of these schedules may not start another run now, by the overlap that each has.

        `skip`: a run is open. `queue_one`: one is held, or one is open that was pushed without the schedule's key;
        `cancel_other`: only the latter. Backfills are no open runs.
        """
        ...

    def fence(self, schedule_id: str) -> Fence | None:
        """Return the newest definition known of a schedule."""
        ...

    def raise_fence(self, envelope: ScheduleEnvelope, expected: int | None, rows: Sequence[Occurrence] = ()) -> bool:
        """Write a definition if the stored generation is `expected` (None: no fence); False: somebody was faster.

        `rows` (at most 1,000) are recorded in the same transaction: what the change keeps from being run.
        """
        ...

    def fences(self, after: tuple[int, str], limit: int) -> list[Fence]:
        """Return fences by generation and id, those after the pair of them that is given; none that are `done`.

        A generation is the time of its change in microseconds, or later: so this finds what was changed lately.
        """
        ...

    def occurrences(
        self, schedule_id: str, limit: int, before: datetime | None = None, *, after: datetime | None = None
    ) -> list[Occurrence]:
        """Return ledger rows, newest nominal first, with after <= nominal < before; live jobs' status is filled in."""
        ...

    def occurrence(self, schedule_id: str, nominal: datetime, source: str = "") -> Occurrence | None:
        """Return one row."""
        ...

    def open_runs(self, schedule_id: str, limit: int) -> int:
        """Count a schedule's open runs, its jobs that are not final, up to `limit`; backfills do not count."""
        ...


@runtime_checkable
class SchedulerBackend(Protocol):
    """The founding five: enough for a backend of one's own."""

    def enqueue(self, envelope: ScheduleEnvelope) -> ScheduleEnvelope:
        """Store an envelope; the same id again replaces. Returns what is stored."""
        ...

    def get(self, schedule_id: str) -> ScheduleEnvelope | None:
        """Return the envelope of an id, None when there is none."""
        ...

    def due(self, now: datetime, limit: int) -> list[ScheduleEnvelope]:
        """Return at most `limit` envelopes with next_run <= now, earliest first; it may be stale or repeat."""
        ...

    def reschedule(self, schedule_id: str, next_run: datetime) -> None:
        """Move a schedule's next run; ignored for an unknown id and when not later than what is stored."""
        ...

    def cancel(self, schedule_id: str) -> bool:
        """Remove a schedule; False when there was none."""
        ...


class ScheduleStore(SchedulerBackend, Protocol):
    """What the built-in stores add to the founding five."""

    def upsert(
        self,
        wanted: ScheduleEnvelope,
        passed: PassedOver | None = None,
        *,
        overwrite: bool = False,
        revive: bool = False,
    ) -> Upserted:
        """Create or replace by id in one atomic step, by the rule of `nuvom._identity.resolve`; wakes schedulers.

        The rows of `passed` (at most 1,000) are recorded with a replacement. One that would give other times to another
        generation than they were made for is `lost` and changes nothing.
        """
        ...

    def update(self, envelope: ScheduleEnvelope, rows: Sequence[Occurrence] = ()) -> ScheduleEnvelope | None:
        """Replace a schedule whose stored generation is still `envelope.generation`; None: it is not (a lost race).

        The stored one gets the next generation, and `rows` (at most 1,000) are recorded in the same transaction. An
        ended state ends its life as `cancel` does.
        """
        ...

    def pause_all(self, note: str | None) -> int:
        """Pause every active schedule in one atomic step; returns how many those were."""
        ...

    def outdated_zones(self, tzdata: str, limit: int) -> list[ScheduleEnvelope]:
        """Return active cron schedules with a run ahead that another release of the tz database computed."""
        ...

    def by_name(self, name: str) -> ScheduleEnvelope | None:
        """Return the schedule of a name."""
        ...

    def upcoming(self, limit: int) -> list[ScheduleEnvelope]:
        """Return active schedules by next run, the earliest first."""
        ...

    def next_due(self) -> float | None:
        """Return seconds until the earliest next run, 0 or less when one is due, None when there is none."""
        ...

    def apply(self, items: Sequence[PlanItem]) -> list[Refusal]:
        """Record, push and advance in one transaction; an item that no longer fits is refused and the rest goes on.

        Of several items of one schedule the first that fits is applied. A row that is there already (same key) keeps
        what it says, and its job is not pushed again. A schedule with nothing left to run leaves; its definition stays
        beside the ledger as `done`.
        """
        ...

    def advance(self, items: Sequence[PlanItem]) -> list[Refusal]:
        """Move or end schedules as `apply` does, without rows and jobs: the ledger is another store's."""
        ...

    def follow(self, envelopes: Sequence[ScheduleEnvelope]) -> None:
        """Store definitions as a fence elsewhere has them, their generations too; an ended one ends what is stored.

        One that is not newer than what is known of its id, living or ended, changes nothing. Wakes schedulers.
        """
        ...

    def list(self, wanted: ScheduleFilter, limit: int, before: str | None = None) -> list[ScheduleEnvelope]:
        """Return schedules, newest first; `before` is the last id of the page before."""
        ...


class Listener(Protocol):
    """One sleeper's ear: it hears that there may be something to do, never what."""

    @property
    def address(self) -> str | None:
        """Where others reach it; kept on the row of its process."""
        ...

    def wait(self, timeout: float) -> bool:
        """Sleep at most `timeout` seconds; True when something may have happened. A wake-up before the call counts."""
        ...

    def wake(self) -> None:
        """End the wait from another thread."""
        ...

    def close(self) -> None:
        """Give up the address."""
        ...


class Store(Protocol):
    """A store: four faces over the same connections."""

    @property
    def url(self) -> str:
        """Its URL with the password masked."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other processes can reach it."""
        ...

    @property
    def jobs(self) -> JobStore:
        """Jobs."""
        ...

    @property
    def workers(self) -> WorkerStore:
        """Leases."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Occurrences."""
        ...

    @property
    def schedules(self) -> ScheduleStore:
        """Schedules."""
        ...

    def now(self) -> datetime:
        """Return the store's clock."""
        ...

    def join(self, connection: object) -> Block:
        """Return a block in which all that callers say goes into the transaction of a connection of their own.

        It commits or vanishes with that, and nobody is woken before. Raises ValueError for a connection to another
        database, TypeError for one of an unknown kind, RuntimeError where nothing would be atomic.
        """
        ...

    def listener(self, kind: str) -> Listener:
        """Return an ear for `kind`: `worker` hears of ready jobs, `scheduler` of changed schedules."""
        ...

    def migrate(self) -> list[str]:
        """Bring the schema up to date; returns the names of what was applied."""
        ...

    def pending(self) -> Pending:
        """Return what `migrate` would apply; only looks, and makes nothing."""
        ...

    def prune(self, keep: Retention) -> bool:
        """Delete a small step of what is older than `keep` says, save the newest job; True when there may be more."""
        ...

    def maintain(self) -> None:
        """Do the engine's own housekeeping (checkpoints), if it is time."""
        ...

    def health(self) -> Health:
        """Say how the store is."""
        ...

    def close(self) -> None:
        """Close every connection; using the store afterwards raises StoreUnavailable."""
        ...
