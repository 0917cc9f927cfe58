"""The job store under random use, against the model: in memory at length, on a file and a server for their own ways."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from tests import servers, valkey
from tests.machines.job_machine import JobMachine
from tests.stores.redis import consistency

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

pytestmark = pytest.mark.timeout(600)  # a failure is worth the minutes that it takes to shrink it


class JobMachineOnAFile(JobMachine):
    def url(self) -> str:
        return f"sqlite:///{self.resources.enter_context(tempfile.TemporaryDirectory())}/nuvom.db"


TestJobsInMemory = JobMachine.TestCase
TestJobsInMemory.settings = settings(max_examples=100, stateful_step_count=50, suppress_health_check=SLOW)

TestJobsOnAFile = JobMachineOnAFile.TestCase
TestJobsOnAFile.settings = settings(max_examples=15, stateful_step_count=50, suppress_health_check=SLOW)


class JobMachineOnAServer(JobMachine):
    server = ""

    def url(self) -> str:
        return servers.emptied(self.server)

    # No rules here: leases go by the clock of the server, which has no monotonic one that it could show and no boot.

    def reboot(self) -> None: ...

    def step_the_wall_clock(self, by: float) -> None: ...


class TestJobsOnAServer(JobMachineOnAServer.TestCase):
    settings = settings(max_examples=15, stateful_step_count=50, suppress_health_check=SLOW)

    @pytest.fixture(autouse=True)
    def _server(self, postgres_url: str) -> None:
        JobMachineOnAServer.server = postgres_url


class JobMachineOnRedis(JobMachineOnAServer):
    def url(self) -> str:
        return valkey.emptied(self.server)

    @invariant()
    def all_keys_tell_the_same_story(self) -> None:
        consistency.check(self.server)


class TestJobsOnRedis(JobMachineOnRedis.TestCase):
    settings = settings(max_examples=25, stateful_step_count=50, suppress_health_check=SLOW)

    @pytest.fixture(autouse=True)
    def _server(self, redis_url: str) -> None:
        JobMachineOnRedis.server = redis_url
