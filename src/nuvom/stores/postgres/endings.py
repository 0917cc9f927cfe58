"""What follows when jobs end or give up their places: others go on, and whoever waits for a result is woken."""

from __future__ import annotations

from nuvom.stores.postgres.database import Session


class Endings:
    """The jobs that one transaction ends, and the flows in which it changes who runs or waits."""

    def __init__(self) -> None:
        self._ids: list[bytes | str] = []
        self._keys: dict[str, None] = {}
        self._flows: dict[str, None] = {}

    def add(self, job_id: bytes | str, key: str | None, flow: str | None) -> None:
        """Note that a job ended."""
        raise NotImplementedError

    def moved(self, flow: str | None) -> None:
        """Note that a job left its place in a flow, or began to wait for one."""
        raise NotImplementedError

    def end_asked(self, session: Session) -> None:
        """End the jobs that were asked to stop and do not run any more, in the transaction that let go of them."""
        raise NotImplementedError

    def apply(self, session: Session) -> None:
        """Release what the keys and flows held and wake whom it concerns, in the transaction that ends the jobs."""
        raise NotImplementedError
