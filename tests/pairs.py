"""The pairs of engines that tests of two stores run on: one line for each."""

from __future__ import annotations

PAIRS = (  # jobs+schedules
    "sqlite+sqlite",
    "sqlite+postgresql",
    "postgresql+sqlite",
    "postgresql+postgresql",
    "redis+redis",
    "sqlite+redis",
)
