"""Jobs of coroutine functions: one event loop for all of a process, in a thread that starts with the first."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from time import perf_counter, sleep
from typing import Any

from nuvom.worker.execution import World, execute_async
from nuvom.worker.lanes import Lane, Work, corrupt, drained
from nuvom.worker.loop_watch import LoopWatch

_REST = 0.1  # seconds until a loop that was ended goes on: one whose descriptors were closed ends again at once

log: logging.Logger = logging.getLogger("nuvom.worker")


class Coroutines:
    """The event loop and the jobs that it runs.

    Args:
        world: what an attempt takes from outside.
        ended: called when a job has ended; in the loop's thread.
    """

    def __init__(self, world: World, ended: Callable[[], None]) -> None:
        self._world = world
        self._ended = ended
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch: LoopWatch | None = None
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.lane: Lane = Lane()
        self.thread: threading.Thread | None = None

    def give(self, work: Sequence[Work]) -> None:
        """Begin jobs."""
        self.lane.give(work)
        loop = self._started()
        loop.call_soon_threadsafe(self._begin, loop)
        if self._watch is not None:
            self._watch.look()

    def submit(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        """Begin to run a coroutine in the event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._started())

    def close(self) -> None:
        """Let the loop end."""
        self._closing = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
        if self._watch is not None:
            self._watch.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self.thread = threading.Thread(target=self._turn, args=[self._loop], name="nuvom-async", daemon=True)
            self.thread.start()
            self._watch = LoopWatch(self._loop, self.thread, lambda: self.lane.load > 0)
        return self._loop

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        while not self._closing:  # a task may stop the loop that it runs in, or raise SystemExit from a callback
            try:
                loop.run_forever()
            except BaseException:
                log.exception("a callback ended the event loop; it goes on")
                sleep(_REST)
        if not self._tasks:
            loop.close()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        for work in drained(self.lane.inbox):
            task = loop.create_task(self._run(work))
            self._tasks.add(task)  # the loop itself keeps only weak references
            task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Work) -> None:
        job, task, _ = work
        began = perf_counter()
        try:
            outcome = await execute_async(job, task, self._world)
        except BaseException as error:  # noqa: BLE001 - a job without an outcome would be held for ever
            outcome = corrupt(job, error)
        self.lane.outbox.append((outcome, perf_counter() - began))
        self._ended()
