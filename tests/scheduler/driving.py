"""Ways to drive a service: step by step on a virtual clock, or in a thread of its own."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from random import Random
from time import monotonic, sleep
from typing import Any, cast

from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.scheduler.service import SchedulerService, SchedulerSettings
from nuvom.scheduler.split import enqueue_split
from nuvom.stores.base import Store
from nuvom.stores.values import JobFilter
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Five
from tests.scheduler.examples import NOON


def service_of(store: object, clock: VirtualClock | None = None, **settings: Any) -> SchedulerService:
    kept = SchedulerSettings(**settings)
    if clock is None:
        return SchedulerService(cast("Store", store), settings=kept, random=Random(1))
    return SchedulerService(cast("Store", store), settings=kept, clock=clock, random=Random(1))


def jobs_of(store: Store) -> list[str]:
    """Return who ran and when, as `name hh:mm:ss`, oldest first."""
    jobs = sorted(store.jobs.list(JobFilter(), 1000), key=lambda job: (job.scheduled_for or NOON, job.schedule_name))
    return [f"{job.schedule_name} {job.scheduled_for:%H:%M:%S}" for job in jobs]


def settle(service: SchedulerService) -> float:
    """Repeat steps until none is wanted at once."""
    for _ in range(100):
        if (pause := service.step()) > 0.05:
            return pause
    raise AssertionError("the service does not come to rest")


class Running:
    """A service in a thread of its own."""

    def __init__(self, service: SchedulerService) -> None:
        self.service = service
        self.stop = threading.Event()
        self.thread = threading.Thread(target=service.run, args=(self.stop,))

    def end(self) -> float:
        """Stop it; return how many seconds that took."""
        began = monotonic()
        self.stop.set()
        self.service.wake()
        self.thread.join(10)
        assert not self.thread.is_alive()
        return monotonic() - began


@contextmanager
def running(service: SchedulerService) -> Any:
    run = Running(service)
    run.thread.start()
    try:
        yield run
    finally:
        run.end()


def eventually(condition: Callable[[], object], within: float = 10) -> None:
    deadline = monotonic() + within
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.005)


def split_service(store: Store, five: Five, clock: VirtualClock, **fields: Any) -> SchedulerService:
    return SchedulerService(store, five, SchedulerSettings(**fields), clock, Random(1))


def enqueue(store: Store, five: Five, wanted: ScheduleEnvelope) -> str:
    return enqueue_split(five, store.ledger, wanted, store.now()).change


def state_of(store: Store, schedule_id: str) -> ScheduleState | None:
    fence = store.ledger.fence(schedule_id)
    return None if fence is None else fence.envelope.state
