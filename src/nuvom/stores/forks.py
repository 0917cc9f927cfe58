"""Forks: no connection may be open across one, or the child's locks are none (https://www.sqlite.org/howtocorrupt.html).

A process that inherits an open connection inherits SQLite's note that the file is locked, and not the lock itself; even
connections that it opens later rely on that note. So all are closed before the fork, and each side opens its own.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

_PATIENCE = 5.0  # seconds that a fork waits for other threads to end what they do in a store


class Forkable(Protocol):
    """What has connections."""

    def hold(self, seconds: float) -> bool:
        """Keep other threads out; False where that takes longer than `seconds`."""
        ...

    def let_go(self) -> None:
        """Let them in again."""
        ...

    def close_connections(self) -> None:
        """Close what is open; the next use opens it anew."""
        ...

    def abandon(self) -> None:
        """Never again use what was open, nor close it."""
        ...


_watched: WeakSet[Forkable] = WeakSet()
_held: list[Forkable] = []


def watch(store: Forkable) -> None:
    """Close the connections of `store` before each fork of this process."""
    _watched.add(store)


def _before() -> None:
    for store in list(_watched):
        if store.hold(_PATIENCE):
            store.close_connections()
            _held.append(store)


def _in_parent() -> None:
    while _held:
        _held.pop().let_go()


def _in_child() -> None:
    for store in list(_watched):
        if store not in _held:
            store.abandon()
    _in_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
