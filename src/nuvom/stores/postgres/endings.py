"""What follows when jobs end or give up their places: others go on, and whoever waits for a result is woken."""

from __future__ import annotations

from nuvom._ids import text
from nuvom.stores.postgres.database import Session
from nuvom.stores.postgres.flows import open_flows


class Endings:
    """The jobs that one transaction ends, and the keys and flows in which it changes who runs or waits."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._keys: dict[str, None] = {}
        self._flows: dict[str, None] = {}

    def add(self, job_id: bytes | str, key: str | None, flow: str | None) -> None:
        """Note that a job ended."""
        self._ids.append(job_id if isinstance(job_id, str) else text(job_id))
        self.left(key)
        self.moved(flow)

    def left(self, key: str | None) -> None:
        """Note that nobody may hold a key any more, so that the oldest that it holds back may go on."""
        if key is not None:
            self._keys[key] = None

    def moved(self, flow: str | None) -> None:
        """Note that a job left its place in a flow, or began to wait for one."""
        if flow is not None:
            self._flows[flow] = None

    def end_asked(self, session: Session) -> None:
        """End the jobs that were asked to stop and do not run any more, in the transaction that let go of them."""
        for job_id, key, flow in session.rows("end_asked", (session.now_us,)):
            self.add(job_id, key, flow)

    def apply(self, session: Session) -> None:
        """Release what the keys and flows held and wake whom it concerns, in the transaction that ends the jobs."""
        session.lock([f"key:{key}" for key in self._keys] + [f"flow:{flow}" for flow in self._flows])
        released = False
        if self._keys:
            for (flow,) in session.rows("release_held", ([*self._keys], session.now_us)):
                released = True
                self.moved(flow)
        if self._flows and open_flows(session, self._flows):
            released = True
        if self._ids or released:
            session.rows("tell", (session.database.channel, self._ids, released))
