"""Wake-ups: one connection a process that LISTENs for all of its sleepers, or polling where that cannot work."""

from __future__ import annotations

from nuvom.stores.base import Listener
from nuvom.stores.postgres.database import Database


class Hub:
    """The ear of one process: its sleepers share a connection, which is opened for the first of them.

    What is heard is a kind (`worker`, `scheduler`) or the name of one ear: what `Session.wake` and finish_plain.sql say.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, kind: str) -> Listener:
        """Return an ear that hears of a kind, and by its address of what is meant for it alone."""
        raise NotImplementedError

    def close(self) -> None:
        """End the connection and wake all who sleep."""
        raise NotImplementedError
