"""Removing a store whole, as a demo does with the one that it made."""

from __future__ import annotations

from contextlib import closing

from nuvom._clock import SYSTEM_CLOCK
from nuvom.stores.redis.address import parse
from nuvom.stores.redis.database import Database

_STEP = 1_000  # keys that are looked at and unlinked at once


def drop(url: str) -> None:
    """Remove all keys that begin with the prefix of a URL."""
    with closing(Database(parse(url), clock=SYSTEM_CLOCK, busy_timeout=None)) as database:
        cursor = "0"
        while True:
            cursor = database.write("drop", cursor, _STEP).decode()
            if cursor == "0":
                return
