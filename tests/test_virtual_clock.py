"""The clock of tests: it stands still, and its two times move as those of a host do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nuvom.testing.clock import VirtualClock

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_time_passes_on_both_clocks_when_it_is_told_to() -> None:
    clock = VirtualClock(START)
    before = clock.monotonic()
    assert clock.now() == START
    clock.advance(1.5)
    clock.advance(timedelta(minutes=1))
    assert clock.now() == START + timedelta(seconds=61.5)
    assert clock.monotonic() == before + 61.5


def test_a_step_of_the_wall_clock_takes_no_time() -> None:
    clock = VirtualClock(START)
    before = clock.monotonic()
    clock.step(-300)
    assert (clock.now(), clock.monotonic()) == (START - timedelta(minutes=5), before)


def test_time_does_not_pass_backwards() -> None:
    clock = VirtualClock(START)
    with pytest.raises(ValueError, match=r"step\(\)"):
        clock.advance(-1)
    assert clock.now() == START


def test_a_reboot_begins_another_count() -> None:
    clock = VirtualClock(START)
    boot, before = clock.boot(), clock.monotonic()
    clock.reboot()
    assert clock.boot() != boot
    assert clock.monotonic() < before
    assert clock.now() == START
