"""What callers ask of jobs that are stored, of many in one transaction: to be cancelled, to run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nuvom._ids import is_uuid, raw
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.values import CancelAnswer


class _Ordered(NamedTuple):
    """A job of which something is asked; nobody else changes its row until the transaction ends."""

    seq: int
    id: bytes
    task: str
    final: bool
    running: bool
    key: str | None
    flow: str | None


def cancel(database: Database, job_ids: Sequence[str]) -> list[CancelAnswer]:
    """Cancel jobs that wait, ask running ones to stop; see `JobStore.cancel_many`."""
    if not any(is_uuid(job_id) for job_id in job_ids):
        return [CancelAnswer.NOT_FOUND] * len(job_ids)
    return database.write(lambda session: _cancel(session, job_ids), durable=True)


def retry(database: Database, job_ids: Sequence[str]) -> list[bool]:
    """Make final jobs ready again; see `JobStore.retry_many`."""
    if not any(is_uuid(job_id) for job_id in job_ids):
        return [False] * len(job_ids)
    return database.write(lambda session: _retry(session, job_ids), durable=True)


def _cancel(session: Session, job_ids: Sequence[str]) -> list[CancelAnswer]:
    jobs = _locked(session, job_ids)
    running = [job for job in jobs.values() if job.running]
    if running:
        session.execute("ask_to_stop", ([job.seq for job in running], session.now_us))
        session.wake("worker")
    waiting = [job for job in jobs.values() if not job.running and not job.final]
    if waiting:
        session.execute("cancel_jobs", ([job.seq for job in waiting], session.now_us))
        endings = Endings()
        for job in waiting:
            endings.add(job.id, job.key, job.flow)
        endings.apply(session)
    found = {job.id: CancelAnswer.REQUESTED if job.running else CancelAnswer.CANCELLED for job in [*running, *waiting]}
    return [_answer(jobs, found, job_id) for job_id in job_ids]


def _answer(jobs: Mapping[bytes, _Ordered], found: dict[bytes, CancelAnswer], job_id: str) -> CancelAnswer:
    if not is_uuid(job_id) or (identifier := raw(job_id)) not in jobs:
        return CancelAnswer.NOT_FOUND
    answer = found.get(identifier, CancelAnswer.FINISHED)
    if answer is CancelAnswer.CANCELLED:
        del found[identifier]  # asked again, it is over
    return answer


def _retry(session: Session, job_ids: Sequence[str]) -> list[bool]:
    jobs = _locked(session, job_ids)
    found: list[_Ordered] = []
    answers = []
    for job_id in job_ids:
        job = jobs.pop(raw(job_id), None) if is_uuid(job_id) else None
        answers.append(job is not None and job.final)
        if job is not None and job.final:
            found.append(job)
    if found:
        _begin_anew(session, found)
    return answers


def _begin_anew(session: Session, jobs: Sequence[_Ordered]) -> None:
    """Let final jobs wait again: for the holder of their key if there is one, for their flow, or for a worker."""
    keys = {job.key for job in jobs if job.key is not None}
    held = {key for (key,) in session.rows("taken_keys", ([*keys],))} if keys else set()
    changes = []
    for job in jobs:
        waits_for = "key" if job.key in held else None if job.flow is None else "flow"
        changes.append((job.seq, waits_for))
        if job.key is not None:
            held.add(job.key)
    session.execute("retry_jobs", {**columns(("seq", "waits_for"), changes), "now": session.now_us})
    flows = {job.flow: job.task for job in jobs if job.flow is not None}
    if flows:
        session.execute("revive_flows", ([*flows], [*flows.values()]))
        endings = Endings()
        for flow in flows:
            endings.moved(flow)
        endings.apply(session)
    session.wake("worker")


def _locked(session: Session, job_ids: Sequence[str]) -> dict[bytes, _Ordered]:
    """Return the jobs of these ids, by id, in the order of their pushes; first their keys and flows are locked."""
    wanted = ([job_id for job_id in job_ids if is_uuid(job_id)],)
    names = session.rows("names_of", wanted)
    session.lock(name for (name,) in names)
    return {job.id: job for job in map(_Ordered._make, session.rows("ordered_jobs", wanted))}
