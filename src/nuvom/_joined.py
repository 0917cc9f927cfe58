"""Open blocks of `nuvom.transaction`: which store works in a transaction of the caller's, seen from this place.

A place is a thread, or a task of an event loop: a block belongs to the one that opened it. A call that an `a…` twin
hands to a thread still comes from the place of its caller.
"""

from __future__ import annotations

import os
import sys
import threading
from contextvars import ContextVar
from typing import Any, Protocol


class Theirs(Protocol):
    """What a store does on a connection of the caller's; the rest is the store's own business."""

    @property
    def asynchronous(self) -> bool:
        """Whether the connection belongs to an event loop."""
        ...

    def check(self) -> None:
        """Refuse a connection of no use; an asynchronous one, which has to be asked for that, from another thread."""
        ...


class Place:
    """Where calls come from."""

    __slots__ = ("left", "process", "task", "thread")

    def __init__(self, thread: int, task: object) -> None:
        self.process: int = os.getpid()  # a child of a fork has the connection of its parent, and may say nothing on it
        self.thread: int = thread
        self.task: object = task
        self.left: bool = False  # whoever waited for this call was cancelled: it is to do nothing more

    def is_at(self, other: Place) -> bool:
        """Tell whether both are one place."""
        if self.process != other.process:
            return False
        return self.task is other.task if self.task is not None else self.thread == other.thread


class Block:
    """One block: what its store does, and where."""

    __slots__ = ("open", "owner", "place", "theirs")

    def __init__(self, owner: object, theirs: Theirs) -> None:
        self.owner: object = owner
        self.theirs: Theirs = theirs
        self.place: Place = place()
        self.open: bool = True


_blocks: ContextVar[tuple[Block, ...]] = ContextVar("blocks", default=())
_sent: ContextVar[Place | None] = ContextVar("sent", default=None)


def place() -> Place:
    """Return where the call that runs now comes from."""
    sent = _sent.get()
    if sent is not None:
        return sent
    task: object = None
    if "asyncio" in sys.modules:  # else nobody runs a loop, and importing it costs
        import asyncio

        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
    return Place(threading.get_ident(), task)


def current(owner: object) -> Any | None:
    """Return what `owner` does in the innermost open block of its own, None outside of any.

    Raises:
        RuntimeError: another thread, task or process opened the block and this one inherited its context: nobody can
            say whether what is said here belongs to it.
    """
    blocks = _blocks.get()
    if not blocks:
        return None
    if (sent := _sent.get()) is not None and sent.left:
        raise RuntimeError("the caller of this was cancelled inside nuvom.transaction(…): nothing more is done for it")
    found = next((block for block in reversed(blocks) if block.open and block.owner is owner), None)
    if found is None:
        return None
    if not found.place.is_at(place()):
        raise RuntimeError(
            "another task, thread or process opened nuvom.transaction(…), and its block is still open: say it there, "
            "one after the other (no gather, no create_task), or start this one outside of the block"
        )
    return found.theirs


def refuse_waiting(owner: object) -> None:
    """Raise RuntimeError where a wait for a job could only end after the transaction that is open here."""
    if current(owner) is not None:
        raise RuntimeError(
            "no job can be waited for inside nuvom.transaction(…): what was pushed in it runs after its commit; "
            "wait after that"
        )


def refuse(what: str) -> None:
    """Raise RuntimeError inside of any block.

    Args:
        what: cannot be part of a transaction of the caller's, as a sentence without its end.
    """
    if is_open():
        raise RuntimeError(f"{what} inside nuvom.transaction(…); do it before the block or after it")


def begin(block: Block) -> None:
    """Let calls from here on be said in a block."""
    _blocks.set((*_blocks.get(), block))


def end(block: Block) -> None:
    """End a block wherever its context was copied to."""
    block.open = False
    _blocks.set(tuple(each for each in _blocks.get() if each.open))


def is_open() -> bool:
    """Tell whether any block is open here."""
    return any(block.open for block in _blocks.get())


def holds_thread() -> bool:
    """Tell whether calls have to stay in this thread: the innermost block's connection may be of no use in another."""
    innermost = next((block for block in reversed(_blocks.get()) if block.open), None)
    return innermost is not None and not innermost.theirs.asynchronous


def send() -> Place:
    """Note in this context, a copy for another thread, that calls come from here; returns the place, to be left."""
    here = place()
    sent = Place(here.thread, here.task)
    _sent.set(sent)
    return sent
