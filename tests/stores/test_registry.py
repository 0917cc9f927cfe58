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
    ],
)
def test_a_url_that_names_no_store_is_refused_with_a_remedy_and_without_its_password(url: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        open_store(url)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
