"""`nuvom.wait` and `as_completed`: many handles at once, as in concurrent.futures; woken, and one look for all."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import aclosing, closing
from typing import Generic, Literal, NamedTuple, TypeVar

from nuvom import _caller
from nuvom._async import in_own_thread
from nuvom._current import current_job
from nuvom._duration import Duration, seconds
from nuvom._handle import JobHandle, in_event_loop
from nuvom._job import JobStatus
from nuvom.errors import JobNotFound, shortened
from nuvom.stores.base import JobStore

R = TypeVar("R")
ReturnWhen = Literal["all", "first", "failed"]

_Batch = Mapping[str, JobStatus | None]
_ENOUGH: dict[str, Callable[[_Batch], bool]] = {
    "all": lambda _: False,
    "first": bool,
    "failed": lambda batch: not {JobStatus.FAILED, JobStatus.EXPIRED}.isdisjoint(batch.values()),
}


class Waited(NamedTuple, Generic[R]):
    """What `wait` found: the handles of jobs that are final, and of those that are not."""

    done: set[JobHandle[R]]
    open: set[JobHandle[R]]


def wait(
    handles: Iterable[JobHandle[R]], timeout: Duration | None = None, return_when: ReturnWhen = "all"
) -> Waited[R]:
    """Wait for many jobs at once; returns (done, open), also when the time is over.

    Args:
        handles: Of jobs of one app; a job named twice counts once.
        timeout: How long to wait at most: seconds, a timedelta or text such as "15m"; None: as long as it takes.
        return_when: "all" are final, the "first" is, or one "failed" (or expired) or all are final.

    Raises:
        JobNotFound: one of them was pruned.
        TypeError: one is no handle.
        ValueError: the handles are of different apps, or `return_when` is none of the three.
        RuntimeError: called in a running event loop, which it would block: await wait_async().
    """
    _refuse_loop("wait", "await wait_async()")
    enough, limit = _enough(return_when), _limit(timeout)
    store, left = _by_id(handles)
    done: set[JobHandle[R]] = set()
    with closing(_batches(store, left, limit)) as batches:
        for batch in batches:
            done.update(_taken(left, batch))
            if enough(batch):
                break
    return Waited(done, set(left.values()))


def as_completed(handles: Iterable[JobHandle[R]], timeout: Duration | None = None) -> Iterator[JobHandle[R]]:
    """Return an iterator over handles in the order in which their jobs end; those that are final come first.

    Args:
        handles: Of jobs of one app; a job named twice comes once.
        timeout: How long the last one may take from this call on; None: as long as it takes.

    Raises:
        JobNotFound: one of them was pruned.
        TimeoutError: from the iterator, when the time is over and not all are final.
        ValueError: the handles are of different apps.
        RuntimeError: called in a running event loop, which it would block: async for … in as_completed_async().
    """
    _refuse_loop("as_completed", "async for handle in as_completed_async()")
    return _in_order(*_by_id(handles), _limit(timeout))


async def wait_async(
    handles: Iterable[JobHandle[R]], timeout: Duration | None = None, return_when: ReturnWhen = "all"
) -> Waited[R]:
    """Do what `wait` does without blocking the event loop; to cancel it ends the wait."""
    enough, limit = _enough(return_when), _limit(timeout)
    store, left = _by_id(handles)
    done: set[JobHandle[R]] = set()
    async with aclosing(_batches_async(store, left, limit)) as batches:
        async for batch in batches:
            done.update(_taken(left, batch))
            if enough(batch):
                break
    return Waited(done, set(left.values()))


def as_completed_async(handles: Iterable[JobHandle[R]], timeout: Duration | None = None) -> AsyncIterator[JobHandle[R]]:
    """Do what `as_completed` does without blocking the event loop: an iterator for `async for`."""
    return _in_order_async(*_by_id(handles), _limit(timeout))


class _Limit(NamedTuple):
    said: Duration | None
    ends_at: float  # monotonic seconds

    def left(self) -> float | None:
        return None if self.said is None else max(0.0, self.ends_at - time.monotonic())


_Left = dict[str, JobHandle[R]]


def _limit(timeout: Duration | None) -> _Limit:
    return _Limit(timeout, math.inf if timeout is None else time.monotonic() + seconds(timeout, "timeout"))


def _enough(return_when: str) -> Callable[[_Batch], bool]:
    if return_when not in _ENOUGH:
        raise ValueError(f"return_when={shortened(return_when)} is none of {', '.join(map(repr, _ENOUGH))}")
    return _ENOUGH[return_when]


def _refuse_loop(name: str, instead: str) -> None:
    if in_event_loop():
        raise RuntimeError(f"{name}() would block the running event loop: {instead}")
    if current_job(None) is not None:
        _caller.warn(f"{name}() inside a job holds its worker's slot until the others end; it can wait for ever")


def _by_id(handles: Iterable[JobHandle[R]]) -> tuple[JobStore | None, _Left[R]]:
    """Return the store of the handles' one app, None where there are none, and the handles by their ids."""
    handles = list(handles)
    for index, handle in enumerate(handles):
        if not isinstance(handle, JobHandle):
            raise TypeError(
                f"handles[{index}]={shortened(handle)} must be a JobHandle; of an id, nuvom.job(id) makes one"
            )
    left = {handle.id: handle for handle in handles}
    apps = {id(handle._app): handle._app for handle in left.values()}  # noqa: SLF001  the other half of its class
    if len(apps) > 1:
        raise ValueError(
            f"handles of {len(apps)} apps cannot be waited for together: {', '.join(map(repr, apps.values()))}"
        )
    return next((app.job_store for app in apps.values()), None), left


def _batches(store: JobStore | None, left: _Left[R], limit: _Limit) -> Generator[_Batch, None, None]:
    if store is not None:
        yield from store.ended(list(left), limit.left())


async def _batches_async(store: JobStore | None, left: _Left[R], limit: _Limit) -> AsyncGenerator[_Batch, None]:
    batches = _batches(store, left, limit)
    idle = True
    try:
        while True:
            idle = False
            batch = await in_own_thread(next, batches, None)
            idle = True
            if batch is None:
                return
            yield batch
    finally:
        if idle:  # else a wait was cancelled: its thread is the last to know of it, and ends it
            await in_own_thread(batches.close)


def _in_order(store: JobStore | None, left: _Left[R], limit: _Limit) -> Iterator[JobHandle[R]]:
    with closing(_batches(store, left, limit)) as batches:
        for batch in batches:
            yield from _taken(left, batch)
    _refuse_open(left, limit)


async def _in_order_async(store: JobStore | None, left: _Left[R], limit: _Limit) -> AsyncIterator[JobHandle[R]]:
    async with aclosing(_batches_async(store, left, limit)) as batches:
        async for batch in batches:
            for handle in _taken(left, batch):
                yield handle
    _refuse_open(left, limit)


def _taken(left: _Left[R], batch: _Batch) -> list[JobHandle[R]]:
    """Take out of `left` the handles of a batch, and return them."""
    gone = next((job_id for job_id, status in batch.items() if status is None), None)
    if gone is not None:
        raise JobNotFound(gone)
    return [left.pop(job_id) for job_id in batch]


def _refuse_open(left: _Left[R], limit: _Limit) -> None:
    if left:
        some = next(iter(left))
        raise TimeoutError(f"{len(left)} of the jobs are not final after {limit.said}, {some} among them")
