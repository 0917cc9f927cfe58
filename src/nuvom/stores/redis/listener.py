"""Wake-ups: one connection a process that subscribes for all of its sleepers, and a slow look where it is gone."""

from __future__ import annotations

from nuvom.stores.base import Listener
from nuvom.stores.redis.database import Database


class Hub:
    """The ears of one process: its sleepers share a connection and a thread, which begin with the first of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, kind: str) -> Listener:
        """Return an ear that hears of a kind, and by its address of what is meant for it alone."""
        raise NotImplementedError

    def close(self) -> None:
        """Wake all that still listen, and end the connection."""
