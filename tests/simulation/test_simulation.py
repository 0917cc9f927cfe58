"""A slice of the simulation in every run of the tests; `./run simulate` goes on from there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.many import on_one_processor
from tests.simulation.simulation import Report, simulate

CHUNK = 50
MEMORY = range(0, 1_000, CHUNK)
ON_FILES = range(1_000_000, 1_000_060, 20)
IN_TWO = range(2_000_000, 2_000_300, CHUNK)

# A cron of six fields is told how it was read.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# Whatever failed once is tried again. A change of what a seed draws makes another story of it: each bug of the product
# has a test of its own too.
FOUND = (
    (145, "memory"),  # a worker that was stopped while it looked for jobs did not look again for minutes
    (79, "memory"),  # the same interval said again moved the grid of a schedule
    (787, "memory"),  # two callers give one name two meanings, and what was due of the first had no row
    (1_111, "memory"),  # a schedule is changed between a scheduler's look and its dispatch
    (24_109, "memory"),  # a job that gave up in one queue hid a job of another
    (12_597, "memory"),  # a job held by one that waits for a wall clock that was set back
)


@pytest.fixture(autouse=True)
def one_processor() -> Iterator[None]:
    with on_one_processor():
        yield


def verdict(report: Report) -> str | None:
    """Say what went wrong and how to see it."""
    if report.failure is None:
        return None
    return f"{report.failure}; see it: ./run simulate --seed {report.seed} --store {report.store} --trace"


@pytest.mark.parametrize("first", MEMORY)
def test_every_promise_holds_under_every_seed(first: int) -> None:
    assert next((wrong for seed in range(first, first + CHUNK) if (wrong := verdict(simulate(seed)))), None) is None


@pytest.mark.parametrize("first", ON_FILES)
def test_every_promise_holds_where_each_process_has_connections_of_its_own(first: int) -> None:
    seeds = range(first, first + 20)
    assert next((wrong for seed in seeds if (wrong := verdict(simulate(seed, "sqlite")))), None) is None


@pytest.mark.parametrize("first", IN_TWO)
def test_every_promise_holds_where_schedules_are_in_another_store_than_jobs(first: int) -> None:
    seeds = range(first, first + CHUNK)
    assert next((wrong for seed in seeds if (wrong := verdict(simulate(seed, "split")))), None) is None


@pytest.mark.parametrize(("seed", "store"), FOUND)
def test_what_a_seed_once_found_is_mended(seed: int, store: str) -> None:
    assert verdict(simulate(seed, store)) is None


def test_a_seed_gives_the_same_events_each_time() -> None:
    first, again = simulate(7, trace=True), simulate(7, trace=True)
    assert first.trace
    assert first.trace == again.trace
    assert simulate(7, "sqlite", trace=True).trace == first.trace
