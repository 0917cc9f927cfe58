"""The ways a job enters the table: by one statement where nothing holds it back, else in a caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from nuvom._clock import to_us
from nuvom._ids import raw, text
from nuvom._job import NewJob, Pushed, TaskDefaults
from nuvom._limits import unique_period
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.postgres.flows import SOON, is_soon
from nuvom.stores.postgres.unfit import naming
from nuvom.stores.rows import task_defaults


class Inserted(NamedTuple):
    """What came of an insert: which job stands for each, in their order, and whether workers are to be woken."""

    pushed: list[Pushed]
    ready: bool  # there is something to take, now or so soon that they may not look by themselves before
    standing: Mapping[str, tuple[str, str]]  # by the id of each job that was not pushed: what stands for it, and why


class _Terms(NamedTuple):
    """What holds for the jobs of a task where their call did not say otherwise."""

    task: str  # its own name, where the job has an alias
    defaults: TaskDefaults

    @property
    def limited(self) -> bool:
        """Whether its jobs have flows."""
        return self.defaults.concurrency is not None or self.defaults.rate is not None


class _Row(NamedTuple):
    """A row of insert_jobs.sql."""

    id: str
    task: str
    queue: str
    priority: int
    run_at: int
    state: str
    arguments: str
    max_crashes: int
    key: str | None
    schedule_id: str | None
    schedule_name: str | None
    scheduled_for: int | None
    options: str | None
    metadata: str | None
    expires_at: int | None
    backfill: bool
    waits_for: str | None
    context: str | None
    flow: str | None
    unique_key: str | None
    unique_until: int | None


_PLAIN = (
    "id", "task", "queue", "priority", "run_at", "arguments", "max_crashes", "schedule_id", "schedule_name",
    "scheduled_for", "options", "metadata", "expires_at", "expires_in", "backfill", "context", "own_queue",
    "own_priority", "own_max_crashes", "own_expires_in",
)  # fmt: skip


def push(database: Database, jobs: Sequence[NewJob]) -> list[Pushed]:
    """Store all of `jobs` or none; see `JobStore.push`."""
    if not jobs:
        return []
    if all(_is_plain(job) for job in jobs):
        pushed = database.once(lambda session: _push_plain(session, jobs))
        if pushed is not None:
            return pushed
    return database.write(lambda session: _push(session, jobs), durable=True)


def insert_jobs(session: Session, jobs: Sequence[NewJob], endings: Endings) -> Inserted:
    """Insert jobs inside the caller's transaction; one that is there already, or stands for it, changes nothing.

    Args:
        session: in a transaction, in which the caller wakes workers if `ready`.
        jobs: at most 1,000.
        endings: learns of flows in which jobs wait now; the caller applies them when all of its jobs are in.
    """
    if not jobs:
        return Inserted([], False, {})
    with naming(jobs):
        return _insert_jobs(session, jobs, endings)


def names(session: Session, jobs: Iterable[NewJob]) -> set[str]:
    """Return what `insert_jobs` locks for the kinds and flows of jobs, for who locks their keys before.

    Locked later they would be out of order, and two that do so might wait for each other. Whether a job has any is told
    by what its own code says: limits that only workers reported are locked later.
    """
    bounded = [job for job in jobs if _is_bounded(job)]
    if not bounded:
        return set()
    with naming(bounded):
        terms = _reported(session, bounded)
        return {*_names(_row(job, terms[job.task], session.now_us) for job in bounded)}


def _is_plain(job: NewJob) -> bool:
    return job.key is None and not _is_bounded(job)


def _is_bounded(job: NewJob) -> bool:
    said = job.defaults
    return any(bound is not None for bound in (job.unique, said.unique, said.concurrency, said.rate))


def _push_plain(session: Session, jobs: Sequence[NewJob]) -> list[Pushed] | None:
    """Insert jobs by one statement; None where it stored nothing, and where all are there already, too."""
    if len(jobs) == 1:
        return _push_one(session, jobs[0])
    with naming(jobs):
        said = {
            **columns(_PLAIN, (_said(job) for job in jobs)),
            "tasks": [*{job.task for job in jobs}],
            "now": session.database.given_now,
            "wanted": len(jobs),
            "soon": SOON,
            "channel": session.database.channel,
        }
        (count, new, _) = session.row("push", said) or (0, None, None)
    if count == len(jobs):
        return [Pushed(job.id, True) for job in jobs]
    return list(_which(jobs, new or ())) if count else None


def _push_one(session: Session, job: NewJob) -> list[Pushed] | None:
    with naming([job]):
        said = dict(zip(_PLAIN, _said(job), strict=True))
        said |= {"now": session.database.given_now, "soon": SOON, "channel": session.database.channel}
        return None if session.row("push_one", said) is None else [Pushed(job.id, True)]


def _said(job: NewJob) -> tuple[object, ...]:
    said = job.defaults
    return (
        job.id,
        job.task,
        job.queue,
        job.priority,
        _us(job.run_at),
        job.arguments.decode(),
        job.max_crashes,
        job.schedule_id,
        job.schedule_name,
        _us(job.scheduled_for),
        _json(job.options),
        _json(job.metadata),
        _us(job.expires_at),
        _span(job.expires_in),
        job.backfill,
        _json(job.context),
        said.queue,
        said.priority,
        said.max_crashes,
        _span(said.expires_in),
    )


def _which(jobs: Iterable[NewJob], new: Iterable[bytes]) -> Iterator[Pushed]:
    """Tell which jobs were new; of two with one id in the batch only the first."""
    left = set(new)
    for job in jobs:
        identifier = raw(job.id)
        yield Pushed(job.id, identifier in left)
        left.discard(identifier)


def _push(session: Session, jobs: Sequence[NewJob]) -> list[Pushed]:
    endings = Endings()
    inserted = insert_jobs(session, jobs, endings)
    endings.apply(session)
    if inserted.ready:
        session.wake("worker")
    return inserted.pushed


def _insert_jobs(session: Session, jobs: Sequence[NewJob], endings: Endings) -> Inserted:
    terms = _reported(session, jobs)
    now = session.now_us
    rows = [_row(job, terms[job.task], now) for job in jobs]
    session.lock(_names(rows))
    decided = _decide(session, jobs, rows, terms)
    new = _insert(session, decided.rows, endings)
    _note_flows(session, decided.rows, new, terms, endings)
    pushed = [answer._replace(new=answer.new and raw(answer.id) in new) for answer in decided.pushed]
    ready = any(row.waits_for is None and is_soon(row.run_at, now) and raw(row.id) in new for row in decided.rows)
    return Inserted(pushed, ready, decided.standing)


def _reported(session: Session, jobs: Iterable[NewJob]) -> dict[str, _Terms]:
    """Return the terms of each task: what workers reported, else what the code that pushed its last job says."""
    terms = {job.task: _Terms(job.task, job.defaults) for job in jobs}
    for name, canonical, *reported in session.rows("task_defaults", ([*terms],)):
        terms[name] = _Terms(canonical, task_defaults(reported))
    return terms


def _names(rows: Iterable[_Row]) -> Iterator[str]:
    """Return what is locked before it is seen who holds a key, stands for a kind or takes a place in a flow."""
    for row in rows:
        if row.key is not None:
            yield f"key:{row.key}"
        if row.unique_key is not None:
            yield f"unique:{row.unique_key}"
        if row.flow is not None:
            yield f"flow:{row.flow}"


class _Decided(NamedTuple):
    """Which rows are to be inserted, and what is answered if all of them are new."""

    rows: list[_Row]
    pushed: list[Pushed]
    standing: dict[str, tuple[str, str]]


def _decide(session: Session, jobs: Sequence[NewJob], rows: Sequence[_Row], terms: Mapping[str, _Terms]) -> _Decided:
    """Find out, under the locks, which jobs are new and what holds them; each counts for those that come after it."""
    keys = [*{row.key for row in rows if row.key is not None}]
    uniques = [job.unique or terms[job.task].defaults.unique for job in jobs]
    there: Iterable[bytes] = ()
    taken: Iterable[str] = ()
    if keys or any(uniques):  # else nobody cares before the insert
        there, taken = session.row("in_the_way", ([row.id for row in rows], keys)) or ((), ())
    seen, held = set(there), set(taken)
    standing = _standing(session, rows, uniques)
    kinds: dict[str, str] = {}
    decided = _Decided([], [], {})
    for place, (job, row, unique) in enumerate(zip(jobs, rows, uniques, strict=True)):
        identifier = raw(job.id)
        other = standing.get(place) or kinds.get(row.unique_key or "")
        if identifier in seen:
            decided.pushed.append(Pushed(job.id, False))
        elif unique is not None and other is not None:
            decided.pushed.append(Pushed(other, False))
            decided.standing[job.id] = other, unique
        else:
            seen.add(identifier)
            decided.rows.append(_held(row, session.now_us, waits=job.waits and row.key in held))
            decided.pushed.append(Pushed(job.id, True))
            if row.key is not None:
                held.add(row.key)
            if row.unique_key is not None:
                kinds.setdefault(row.unique_key, job.id)
    return decided


def _held(row: _Row, now_us: int, *, waits: bool) -> _Row:
    """Return a row with what holds it: an open job of its key, whatever its own time, its time, or its flow."""
    if waits:
        return row._replace(state="held", waits_for="key")
    if row.run_at > now_us:
        return row._replace(state="delayed")
    return row if row.flow is None else row._replace(state="held", waits_for="flow")


def _standing(session: Session, rows: Sequence[_Row], uniques: Sequence[str | None]) -> dict[int, str]:
    """Return the ids of jobs that stand for unique ones, by these ones' places in the batch."""
    wanted = []
    for place, (row, unique) in enumerate(zip(rows, uniques, strict=True)):
        if unique is not None:
            period = unique_period(unique)
            since = None if period is None else session.now_us - period
            wanted.append((place, row.unique_key, unique if since is None else None, since))
    if not wanted:
        return {}
    found = session.rows("unique_standing", columns(("place", "kind", "way", "since"), wanted))
    return {place: text(identifier) for place, identifier in found if identifier is not None}


def _insert(session: Session, rows: Sequence[_Row], endings: Endings) -> set[bytes]:
    """Insert rows and return the ids that were new."""
    if not rows:
        return set()
    said = {**columns(_Row._fields, rows), "now": session.now_us}
    new = {identifier for (identifier,) in session.rows("insert_jobs", said)}
    for row in rows:
        if raw(row.id) not in new:
            endings.left(row.key)  # another pushed the id meanwhile; who was to wait for this one must not
    return new


def _note_flows(
    session: Session, rows: Iterable[_Row], new: set[bytes], terms: Mapping[str, _Terms], endings: Endings
) -> None:
    """Make the flows of jobs that were inserted: they may be the first of theirs, or bring other limits."""
    flows = {row.flow: row.task for row in rows if row.flow is not None and raw(row.id) in new}
    if flows:
        said = ((flow, task, *_bounds(terms[task])) for flow, task in flows.items())
        session.execute("put_flows", columns(("flow", "task", "canonical", "concurrency", "rate"), said))
    for flow in flows:
        endings.moved(flow)


def _bounds(terms: _Terms) -> tuple[str, int | None, str | None]:
    return terms.task, terms.defaults.concurrency, terms.defaults.rate


def _row(job: NewJob, terms: _Terms, now_us: int) -> _Row:
    defaults = terms.defaults
    run_at = now_us if job.run_at is None else to_us(job.run_at)
    kind = terms.task if job.kin is None else f"{terms.task}:{job.kin}"
    unique = job.unique or defaults.unique
    period = None if unique is None else unique_period(unique)
    return _Row(
        id=job.id,
        task=job.task,
        queue=defaults.queue if job.queue is None else job.queue,
        priority=defaults.priority if job.priority is None else job.priority,
        run_at=run_at,
        state="ready",
        arguments=job.arguments.decode(),
        max_crashes=defaults.max_crashes if job.max_crashes is None else job.max_crashes,
        key=job.key,
        schedule_id=job.schedule_id,
        schedule_name=job.schedule_name,
        scheduled_for=_us(job.scheduled_for),
        options=_json(job.options),
        metadata=_json(job.metadata),
        expires_at=_earlier(_us(job.expires_at), job, defaults, run_at),
        backfill=job.backfill,
        waits_for=None,
        context=_json(job.context),
        flow=kind if terms.limited else None,
        unique_key=None if unique is None else kind,
        unique_until=None if period is None else now_us + period,
    )


def _earlier(expires_at: int | None, job: NewJob, defaults: TaskDefaults, run_at: int) -> int | None:
    """Return when a job gives up: by what its call or task says, or by its grace if that ends before."""
    span = _span(defaults.expires_in if job.expires_in is None else job.expires_in)
    if span is None:
        return expires_at
    return run_at + span if expires_at is None else min(run_at + span, expires_at)


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)


def _span(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1_000_000)


def _json(data: bytes | None) -> str | None:
    return None if data is None else data.decode()
