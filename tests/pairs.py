"""The pairs of engines that tests of two stores run on: one line for each."""

from __future__ import annotations

PAIRS = ("sqlite+sqlite", "sqlite+postgresql", "postgresql+sqlite", "postgresql+postgresql")  # jobs+schedules
