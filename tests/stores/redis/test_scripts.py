"""Each operation is a script: it compiles on the server, says what it is for, and survives being forgotten there."""

from __future__ import annotations

from contextlib import closing
from importlib.resources import files

import pytest

import redis
from nuvom.stores.redis.scripts import load
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import pushed, the

FOLDER = files("nuvom.stores.redis").joinpath("lua")
SCRIPTS = sorted(each.name.removesuffix(".lua") for each in FOLDER.iterdir() if each.name.endswith(".lua"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_compiles_on_the_server_under_the_name_that_is_expected(name: str, redis_url: str) -> None:
    script = load(name)
    with closing(redis.Redis.from_url(redis_url)) as client:
        assert client.script_load(script.source.decode()) in (script.sha, script.sha.encode())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_in_its_first_lines_what_it_needs_and_what_it_is_for(name: str) -> None:
    needs, said, *_ = FOLDER.joinpath(f"{name}.lua").read_text().splitlines()
    assert needs.startswith("-- needs: store")
    assert said.startswith("-- ")


def test_a_server_that_forgot_its_scripts_is_told_them_again(redis_url: str) -> None:
    with closing(open_store(redis_url)) as store, closing(redis.Redis.from_url(redis_url)) as client:
        pushed(store)
        client.script_flush()
        there = pushed(store)
        client.script_flush()
        assert the(store, there).id == there
