"""Whether a ledger accounts for each occurrence of a schedule: once, on time or later, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from nuvom._schedule import Occurrence, ScheduleEnvelope
from nuvom.stores.base import Ledger

TICK = timedelta(microseconds=1)


def wrong(ledger: Ledger, envelope: ScheduleEnvelope, since: datetime, latest: datetime) -> list[str]:
    """Say what is wrong with the rows of a schedule.

    Args:
        ledger: where they are.
        envelope: the schedule as it is now; without a next run when it has ended.
        since: occurrences later than this are expected.
        latest: the latest time that a scheduler has seen while it was at work.
    """
    rows = _planned(ledger, envelope)
    told = Counter(nominal for row in rows for nominal in _covered(row, envelope))
    end = envelope.next_nominal or latest + TICK
    expected = set(envelope.trigger.between(since + TICK, end))
    found = [f"{nominal}: no row says what became of it" for nominal in sorted(expected - set(told))]
    found += [f"{nominal}: a row, and no occurrence" for nominal in sorted(set(told) - expected)]
    found += [f"{nominal}: {count} rows" for nominal, count in sorted(told.items()) if count > 1]
    early = [row for row in rows if row.lateness is not None and row.lateness < timedelta(0)]
    found += [f"{row.nominal}: dispatched {row.lateness} early" for row in early]
    if envelope.next_run is not None and envelope.next_run <= latest:
        found.append(f"{envelope.next_run}: due and not dispatched at {latest}")
    return [f"{envelope.name or envelope.id} {problem}" for problem in found]


def _planned(ledger: Ledger, envelope: ScheduleEnvelope) -> list[Occurrence]:
    return [row for row in ledger.occurrences(envelope.id, 1_000_000) if not row.source]


def _covered(row: Occurrence, envelope: ScheduleEnvelope) -> Iterator[datetime]:
    """Yield the nominal times that a row stands for."""
    if row.last is None:
        yield row.nominal
        return
    found = list(envelope.trigger.between(row.nominal, row.last + TICK))
    yield from found if len(found) == row.count else [row.nominal] * 2
