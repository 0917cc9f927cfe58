"""Copying everything from one store to another: page by page, in one order, and compared when all of it is there.

Nothing is kept of how far a copy came: what the other store has already is not written again, so that whoever was
interrupted begins anew and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nuvom._ids import text
from nuvom._job import JobState
from nuvom.errors import StoreError, StoreUnavailable, StoreUnusable
from nuvom.stores.transfer import COLUMNS, FenceRow, JobRow, Key, Kind, Row, Transfer, key_of

PAGE = 100  # rows at once; a job may carry a mebibyte, and a page of each store is held
_NAMED = 100  # rows that are named of those that are not as they were

Told = Callable[[str, Kind, int], None]  # "copy" or "compare", of which kind, how many rows more


class Fault(NamedTuple):
    """A row that is not in the other store as it is in the first."""

    kind: Kind
    key: str
    reason: str


@dataclass
class Tally:
    """What came of the rows of a kind."""

    rows: int = 0  # in the first store, when they were compared
    copied: int = 0  # by this call; the others were there before
    unlike: int = 0  # the other store has them, and says something else
    missing: int = 0  # the other store does not have them


@dataclass
class Copied:
    """What a copy came to."""

    tallies: dict[Kind, Tally] = field(default_factory=lambda: {kind: Tally() for kind in Kind})
    faults: list[Fault] = field(default_factory=list)  # the first of them

    @property
    def verified(self) -> bool:
        """Whether every row was found in the other store as it is."""
        return not any(tally.unlike or tally.missing for tally in self.tallies.values())

    def blame(self, kind: Kind, key: Key, reason: str) -> None:
        """Note a row, if there is room; what was said of it first stays."""
        name = "/".join(text(part) if isinstance(part, bytes) and len(part) == 16 else str(part) for part in key)
        if len(self.faults) < _NAMED and (kind, name) not in {fault[:2] for fault in self.faults}:
            self.faults.append(Fault(kind, name, reason))


def copy(source: Transfer, target: Transfer, told: Told, *, live: bool) -> Copied:
    """Copy every row that the target does not have, and compare.

    Args:
        source: a store that nothing runs on: what changes there meanwhile is found when it is compared, or not at all.
        target: where to; what is there stays.
        told: is called after each page.
        live: whether jobs run there already. Then one that shares a key or limits with others begins to wait, and goes
            on when it is its turn there; and rows are only looked for, because they change.

    Raises:
        StoreUnavailable: one of them is away. What was copied is there.
        StoreError: a job runs in the source.
    """
    copied = Copied()
    for kind in Kind:
        for keys in _pages(source, kind):
            copied.tallies[kind].copied += _copy_page(source, target, kind, keys, copied, live=live)
            told("copy", kind, len(keys))
    for kind in Kind:
        for keys in _pages(source, kind):
            _compare_page(source, target, kind, keys, copied, live=live)
            told("compare", kind, len(keys))
    jobs = copied.tallies[Kind.JOBS]
    if live or jobs.unlike or jobs.missing:  # else all that wait came with what they wait for
        for keys in _pages(source, Kind.JOBS):
            _settle(target, [JobRow(*row) for row in _found(target, Kind.JOBS, keys, copied).values()])
    if live:
        target.settle([], [])
    return copied


def _pages(source: Transfer, kind: Kind) -> Iterator[Sequence[Key]]:
    after = None
    while True:
        keys, after = source.keys(kind, after, PAGE)
        if keys:
            yield keys
        if after is None:
            return


def _copy_page(
    source: Transfer, target: Transfer, kind: Kind, keys: Sequence[Key], copied: Copied, *, live: bool
) -> int:
    there = _found(target, kind, keys, copied)
    wanted = [key for key in keys if key not in there]
    found = _found(source, kind, wanted, copied)
    rows = [found[key] for key in wanted if key in found]  # in their order, which is that of jobs alike
    if kind is Kind.JOBS:
        rows = [_entering(JobRow(*row), live=live) for row in rows]
    return _write(target, kind, rows, copied)


def _found(store: Transfer, kind: Kind, keys: Sequence[Key], copied: Copied) -> dict[Key, Row]:
    """Return rows by their keys; one that cannot be looked for is named."""
    try:
        return {key_of(kind, row): row for row in store.rows(kind, keys)}
    except (StoreUnavailable, StoreUnusable):
        raise
    except (ValueError, StoreError) as error:
        if len(keys) == 1:
            copied.blame(kind, keys[0], f"cannot be looked for: {error}")
            return {}
    half = len(keys) // 2
    return {**_found(store, kind, keys[:half], copied), **_found(store, kind, keys[half:], copied)}


def _entering(job: JobRow, *, live: bool) -> Row:
    """Return a job as it enters another store."""
    if job.state == JobState.RUNNING.value:
        raise StoreError(f"job {text(job.id)} runs where it is to be copied from: stop all services, and begin anew")
    if live and job.finished_at is None:
        if job.key is not None:
            return job._replace(state=JobState.HELD.value, waits_for="key")
        if job.flow is not None and job.state == JobState.READY.value:
            return job._replace(state=JobState.HELD.value, waits_for="flow")
    return job


def _write(target: Transfer, kind: Kind, rows: Sequence[Row], copied: Copied) -> int:
    """Write rows; those that the target cannot hold are found by halves, and named."""
    if not rows:
        return 0
    try:
        return target.write(kind, rows)
    except (StoreUnavailable, StoreUnusable):
        raise
    except (ValueError, OverflowError, StoreError) as error:
        if len(rows) == 1:
            copied.blame(kind, key_of(kind, rows[0]), f"cannot be stored: {error}")
            return 0
    half = len(rows) // 2
    return _write(target, kind, rows[:half], copied) + _write(target, kind, rows[half:], copied)


def _compare_page(
    source: Transfer, target: Transfer, kind: Kind, keys: Sequence[Key], copied: Copied, *, live: bool
) -> None:
    tally = copied.tallies[kind]
    tally.rows += len(keys)
    ours, theirs = _found(source, kind, keys, copied), _found(target, kind, keys, copied)
    known = _known(target, kind, [row for key, row in ours.items() if key not in theirs], copied, live=live)
    for key in keys:
        if key in known:
            continue
        if key not in ours:
            tally.missing += 1
            copied.blame(kind, key, "cannot be read")
        elif key not in theirs:
            tally.missing += 1
            copied.blame(kind, key, "is not there: it came meanwhile, or the other store knows its end")
        elif not live and (unlike := _unlike(kind, ours[key], theirs[key])):
            tally.unlike += 1
            copied.blame(kind, key, f"is there and differs in {', '.join(unlike)}")


def _known(target: Transfer, kind: Kind, rows: Sequence[Row], copied: Copied, *, live: bool) -> set[Key]:
    """Return which of these are not there because the target knows more of the same schedule.

    A fence that has not ended is of a schedule that lived in another store than its jobs, and lives here now. One
    that has run to its end in a live store, or was cancelled there, left its fence.
    """
    keys = [row[:1] for row in rows]
    match kind:
        case Kind.FENCES:
            living = _found(target, Kind.SCHEDULES, keys, copied)
            return {row[:1] for row in rows if FenceRow(*row).ended_at is None and row[:1] in living}
        case Kind.SCHEDULES if live:
            fences = _found(target, Kind.FENCES, keys, copied)
            return {key for key, row in fences.items() if FenceRow(*row).ended_at is not None}
        case _:
            return set()


def _unlike(kind: Kind, ours: Row, theirs: Row) -> list[str]:
    return [name for name, one, other in zip(COLUMNS[kind], ours, theirs, strict=True) if one != other]


def _settle(target: Transfer, jobs: Sequence[JobRow]) -> None:
    """Let those go on that wait for nobody there."""
    keys = {job.key for job in jobs if job.finished_at is None and job.key is not None}
    flows = {job.flow for job in jobs if job.finished_at is None and job.flow is not None}
    if keys or flows:
        target.settle(sorted(keys), sorted(flows))
