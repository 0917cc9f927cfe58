"""URLs: which store each names, and what is said of those that name none."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from nuvom.errors import SettingsError
from nuvom.stores.registry import open_store


def test_a_relative_path_begins_at_the_root(tmp_path: Path) -> None:
    with closing(open_store("sqlite:///data/nuvom.db", root=tmp_path)) as store:
        assert store.url == f"sqlite:///{tmp_path}/data/nuvom.db"
        assert store.shared
        store.migrate()
    assert (tmp_path / "data" / "nuvom.db").exists()


def test_an_absolute_path_needs_no_root(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/nuvom.db", root=Path("/elsewhere"))) as store:
        store.migrate()
    assert (tmp_path / "nuvom.db").exists()


def test_each_store_in_memory_is_one_of_its_own() -> None:
    with closing(open_store("memory://")) as one, closing(open_store("memory://")) as other:
        assert (one.url, one.shared) == ("memory://", False)
        one.migrate()
        assert one is not other


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mongodb://:secret@cache", "no store for 'mongodb'"),
        ("mysql://app:secret@db/jobs", "no store for 'mysql'"),
        ("nuvom.db", "is no URL; write sqlite:///nuvom.db, postgresql://user@host/database, redis://host:6379/0 or"),
        ("", "is no URL"),
        ("memory://shared", "takes nothing after it"),
        ("sqlite://nuvom.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///data/", "names no file"),
        ("sqlite:///:memory:", "memory://"),
        ("sqlite:///nuvom.db?timeout=3", "no parameter 'timeout'"),
        ("sqlite:///nuvom.db?synchronous=off", "synchronous='off' must be full or normal"),
        ("sqlite:///nuvom.db?synchronous", "synchronous='' must be full or normal"),
        ("sqlite:///nuvom.db?synchronous=full&synchronous=full", "says synchronous twice"),
        ("sqlite:///data/..", "names a folder"),
        ("sqlite:///a\0b", "name the file otherwise"),
        ("sqlite:///\ud800", "name the file otherwise"),
        ("SQLite:///nuvom.db", "write sqlite:// in small letters"),
        ("postgresql://u:secret@db:70000/x", "a port is a number from 1 to 65535"),
        ("postgresql://u:secret@a:1,b:zero/x", "a port is a number from 1 to 65535"),
        ("postgresql://u:sec#secret@db/x", "write it as %23"),
        ("postgresql://u:secret@db/x?schema=a&schema=b", "says schema twice"),
        ("postgresql://u:secret@db/x?schema=%FF", "in UTF-8"),
        ("postgresql://u:secret@db/%FF", "in UTF-8"),
        ("postgresql://u:secret@db/x?pool=" + "9" * 5_000, "from 1 to 1000"),
        ("postgresql://u:secret@db/x?connect_timeout=soon", "connect_timeout='soon' must be a whole number"),
        ("postgresql://u:secret@db/x?sslmode=yes", "sslmode='yes' must be disable, allow,"),
    ],
)
def test_a_url_that_names_no_store_is_refused_with_a_remedy_and_without_its_password(url: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        open_store(url)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql:///jobs", "postgresql://", "postgresql:///jobs?host=/run/postgresql"])
def test_a_server_that_libpq_finds_by_itself_needs_no_host(url: str) -> None:
    with closing(open_store(url)) as store:
        assert store.url == url
