"""How many jobs of each queue ended lately: added up once a batch, in the transaction that ends them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.values import Throughput

_SECOND = 1_000_000
_SLICE = 10 * _SECOND  # what is added up in one row for each queue and lane
_MINUTE, _HOUR = 60 * _SECOND, 3_600 * _SECOND


def count_ended(session: Session, *, succeeded: Iterable[str] = (), failed: Iterable[str] = ()) -> None:
    """Count jobs that end in the caller's transaction: the queue of each that succeeded, and of each that failed."""
    good, bad = Counter(succeeded), Counter(failed)
    queues = sorted(good.keys() | bad.keys())  # in one order, so that two transactions never wait for each other
    if queues:
        since = session.now_us - session.now_us % _SLICE
        counts = (since, queues, [good[queue] for queue in queues], [bad[queue] for queue in queues])
        session.execute("count_ended", counts)


def throughput(database: Database) -> list[Throughput]:
    """Return what ended in each queue lately; see `JobStore.throughput`."""
    now = database.now_us()
    found = database.read(lambda session: session.rows("throughput", (now - _MINUTE, now - _HOUR, now)))
    return [Throughput(*row) for row in found]


def forget(database: Database) -> None:
    """Delete what is too old to be asked for."""
    before = database.now_us() - _HOUR - _SLICE
    database.once(lambda session: session.execute("forget_throughput", (before,)))
