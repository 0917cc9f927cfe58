"""What the worker's tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.worker.service import Site

MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    """Make a folder with a store and tasks; closed afterwards."""
    made: list[Site] = []

    def make(tasks: str, *, lease: float = 2.0) -> Site:
        made.append(Site(tmp_path, tasks, lease=lease))
        return made[-1]

    yield make
    for site in made:
        site.app.close()
