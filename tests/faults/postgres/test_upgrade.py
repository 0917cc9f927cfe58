"""Two releases beside each other, one with a newer schema: who can work goes on, and who cannot says why and waits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from nuvom.stores.base import Store
from nuvom.stores.postgres.address import parse
from nuvom.testing.conformance.examples import every
from tests.faults.services import BACK, Place
from tests.waiting import until

# A release with one migration more than this one has; Python reads it before all else.
NEWER = """
from nuvom.stores.postgres import migrations

last = migrations.VERSION
migrations.MIGRATIONS += (migrations.Migration(last + 1, "next", compatible_from={compatible_from}),)
migrations.VERSION = last + 1
known = migrations.source
migrations.source = lambda folder, name: (
    "ALTER TABLE nuvom.jobs ADD COLUMN colour text;" if name == "next" else known(folder, name)
)
"""


@pytest.fixture
def place(tmp_path: Path, straight: str) -> Iterator[Place]:
    with Place(tmp_path, straight, straight) as place:
        yield place


def newer(place: Place, compatible_from: int) -> str:
    """Return the folder that makes a process one of a newer release, as PYTHONPATH takes it."""
    folder = place.folder / "newer"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NEWER.format(compatible_from=compatible_from))
    return str(folder)


def migrated_by(place: Place, release: str) -> str:
    """Run `nuvom migrate` of a release; returns what it printed."""
    command = [sys.executable, "-m", "nuvom", "migrate", "--url", place.url]
    return subprocess.run(
        command, env={**os.environ, "PYTHONPATH": release}, capture_output=True, text=True, check=True, cwd=place.folder
    ).stdout


def columns(place: Place) -> list[str]:
    """Return the columns of jobs that only a newer release makes."""
    address = parse(place.direct)
    with closing(psycopg.connect(address.conninfo)) as connection:
        found = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND column_name = 'colour'",
            (address.schema,),
        ).fetchall()
    return [name for (name,) in found]


def works(place: Place) -> None:
    """Wait until a job has run that had not before."""
    ran = len(place.lines("ran"))
    until(lambda: len(place.lines("ran")) > ran, timeout=15)


def test_old_and_new_services_work_side_by_side_on_a_schema_that_both_can_use(place: Place, direct: Store) -> None:
    often = every(0.3, direct.now() + timedelta(seconds=0.3), task="count")
    direct.schedules.upsert(often)
    release = newer(place, compatible_from=1)
    old = place.start("runscheduler", "runworker")
    [new] = place.start("runworker", PYTHONPATH=release)
    new.waits_for(r"has schema \d+ of \d+: run `nuvom migrate`")
    works(place)
    assert columns(place) == []  # no service changes tables by itself
    assert "next" in migrated_by(place, release)
    new.waits_for(BACK)
    scheduler, worker = old
    worker.end()
    works(place)  # the new one does it all
    [latecomer] = place.start("runworker")
    new.end()
    works(place)  # so does one of the old release that starts after the migration
    direct.schedules.cancel(often.id)
    assert scheduler.lives
    assert latecomer.lives
    assert all("away" not in service.said() for service in (scheduler, worker, latecomer))


def test_a_release_that_cannot_work_beside_a_newer_schema_says_so_and_waits(place: Place, direct: Store) -> None:
    migrated_by(place, newer(place, compatible_from=99))
    services = place.start("runscheduler", "runworker")
    for service in services:
        service.waits_for(r"needs a release with schema 99 or later; this one has \d+: upgrade nuvom here")
        assert service.lives
        assert service.told(BACK) == 0
