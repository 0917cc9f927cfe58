"""A job that blocks the event loop is named, and costs nobody a lease."""

from __future__ import annotations

import re

import pytest

from nuvom._job import JobStatus
from tests.waiting import until
from tests.worker.conftest import MakeSite

TASKS = """
import asyncio

def blocking_line():
    time.sleep(2.6)

@nuvom.task(name="direct")
async def direct() -> int:
    blocking_line()
    return nuvom.current_job().attempt

@nuvom.task(name="in_a_task")
async def in_a_task() -> int:
    await asyncio.create_task(direct.function())
    return nuvom.current_job().attempt

@nuvom.task(name="in_a_callback")
async def in_a_callback() -> int:
    asyncio.get_running_loop().call_soon(blocking_line)
    await asyncio.sleep(0.01)
    return nuvom.current_job().attempt
"""


@pytest.mark.parametrize("task", ["direct", "in_a_task", "in_a_callback"])
def test_a_task_that_blocks_the_event_loop_is_named_with_its_line_and_heartbeats_go_on(
    make_site: MakeSite, task: str
) -> None:
    site = make_site(TASKS, lease=1.0)
    with site.serve(), site.serve():
        job = site.push(task)
        final = site.final(job)
        assert (final.status, final.value) == (JobStatus.SUCCEEDED, b"1")

        def heard() -> str:
            return "".join(log.read_text() for log in site.folder.glob("service-*"))

        until(lambda: "the event loop goes on after" in heard())  # it is looked at a few times a second
        said = heard()
    [warning] = re.findall(r"WARNING .* (job .* blocks the event loop for (.*) s now, in (.*))", said)
    assert warning[0].startswith(f"job {job} of task '{task}' ")
    assert 1 <= float(warning[1]) < 2.5
    assert re.fullmatch(r".*tasks\.py, line 7, in blocking_line", warning[2])
