"""What `nuvom doctor` says of a server: what it may lose, may throw away, and does not let itself be asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import redis
from nuvom.stores.redis.store import RedisStore
from nuvom.stores.values import Health
from tests.stores.redis.conftest import Open
from tests.stores.redis.test_refusals import RULES
from tests.valkey import Server
from tests.waiting import until


@pytest.fixture(scope="module")
def kept() -> Iterator[Server]:
    """A server as one should be."""
    made = Server(appendonly="yes", appendfsync="always", maxmemory="100mb")
    yield made
    made.remove()


@pytest.fixture
def store(kept: Server, opened: Open) -> RedisStore:
    return opened(kept.url)


@pytest.fixture
def client(kept: Server) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(kept.url)) as made:
        before = {name: made.config_get(name)[name] for name in ("appendfsync", "appendonly", "maxmemory", "save")}
        yield made
        made.config_set("maxmemory-policy", "noeviction")
        for name, value in before.items():
            made.config_set(name, value)


def problem(found: Health) -> str:
    [said] = found.problems
    return said


def test_a_server_as_it_should_be_has_no_problem_and_its_facts_are_told(store: RedisStore) -> None:
    found = store.health()
    assert found.problems == ()
    assert (found.engine, found.schema, found.schema_needed) == ("valkey", 1, 1)
    assert found.version.split(".")[0].isdecimal()
    assert found.size > 0
    assert "nothing is lost" in found.facts["durability"]
    assert "of 100 MiB; noeviction" in found.facts["memory"]
    assert found.facts["replicas"] == "none"
    assert "ms after they were said" in found.facts["wake-ups"]
    assert "which rules" in found.facts["offset"]
    assert store._database.command("KEYS", "{nuvom}:*") == [b"{nuvom}:meta"]


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
def test_a_policy_that_throws_jobs_away_is_refused(store: RedisStore, client: redis.Redis, policy: str) -> None:
    client.config_set("maxmemory-policy", policy)
    found = store.health()
    [danger] = found.dangers
    assert f"maxmemory-policy {policy} throws away jobs" in danger
    assert "set it to noeviction" in danger
    assert found.problems == ()


def test_a_policy_that_can_take_only_what_ends_by_itself_is_told_as_such(
    store: RedisStore, client: redis.Redis
) -> None:
    client.config_set("maxmemory-policy", "volatile-lru")
    found = store.health()
    assert found.problems == ()
    assert "counts of throughput and no job" in found.facts["memory"]


def test_what_a_power_cut_can_lose_is_told(store: RedisStore, client: redis.Redis) -> None:
    client.config_set("appendfsync", "everysec")
    assert "loses at most what came within the last one" in store.health().facts["durability"]
    client.config_set("appendfsync", "no")
    assert "half a minute" in store.health().facts["durability"]


def test_a_server_that_keeps_nothing_or_too_little_on_disk_is_a_problem(store: RedisStore, client: redis.Redis) -> None:
    client.config_set("appendonly", "no")
    client.config_set("save", "")
    assert "loses all jobs and schedules: it saves nothing" in problem(store.health())
    client.config_set("save", "900 1")
    assert "since the last snapshot (save 900 1)" in problem(store.health())
    assert "set appendonly yes" in problem(store.health())


def test_a_server_that_is_nearly_full_is_a_problem_before_it_is_full(store: RedisStore, client: redis.Redis) -> None:
    store.health()
    client.config_set("maxmemory", str(int(client.info("memory")["used_memory"] * 1.02)))
    assert "raise maxmemory, or keep less" in problem(store.health())


def test_a_disk_that_could_not_be_written_to_is_a_problem(store: RedisStore, client: redis.Redis, kept: Server) -> None:
    (kept.folder / "dump.rdb").mkdir()
    client.bgsave()
    until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
    assert "saving to disk failed last" in problem(store.health())
    (kept.folder / "dump.rdb").rmdir()
    client.bgsave()
    until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "ok")


def test_a_server_that_shows_none_of_its_settings_is_no_problem_and_that_is_said(
    kept: Server, client: redis.Redis, opened: Open
) -> None:
    client.execute_command("ACL", "SETUSER", "app", "on", ">secret", *RULES.split(), "-info", "-config")
    found = opened(kept.url.replace("//", "//app:secret@")).health()
    assert found.problems == ()
    assert "may run neither CONFIG GET nor INFO" in found.facts["durability"]
    assert "must be noeviction" in found.facts["memory"]
    client.execute_command("ACL", "SETUSER", "app", "+info")
    found = opened(kept.url.replace("//", "//app:secret@")).health()
    assert "may not read how soon" in found.facts["durability"]
    assert "noeviction" in found.facts["memory"]


def test_a_user_who_may_not_listen_or_lacks_a_command_is_told_by_the_doctor(
    kept: Server, client: redis.Redis, opened: Open
) -> None:
    client.execute_command("ACL", "SETUSER", "deaf", "on", ">secret", *RULES.split(), "resetchannels", "-zadd")
    found = opened(kept.url.replace("//", "//deaf:secret@")).health()
    rights, wake_ups = found.problems
    assert "may not run ZADD" in rights
    assert "docs/redis.md" in wake_ups


def test_replicas_are_counted_and_one_is_no_store(kept: Server, store: RedisStore, opened: Open) -> None:
    replica = Server(replicaof=f"127.0.0.1 {kept.port}")
    try:
        until(lambda: store.health().facts["replicas"].startswith("1, "))
        store.migrate()
        assert any("is a replica, which takes no writes" in said for said in opened(replica.url).health().problems)
    finally:
        replica.remove()


def test_doctor_prints_what_was_found_and_fails_where_jobs_may_be_thrown_away(
    kept: Server, client: redis.Redis, tmp_path: Path
) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")
    command = [sys.executable, "-m", "nuvom", "doctor", "--url", kept.url]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    printed = " ".join(done.stdout.split())
    assert done.returncode == 1, printed
    assert "Valkey" in printed
    assert "maxmemory-policy allkeys-lru throws away jobs" in printed
    assert "nothing is lost" in printed
