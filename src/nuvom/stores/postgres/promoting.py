"""Jobs whose time has come: those that may run by now, and those that give up."""

from __future__ import annotations

from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.postgres.flows import due_flows, open_flows
from nuvom.stores.values import Wakeup


def promote(database: Database, limit: int) -> int:
    """Make due delayed jobs ready, open flows that may by now, let others expire; see `JobStore.promote`."""
    said = {"now": database.given_now, "limit": limit}
    due, tied, expired, opens = database.read(lambda session: session.row("what_is_due", said)) or (False,) * 4
    if tied or expired or opens:
        return database.write(lambda session: _promote(session, limit, opens=opens), durable=False)
    if not due:
        return 0
    plain = {**said, "channel": database.channel}
    (promoted, _) = database.once(lambda session: session.row("promote_plain", plain)) or (0, None)
    return int(promoted)


def next_wakeup(database: Database) -> Wakeup:
    """Say when the next job is due, gives up or may start by its rate, and when the earliest lease ends."""
    said = {"now": database.given_now}
    found = database.read(lambda session: session.row("next_wakeup", said)) or (0, None, None)
    now, delayed, lease = found
    return Wakeup(_seconds(delayed, now), _seconds(lease, now))


def _promote(session: Session, limit: int, *, opens: bool) -> int:
    now = session.now_us
    giving_up = session.rows("giving_up", (now, limit))
    due = session.rows("due_jobs", (now, limit))
    opening = due_flows(session, limit) if opens else []
    # Before the rows, and all at once: whoever changes a job locks in this order, too.
    session.lock(
        [f"key:{key}" for _, key, _ in giving_up if key is not None]
        + [f"flow:{flow}" for _, _, flow in giving_up if flow is not None]
        + [f"flow:{flow}" for _, flow in due if flow is not None]
        + [f"flow:{flow}" for flow in opening]
    )
    endings = Endings()
    if giving_up:
        for ended in session.rows("expire", ([seq for seq, _, _ in giving_up], now)):
            endings.add(*ended)
    opened = open_flows(session, opening)
    promoted = session.rows("promote", ([seq for seq, _ in due], now)) if due else []
    for (flow,) in promoted:
        endings.moved(flow)
    endings.apply(session)
    if promoted or opened:
        session.wake("worker")
    return len(promoted) + opened


def _seconds(moment_us: int | None, now_us: int) -> float | None:
    return None if moment_us is None else (moment_us - now_us) / 1_000_000
