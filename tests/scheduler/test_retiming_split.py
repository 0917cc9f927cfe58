"""Another release of the tz database where a backend of five methods keeps the schedules and cannot list them."""

from datetime import timedelta

from nuvom._schedule import ScheduleEnvelope
from nuvom.scheduler.split import enqueue_split
from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from nuvom.triggers.zones import release
from tests.scheduler.doubles import Five
from tests.scheduler.driving import jobs_of, settle, split_service
from tests.scheduler.examples import at, cron
from tests.scheduler.releases import HOUR, NEW, OLD, ZONE, Database, offset, told
from tests.scheduler.zone_files import tz_database


def enqueued(store: Store, five: Five, expression: str) -> ScheduleEnvelope:
    wanted = cron(expression, ZONE, store.now(), tzdata=release(), times_since=store.now())
    return enqueue_split(five, store.ledger, wanted, store.now()).envelope


def test_a_backend_without_a_list_has_a_due_schedule_moved_before_it_is_planned(
    store: Store, five: Five, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(2))):
        schedule = enqueued(store, five, "30 14 * * *")
    clock.advance(timedelta(minutes=40))
    with tz_database(database(NEW, offset(1))):
        service = split_service(store, five, clock)
        settle(service)
        assert jobs_of(store) == []
        moved = five.kept[schedule.id]
        assert (moved.next_run, moved.tzdata) == (at("2026-05-05 13:30"), NEW)
        fence = store.ledger.fence(schedule.id)
        assert fence is not None
        assert fence.envelope.generation == moved.generation > schedule.generation
        clock.advance(HOUR)
        settle(service)
    assert told(store, schedule) == ["05 13:30 dispatched"]


def test_a_backend_without_a_list_runs_late_what_the_new_rules_had_earlier(
    store: Store, five: Five, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(1))):
        schedule = enqueued(store, five, "30 14 * * *")  # 13:30 UTC
    clock.advance(timedelta(minutes=90))
    with tz_database(database(NEW, offset(2))):  # 12:30 UTC
        settle(split_service(store, five, clock))
    assert told(store, schedule) == ["05 12:30 dispatched"]
    assert five.kept[schedule.id].next_run == at("2026-05-06 12:30")


def test_a_backend_without_a_list_does_not_run_a_local_time_again(
    store: Store, five: Five, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(2))):
        schedule = enqueued(store, five, "0 15 * * *")
        clock.advance(HOUR)
        settle(split_service(store, five, clock))
        assert five.kept[schedule.id].next_run == at("2026-05-06 13:00")
    with tz_database(database(NEW, offset(1))):
        service = split_service(store, five, clock)
        for _ in range(48):
            clock.advance(HOUR)
            settle(service)
    assert told(store, schedule) == ["05 13:00 dispatched", "06 14:00 dispatched"]
