"""How things are timed: medians of rounds that take turns, percentiles, and the CPU time of processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import psutil

ROUNDS = 3


def rate(count: int, work: Callable[[], object]) -> float:
    """How many of `count` things `work` does in a second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def in_turns(nuvom: Callable[[], float], raw: Callable[[], float], rounds: int = ROUNDS) -> tuple[float, float]:
    """The medians of two measurements that take turns, so that whatever else the machine does hits both."""
    pairs = [(nuvom(), raw()) for _ in range(rounds)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def percentile(values: Sequence[float], part: float) -> float:
    """The nearest-rank percentile: `part` of the values are not above it."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered), round(part * len(ordered))) - 1)]


def family(service: psutil.Process) -> list[psutil.Process]:
    """A process and all that it started."""
    return [service, *service.children(recursive=True)]


def cpu_percent(services: Sequence[psutil.Process], seconds: float) -> list[float]:
    """How much of one core each service takes together with its children, over the next `seconds`."""
    began, before = time.monotonic(), [_cpu_seconds(service) for service in services]
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    return [100 * (_cpu_seconds(service) - used) / elapsed for service, used in zip(services, before, strict=True)]


def _cpu_seconds(service: psutil.Process) -> float:
    times = [process.cpu_times() for process in family(service)]
    return sum(each.user + each.system for each in times)


def until(condition: Callable[[], object], what: str, seconds: float = 60.0, every: float = 0.002) -> None:
    """Return as soon as `condition()` holds; TimeoutError says `what` did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)
