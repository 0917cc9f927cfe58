"""What is printed: for people without surprises, for programs without noise."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from nuvom import Nuvom
from nuvom._moments import distance, local, span
from tests.cli.conftest import Project

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def on_a_terminal(project: Project, *words: str, **environ: str) -> str:
    """What a command prints on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nuvom", *words]
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm-256color"}
    with subprocess.Popen(
        command, cwd=project.root, env=env | {"COLUMNS": "80"} | environ, stdout=theirs, stderr=subprocess.PIPE
    ):
        os.close(theirs)
        printed = b""
        while part := _read(ours):
            printed += part
    os.close(ours)
    return printed.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the end of a terminal on Linux
        return b""


def test_a_terminal_has_colour_and_no_color_takes_it_away(project: Project, app: Nuvom) -> None:
    app.registry["tasks.add"].delay(1)
    app.drain()
    assert "\x1b[32m" in on_a_terminal(project, "jobs", "list")
    assert "\x1b[3" not in on_a_terminal(project, "jobs", "list", NO_COLOR="1")


def test_what_is_no_terminal_has_neither_colour_nor_cut_lines(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("a reason that is far longer than what is left of a line of eighty columns" * 2)
    app.drain()
    out = project.call("jobs", "list", FORCE_COLOR="").out
    assert "\x1b" not in out
    assert app.jobs.list()[0].id in out


def test_a_narrow_terminal_folds_cells_and_keeps_ids_whole(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("a reason that is longer than what is left of a line of eighty columns")
    app.drain()
    out = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal(project, "jobs", "list", NO_COLOR="1"))
    assert app.jobs.list()[0].id in out
    assert "tasks.fail  failed" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out


def test_what_a_task_says_cannot_steer_the_terminal(project: Project, app: Nuvom) -> None:
    app.registry["tasks.fail"].delay("\x1b[2Jgone \x07 [red]not markup[/red]")
    app.drain()
    job = app.jobs.list()[0]
    for words in (["jobs", "list"], ["jobs", "show", job.id]):
        out = project.inside(*words).out
        assert "\x1b" not in out
        assert "\x07" not in out
        assert "\\x1b[2Jgone" in out
        assert "[red]not markup[/red]" in out


def test_an_error_cannot_steer_the_terminal(project: Project, app: Nuvom) -> None:
    app.store.migrate()
    assert "\x1b" not in project.inside("schedules", "show", "\x1b[2J").err


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(microseconds=310), "0.31 ms"),
        (timedelta(milliseconds=120), "120 ms"),
        (timedelta(seconds=1.5), "1.5 s"),
        (timedelta(seconds=59.6), "1 m"),
        (timedelta(minutes=12), "12 m"),
        (timedelta(hours=2, minutes=5, seconds=9), "2 h 5 m"),
        (timedelta(days=400), "400 d"),
        (-timedelta(minutes=3), "-3 m"),
        (None, None),
    ],
)
def test_spans_have_at_most_two_units(length: timedelta | None, text: str | None) -> None:
    assert span(length) == text


def test_distances_look_ahead_and_back() -> None:
    assert distance(NOW + timedelta(minutes=12), NOW) == "in 12 m"
    assert distance(NOW - timedelta(hours=3), NOW) == "3 h ago"
    assert distance(None, NOW) is None


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-03-01 12:00:00 UTC"),
        ("Europe/Paris", "2026-03-01 13:00:00 CET (Europe/Paris)"),
        ("America/Sao_Paulo", "2026-03-01 09:00:00 -03 (America/Sao_Paulo)"),
    ],
)
def test_times_name_their_zone(zone: str, text: str) -> None:
    assert local(NOW, zone) == text


def test_fractions_are_shown_where_there_are_any() -> None:
    assert local(NOW + timedelta(milliseconds=250)) == "2026-03-01 12:00:00.250 UTC"
