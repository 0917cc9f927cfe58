"""What every test may rely on: no settings of the developer's own shell, and examples that may take their time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

from tests import servers, valkey
from tests.pairs import PAIRS, urls_of

for name in [name for name in os.environ if name.startswith("NUVOM_")]:
    del os.environ[name]

# A deadline measures the machine, not the code; a failure prints what is needed to repeat it.
settings.register_profile("nuvom", settings.get_profile("default"), deadline=None, print_blob=True)
settings.load_profile("nuvom")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real server, one for each process of the tests."""
    with servers.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_schema(postgres_server: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    servers.migrated(servers.with_parameters(postgres_server, schema=name)).close()
    yield name
    servers.drop_schema(postgres_server, name)


@pytest.fixture
def postgres_url(postgres_server: str, _postgres_schema: str) -> str:
    """The URL of an empty, migrated store."""
    return servers.emptied(servers.with_parameters(postgres_server, schema=_postgres_schema))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a real server, one for each process of the tests."""
    with valkey.valkey() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty store."""
    return valkey.emptied(redis_server)


@pytest.fixture(scope="session")
def _other_postgres_schema(postgres_server: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    servers.migrated(servers.with_parameters(postgres_server, schema=name)).close()
    yield name
    servers.drop_schema(postgres_server, name)


@pytest.fixture
def other_postgres_url(postgres_server: str, _other_postgres_schema: str) -> str:
    """The URL of another empty, migrated store."""
    return servers.emptied(servers.with_parameters(postgres_server, schema=_other_postgres_schema))


@pytest.fixture(params=PAIRS)
def pair_urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The URLs of two empty stores, for jobs and for schedules: one pair of engines after the other."""
    return urls_of(request, tmp_path)
