"""The pairs of engines that tests of two stores run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import servers

ENGINES = ("sqlite", "postgresql", "redis")
PAIRS = [f"{queue}+{keeper}" for queue in ENGINES for keeper in ENGINES]  # jobs+schedules
EACH_ROLE = ("sqlite+postgresql", "postgresql+redis", "redis+sqlite")  # each engine once for jobs, once for schedules


def urls_of(request: pytest.FixtureRequest, folder: Path) -> tuple[str, str]:
    """Return the URLs of two empty stores, for jobs and for schedules, of the engines that the parameter names."""
    queue, keeper = request.param.split("+")
    return _url_of(queue, "jobs", request, folder), _url_of(keeper, "schedules", request, folder)


def _url_of(engine: str, role: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if engine == "sqlite":
        return f"sqlite:///{folder / role}.db"
    if engine == "redis":
        return servers.with_parameters(request.getfixturevalue("redis_url"), prefix=role)
    url: str = request.getfixturevalue("postgres_url" if role == "jobs" else "other_postgres_url")
    return url
