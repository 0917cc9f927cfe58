"""Settings: which source wins, what cannot be used, and where the default store lies."""

from __future__ import annotations

import os
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nuvom import Nuvom, SettingsError
from nuvom._duration import seconds, to_timedelta
from nuvom._settings import load, masked


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.nuvom]\nurl = "sqlite:///project.db"\nkeep-jobs = "2d"\ntasks = ["a", "b.*.tasks"]\n'
    )
    return tmp_path


def test_an_argument_wins_over_the_environment_and_that_over_the_project(project: Path) -> None:
    with pytest.warns(UserWarning, match="url: an argument says"):
        settings = load({"url": "sqlite:///said.db"}, environ={"NUVOM_URL": "sqlite:///environment.db"}, start=project)
    assert settings.url == "sqlite:///said.db"
    with pytest.warns(UserWarning, match=r"url: NUVOM_URL says .* wins over \[tool.nuvom\] url"):
        assert (
            load({}, environ={"NUVOM_URL": "sqlite:///environment.db"}, start=project).url == "sqlite:///environment.db"
        )
    settings = load({}, environ={}, start=project)
    assert (settings.url, settings.keep_jobs, settings.tasks) == (
        "sqlite:///project.db",
        timedelta(days=2),
        ("a", "b.*.tasks"),
    )


def test_one_warning_says_which_source_won_with_passwords_masked() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load({"url": "db://u:secret@a/x"}, environ={"NUVOM_URL": "db://u:other@a/x"}, start=Path("/"))
    [warning] = caught
    assert "secret" not in str(warning.message)
    assert "other" not in str(warning.message)
    assert "***" in str(warning.message)


def test_sources_that_agree_are_silent(project: Path) -> None:
    assert load({"url": "sqlite:///project.db"}, environ={}, start=project).url == "sqlite:///project.db"


def test_the_default_store_is_in_the_nearest_folder_with_a_project(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    settings = load({}, environ={}, start=below)
    assert settings.root == tmp_path
    assert settings.url == f"sqlite:////{str(tmp_path).lstrip('/')}/.nuvom/nuvom.db"
    assert settings.default_store


@pytest.mark.parametrize("folder", [Path("/"), Path.home()])
def test_no_store_is_made_in_the_root_or_a_home(folder: Path) -> None:
    if any((folder / mark).exists() for mark in ("pyproject.toml", ".git")):
        return
    with pytest.raises(SettingsError, match="set NUVOM_URL"):
        load({}, environ={}, start=folder)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("NUVOM_URL", "jobs.db", "is not a URL"),
        ("NUVOM_URL", "sqlite:///a\0b", "must be text"),
        ("NUVOM_SCHEDULER", "://u:secret@h/db", "package.module:Class"),
        ("NUVOM_SCHEDULER", "a module", "package.module:Class"),
        ("NUVOM_SCHEDULER", "os;x:System", "package.module:Class"),
        ("NUVOM_LEASE", "0.5", "at least 1s"),
        ("NUVOM_LEASE", "soon", "is not a duration"),
        ("NUVOM_KEEP_JOBS", "-1", "is not a duration"),
        ("NUVOM_KEEP_JOBS", "0", "longer than nothing"),
        ("NUVOM_KEEP_JOBS", "36501d", "longer than 36500 days"),
        ("NUVOM_MAX_PAYLOAD", "1MB", "number of bytes"),
        ("NUVOM_NAIVE", "ignore", "'warn' or 'error'"),
        ("NUVOM_TIMEZONE", "Mars/Olympus", "time zone"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_source(
    variable: str, value: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=variable) as caught:
        load({"url": None}, environ={variable: value}, start=tmp_path)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_unknown_setting_is_refused_where_it_was_written_for_nuvom(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no setting 'urll'; did you mean 'url'\?"):
        load({"urll": "x"}, environ={}, start=tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.nuvom]\nkeep_jobz = 1\n")
    with pytest.raises(SettingsError, match=r"\[tool.nuvom\] keep_jobz"):
        load({}, environ={}, start=tmp_path)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"timezon": "UTC"}, "did you mean 'timezone'?"),
        ({"zzz": None}, "the settings are auto_migrate, "),
        ({"lease": "soon"}, "(lease)='soon' is not a duration"),
        ({"keep_jobs": timedelta.max}, "is longer than 36500 days"),
        ({"max_payload": True}, "must be a number of bytes"),
        ({"url": 5}, "must be text"),
        ({"url": "mongodb://u:secret@h"}, "no store for 'mongodb'"),
        ({"url": "redis://u:secret@h:0"}, "a port from 1 to 65535"),
        ({"url": "memory://", "scheduler": "postgresql://u:secret@h/x?pool=0"}, "pool='0'"),
        ({"url": "memory://", "scheduler": dict}, "must be text"),
    ],
)
def test_what_an_app_cannot_be_told_is_refused_at_that_line(said: dict[str, Any], words: str) -> None:
    app = Nuvom("memory://")
    for tell in (Nuvom, app.configure):
        with pytest.raises(SettingsError) as caught:
            tell(**said)
        assert words in str(caught.value)
        assert "secret" not in str(caught.value)
    assert app.settings.url == "memory://"


def test_a_foreign_variable_is_none_of_our_business(tmp_path: Path) -> None:
    load({"url": "memory://"}, environ={"NUVOM_HOME": "x", "NUVOM_SOMETHING_ELSE": "y"}, start=tmp_path)


@pytest.mark.parametrize("text", ["[tool.nuvom", '[tool]\nnuvom = "x"\n'])
def test_a_project_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"pyproject\.toml"):
        load({}, environ={}, start=tmp_path)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(SettingsError, match="not writable"):
        load({}, environ={}, start=tmp_path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (0.5, 0.5),
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5_400),
        ("500ms", 0.5),
        ("7d", 604_800),
        (timedelta(minutes=1), 60),
    ],
)
def test_durations_are_seconds_timedeltas_or_text(value: object, expected: float) -> None:
    assert seconds(value, "in_") == expected


@pytest.mark.parametrize(
    "value", ["", "5", "m", "5 m", "-5m", "٥m", "1y", "1m" * 1_000 + "x", True, None, [], float("nan"), float("inf")]
)
def test_what_is_no_duration_is_named(value: object) -> None:
    with pytest.raises(ValueError, match="in_="):
        seconds(value, "in_")


def test_a_duration_beyond_all_time_is_named() -> None:
    with pytest.raises(ValueError, match="longer than time"):
        to_timedelta(1e300, "in_")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://me:p@ss@host/db", "postgresql://me:***@host/db"),
        ("redis://:secret@host", "redis://:***@host"),
        ("redis://host/0", "redis://host/0"),
        ("postgresql://me:p%40s%3As@host:5432/db?schema=jobs", "postgresql://me:***@host:5432/db?schema=jobs"),
        ("postgresql://me:p/ss@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:p?ss@host/db", "postgresql://me:***@host/db"),
        (
            "postgresql://me@/db?host=/run&password=s3@cret&schema=jobs",
            "postgresql://me@/db?host=/run&password=***&schema=jobs",
        ),
        ("postgresql://host:5432/db?password=s3@cret", "postgresql://host:5432/db?password=***"),
        ("postgresql:///db?sslpassword=key&%70assword=word", "postgresql:///db?sslpassword=***&%70assword=***"),
        ("postgresql://me@host/db?application_name=a@b", "postgresql://me@host/db?application_name=a@b"),
        ("host=db user=me password=s3@cret dbname=app", "host=db user=me password=***"),
        ("host=db PASSWORD = 'two words'", "host=db PASSWORD =***"),
        ("me:p@ss@host/db", "me:***@host/db"),
        ("postgresql:/me:secret@host/db", "postgresql:***@host/db"),
        ("jobs.db", "jobs.db"),
    ],
)
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize(
    ("said", "meant"), [("yes", True), ("True", True), (True, True), ("1", True), ("no", False), (False, False)]
)
def test_a_switch_is_yes_or_no(said: object, meant: bool, tmp_path: Path) -> None:
    assert load({"auto_migrate": said}, environ={}, start=tmp_path).auto_migrate is meant
    assert load({}, environ={}, start=tmp_path).auto_migrate is None


def test_what_is_neither_yes_nor_no_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="NUVOM_AUTO_MIGRATE='perhaps' must be yes or no"):
        load({}, environ={"NUVOM_AUTO_MIGRATE": "perhaps"}, start=tmp_path)
