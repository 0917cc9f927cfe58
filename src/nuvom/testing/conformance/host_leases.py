"""The tests of `Capability.HOST_LEASES`: a step of the wall clock expires nobody, another boot everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nuvom._job import JobState
from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import DAY, a_worker, claimed, pushed, running, the
from nuvom.testing.conformance.harness import Harness


@pytest.mark.parametrize("step", [DAY, -DAY], ids=str)
def test_a_step_of_the_wall_clock_ends_no_lease(
    store: Store, clock: VirtualClock, harness: Harness, step: timedelta
) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    clock.step(step)
    assert store.workers.rescue() == 0
    assert store.jobs.next_wakeup().lease == pytest.approx(harness.lease, abs=1e-5)
    assert store.workers.heartbeat([worker]) == frozenset()
    assert [info.alive for info in store.workers.list()] == [True]
    assert the(store, job.id).state is JobState.RUNNING
    pushed(store)
    assert len(claimed(store, worker)) == 1


@pytest.mark.parametrize("step", [DAY, -DAY], ids=str)
def test_a_step_of_the_wall_clock_prolongs_no_lease(
    store: Store, clock: VirtualClock, harness: Harness, step: timedelta
) -> None:
    running(store)
    clock.step(step)
    clock.advance(harness.lease + 1)
    assert store.workers.rescue() == 1


def test_every_lease_ends_with_the_boot(store: Store, clock: VirtualClock) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    clock.reboot()
    pushed(store)
    assert claimed(store, worker) == []
    assert store.workers.heartbeat([worker]) == {worker}
    assert store.workers.rescue() == 1
    assert (the(store, job.id).state, the(store, job.id).suspect) == (JobState.READY, True)
    assert len(claimed(store, a_worker(store))) == 1
