"""The schedule store and its ledger under random use, against the model: in memory at length, elsewhere as it is."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant

from tests import servers, valkey
from tests.machines.schedule_machine import ScheduleMachine
from tests.machines.test_job_store import SLOW
from tests.stores.redis import consistency

pytestmark = pytest.mark.timeout(600)  # a failure is worth the minutes that it takes to shrink it


class ScheduleMachineOnAFile(ScheduleMachine):
    def url(self) -> str:
        return f"sqlite:///{self.resources.enter_context(tempfile.TemporaryDirectory())}/nuvom.db"


TestSchedulesInMemory = ScheduleMachine.TestCase
TestSchedulesInMemory.settings = settings(max_examples=100, stateful_step_count=50, suppress_health_check=SLOW)

TestSchedulesOnAFile = ScheduleMachineOnAFile.TestCase
TestSchedulesOnAFile.settings = settings(max_examples=15, stateful_step_count=50, suppress_health_check=SLOW)


class ScheduleMachineOnAServer(ScheduleMachine):
    server = ""

    def url(self) -> str:
        return servers.emptied(self.server)


class TestSchedulesOnAServer(ScheduleMachineOnAServer.TestCase):
    settings = settings(max_examples=15, stateful_step_count=50, suppress_health_check=SLOW)

    @pytest.fixture(autouse=True)
    def _server(self, postgres_url: str) -> None:
        ScheduleMachineOnAServer.server = postgres_url


class ScheduleMachineOnRedis(ScheduleMachine):
    server = ""

    def url(self) -> str:
        return valkey.emptied(self.server)

    @invariant()
    def all_keys_of_jobs_tell_the_same_story(self) -> None:
        consistency.check(self.server)


class TestSchedulesOnRedis(ScheduleMachineOnRedis.TestCase):
    settings = settings(max_examples=15, stateful_step_count=50, suppress_health_check=SLOW)

    @pytest.fixture(autouse=True)
    def _server(self, redis_url: str) -> None:
        ScheduleMachineOnRedis.server = redis_url
