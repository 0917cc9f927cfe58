"""Flows: the jobs of one kind that are limited together, of which as many become ready as concurrency and rate allow.

No job of a flow becomes ready in any other way. What ends, starts or begins to wait opens its flow in the same
transaction, under the lock of the flow's name, so that nothing has to look for those that wait, however many they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from nuvom._clock import from_us
from nuvom._limits import read_rate
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Session
from nuvom.stores.values import MAX_BATCH, Flow, TaskRow
from nuvom.stores.windows import GRANTED, Limits, Load, Slice, counted, opening

FAIR_EVERY = 10  # openings: then a priority has its turn whose jobs would be passed over for ever
SOON = 2_000_000  # microseconds: workers look each second for what is due


class _Found(NamedTuple):
    """A row of flow_load.sql; a flow that is not `kept` is bounded by nothing."""

    now: int  # after its lock was got: starts that others counted meanwhile do not lie ahead
    flow: str
    kept: bool
    concurrency: int | None
    rate: str | None
    openings: int
    starts: str | None
    opens_at: int | None
    shut_at: int | None
    ready: int
    running: int
    waiting: bool


class _Said(NamedTuple):
    """What open_flows.sql is told of a flow."""

    flow: str
    room: int  # for those that wait
    fair: int  # how many of them were let in already
    started: bool
    starts: str | None
    opens_at: int | None
    now: int


class _Opening(NamedTuple):
    """How far a flow is open."""

    found: _Found
    room: int
    opens_at: int | None  # if all the room is used, and others still wait
    starts: tuple[Slice, ...]
    started: bool
    fair: int = 0
    let_in: int = 0

    @property
    def opens(self) -> bool:
        """Whether some of those that wait may start."""
        return self.room > 0 and self.found.waiting

    @property
    def changes(self) -> bool:
        """Whether its row or any of its jobs may have to change."""
        timed = self.opens_at is not None or self.found.opens_at is not None
        return self.started or self.opens or timed

    @property
    def said(self) -> _Said:
        """What is to be done."""
        starts = orjson.dumps(self.starts).decode() if self.starts else None
        room = self.room - self.fair if self.opens else 0
        # With room to spare nobody waits for a time.
        opens_at = self.opens_at if self.opens or self.room <= 0 else None
        return _Said(self.found.flow, room, self.fair, self.started, starts, opens_at, self.found.now)


def open_flows(session: Session, flows: Iterable[str]) -> int:
    """Let as many of the best waiting jobs of each flow become ready as its limits allow; returns how many did.

    Workers are woken for a flow that soon opens by itself, and of which they do not know that yet.
    """
    opened = _open(session, list(dict.fromkeys(flows)), {})
    if any(each.opens_at != each.found.opens_at and is_soon(each.opens_at, each.found.now) for each in opened):
        session.wake("worker")
    return sum(each.let_in for each in opened)


def is_soon(moment_us: int | None, now_us: int) -> bool:
    """Tell whether workers have to be told of a time, because it may come before they look by themselves."""
    return moment_us is not None and moment_us < now_us + SOON


def due_flows(session: Session, limit: int = MAX_BATCH) -> list[str]:
    """Return flows whose rate lets jobs start by now."""
    return [flow for (flow,) in session.rows("due_flows", (session.now_us, limit))]


def count_starts(session: Session, claimed: Mapping[str, int]) -> int:
    """Count the jobs of these flows that start now, and open what that makes room in; returns how many became ready."""
    # A start takes the place that the job had while it was ready: where only concurrency bounds a flow nothing moves.
    settled = {flow for (flow,) in session.rows("settled_flows", ([*claimed], GRANTED))}
    opened = _open(session, [flow for flow in claimed if flow not in settled], claimed)
    return sum(each.let_in for each in opened)


def lock_limits(session: Session, rows: Iterable[TaskRow]) -> None:
    """Let nobody make flows before other limits of their tasks can be seen; nothing where none of them changes."""
    if session.row("changing_limits", _limits(rows)) is not None:
        session.lock_all()


def limit_tasks(session: Session, rows: Iterable[TaskRow]) -> int:
    """Give the flows of tasks their new limits; returns how many jobs became ready.

    A task may have a million flows: none of its jobs may start until its flow was opened with the new limits, and those
    that are not opened here are due.
    """
    limits = _limits(rows)
    if session.row("changing_flows", limits) is None:
        return 0
    session.lock_all()
    session.execute("limit_flows", {**limits, "now": session.now_us})
    session.execute("hold_flows", {"task": limits["task"], "now": session.now_us})
    return open_flows(session, due_flows(session))


def _limits(rows: Iterable[TaskRow]) -> dict[str, str | None]:
    said = ((row.name, row.defaults.concurrency, row.defaults.rate) for row in rows)
    return columns(("task", "concurrency", "rate"), said)


def look_at(session: Session, name: str) -> Flow | None:
    """Return how full a flow is, None where it has no row."""
    [found] = _load(session, [name])
    opens_at = None if found.opens_at is None else from_us(found.opens_at)
    return Flow(name, found.concurrency, found.rate, found.ready, found.running, opens_at) if found.kept else None


def is_forgettable(rate: str | None, starts: str | None, now_us: int) -> bool:
    """Tell whether a flow's row says nothing that its next job needs to know."""
    return rate is None or not counted(_starts(starts), read_rate(rate), now_us)


def _load(session: Session, flows: Sequence[str]) -> list[_Found]:
    return [_Found._make(row) for row in session.rows("flow_load", (flows, session.database.given_now))]


def _open(session: Session, flows: Sequence[str], started: Mapping[str, int]) -> list[_Opening]:
    """Let in as many as fit, keep what was counted, and return what came of it."""
    if not flows:
        return []
    session.lock(f"flow:{flow}" for flow in flows)
    found = [_opening(each, started.get(each.flow, 0)) for each in _load(session, flows)]
    excess = [(each.found.flow, -each.room) for each in found if each.room < 0]
    if excess:
        session.execute("hold_back", columns(("flow", "excess"), excess))
    found = _give_turns(session, found)
    changing = [each.said for each in found if each.changes]
    let_in: dict[str, int] = dict(session.rows("open_flows", columns(_Said._fields, changing))) if changing else {}
    return [each._replace(let_in=let_in.get(each.found.flow, 0) + each.fair) for each in found]


def _opening(found: _Found, started: int) -> _Opening:
    limits = Limits(found.concurrency, None if found.rate is None else read_rate(found.rate))
    starts = () if limits.rate is None else counted(_starts(found.starts), limits.rate, found.now, started)
    room, opens_at = opening(limits, Load(found.ready, found.running), starts)
    waiting = found.waiting or room < 0
    return _Opening(found, room, opens_at if waiting else None, starts, started > 0)


def _give_turns(session: Session, found: list[_Opening]) -> list[_Opening]:
    """Let the first of a priority in whose turn it is, in flows that open for the tenth time since the last such."""
    turns = [
        (each.found.flow, each.found.openings // FAIR_EVERY)
        for each in found
        if each.opens and each.found.openings % FAIR_EVERY == FAIR_EVERY - 1
    ]
    if not turns:
        return found
    fair = {flow for (flow,) in session.rows("open_priority", columns(("flow", "turn"), turns))}
    return [each._replace(fair=int(each.found.flow in fair)) for each in found]


def _starts(text: str | None) -> tuple[Slice, ...]:
    return () if text is None else tuple((end, count) for end, count in orjson.loads(text))
