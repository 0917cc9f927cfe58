"""Schedulers side by side that are killed again and again: each occurrence is dispatched exactly once, none is lost."""

from __future__ import annotations

import random
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from nuvom._schedule import Overlap
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import daily, every, one_off
from tests.faults import invariants
from tests.faults.services import Place
from tests.waiting import until

SCHEDULERS, ONE_OFFS, SECONDS = 3, 300, 8


def scheduled(store: Store) -> None:
    """Schedule what comes due all the time, herds that come due once, and what moves and ends meanwhile."""
    now = store.now()
    for number in range(8):
        first = now + timedelta(seconds=0.2 * number)
        overlap = (Overlap.ALLOW, Overlap.SKIP, Overlap.QUEUE_ONE, Overlap.CANCEL_OTHER)[number % 4]
        store.schedules.upsert(every(0.4, first, name=f"often-{number}", task="count", overlap=overlap))
    for number in range(ONE_OFFS):
        at = now + timedelta(seconds=number % 3 * SECONDS / 3)
        store.schedules.upsert(one_off(at, name=f"once-{number}", task="count"))
    store.schedules.upsert(daily(now + timedelta(days=1), name="idle", task="count"))


def test_schedulers_that_are_killed_again_and_again_dispatch_each_occurrence_once(
    tmp_path: Path, redis_url: str
) -> None:
    with closing(open_store(redis_url)) as store, Place(tmp_path, redis_url, redis_url) as place:
        place.start("runworker", *["runscheduler"] * SCHEDULERS)
        scheduled(store)
        ending = time.monotonic() + SECONDS
        with invariants.watched(redis_url, every=0.5):
            while time.monotonic() < ending:
                victim = random.choice([each for each in place.services if each.command == "runscheduler"])
                time.sleep(random.uniform(0.5, 1.0))  # a killing at no moment in particular
                victim.end()
                place.services.remove(victim)
                place.start("runscheduler")
        until(lambda: not [each for each in store.schedules.upcoming(1_000) if each.at], timeout=30)
        for service in place.services:
            if service.command == "runscheduler":
                service.end()
        until(lambda: not set(invariants.OPEN) & invariants.states(redis_url).keys(), timeout=30)
        invariants.check(redis_url)
        ran = place.lines("ran")
        assert len(ran) == len(set(ran)), "no job ran twice: no worker was killed"
        assert store.schedules.by_name("idle") is not None, "what is not due stays"
        assert invariants.states(redis_url).get("succeeded", 0) >= ONE_OFFS + SECONDS
