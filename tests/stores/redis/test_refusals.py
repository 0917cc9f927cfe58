"""What a server refuses is said with the store, its own words and the remedy; nothing of it was done."""

from __future__ import annotations

import re
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from textwrap import dedent

import pytest

import redis
from nuvom.errors import SchemaTooNew, StoreBusy, StoreError, StoreFull, StoreUnavailable, StoreUnusable
from nuvom.stores.redis.connections import call
from nuvom.stores.redis.store import RedisStore
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, pushed, succeeded, the
from tests.faults.redis.proxy import Proxy
from tests.stores.redis.conftest import Open
from tests.valkey import Server
from tests.waiting import until

GUIDE = Path(__file__).parents[3] / "docs" / "redis.md"
[RULES] = re.findall(r"ACL SETUSER nuvom on >secret (.*)", GUIDE.read_text())


@contextmanager
def admin(server: Server) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(server.url)) as client:
        yield client


def as_user(server: Server, name: str) -> str:
    return server.url.replace("//", f"//{name}:secret@")


def test_a_user_with_the_rights_that_the_guide_names_can_do_all(server: Server, opened: Open) -> None:
    with admin(server) as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">secret", *RULES.split())
    store = opened(as_user(server, "app"))
    worker, job_id = a_worker(store), pushed(store)
    with closing(store.listener("worker")):
        until(lambda: store._hub._listening)
    [job] = claimed(store, worker)
    assert store.jobs.finish(worker, [succeeded(job)]) == []
    assert the(store, job_id).state == "succeeded"


def test_a_user_who_lacks_a_command_of_a_script_is_refused_before_any_script_ends_halfway(
    server: Server, opened: Open
) -> None:
    with admin(server) as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">secret", *RULES.split(), "-zadd", "-hdel")
        store = opened(as_user(server, "app"))
        with pytest.raises(StoreUnusable, match=r"may not run .*HDEL, .*ZADD.*docs/redis\.md"):
            store.jobs.push([a_job()])
        assert client.keys("{nuvom}:job:*") == []


def test_a_user_who_may_not_publish_does_all_but_wake_others(server: Server, opened: Open) -> None:
    with admin(server) as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">secret", *RULES.split(), "resetchannels")
    store = opened(as_user(server, "app"))
    assert the(store, pushed(store)).state == "ready"


@pytest.mark.parametrize("url", ["redis://nobody:hunter2@", "redis://:hunter2@", "redis://"])
def test_a_wrong_user_or_password_is_said_and_not_shown(server: Server, opened: Open, url: str) -> None:
    with admin(server) as client:
        client.config_set("requirepass", "another")
        store = opened(server.url.replace("redis://", url))
        with pytest.raises(StoreUnusable, match="refuses this user") as error:
            store.jobs.push([a_job()])
        assert "hunter2" not in str(error.value)
        client.execute_command("AUTH", "another")
        client.config_set("requirepass", "")


def test_a_server_without_memory_takes_nothing_and_keeps_what_it_has(server: Server, opened: Open) -> None:
    store = opened(server.url)
    worker, kept = a_worker(store), pushed(store)
    with admin(server) as client:
        client.config_set("maxmemory", "1")
        refused = a_job()
        with pytest.raises(StoreFull, match="raise its maxmemory; what is stored is intact") as error:
            store.jobs.push([refused])
        assert not error.value.unknown
        assert store.jobs.get(refused.id) is None
        client.config_set("maxmemory", "0")
    assert store.jobs.push([refused])[0].new
    assert {job.id for job in claimed(store, worker)} == {kept, refused.id}


def test_a_server_that_cannot_write_to_its_disk_takes_nothing_until_it_can(server: Server, opened: Open) -> None:
    store = opened(server.url)
    kept = pushed(store)
    with admin(server) as client:
        client.config_set("save", "900 1")
        (server.folder / "dump.rdb").mkdir()  # where it wants to save to
        client.bgsave()
        until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        with pytest.raises(StoreFull, match="cannot write to its disk") as error:
            store.jobs.push([a_job()])
        assert not error.value.unknown
        assert the(store, kept).id == kept
        (server.folder / "dump.rdb").rmdir()
        client.bgsave()
        until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "ok")
    pushed(store)


def test_a_replica_takes_nothing_and_says_what_to_name(server: Server, opened: Open) -> None:
    store = opened(server.url)
    kept = pushed(store)
    with admin(server) as client:
        client.config_set("replica-serve-stale-data", "yes")
        client.replicaof("127.0.0.1", "1")
        with pytest.raises(StoreUnavailable, match=r"is a replica.*redis\+sentinel://") as error:
            store.jobs.push([a_job()])
        assert not error.value.unknown
        assert the(store, kept).id == kept
        client.config_set("replica-serve-stale-data", "no")
        with pytest.raises(StoreUnavailable, match="takes no commands now"):
            store.jobs.get(kept)
        client.execute_command("REPLICAOF", "NO", "ONE")
    pushed(store)


def test_a_server_with_too_few_replicas_says_so(server: Server, opened: Open) -> None:
    with admin(server) as client:
        client.config_set("min-replicas-to-write", "1")
        with pytest.raises(StoreUnavailable, match="min-replicas-to-write"):
            opened(server.url).jobs.push([a_job()])


def test_a_script_of_somebody_elses_that_does_not_end_is_named_as_the_reason(server: Server, opened: Open) -> None:
    store = opened(server.url)
    job_id = pushed(store)
    with admin(server) as client, ThreadPoolExecutor() as pool:
        client.config_set("busy-reply-threshold", "50")
        endless = pool.submit(client.eval, "while true do end", 0)
        until(lambda: _is_busy(store))
        with pytest.raises(StoreBusy, match="SCRIPT KILL") as error:
            store.jobs.push([a_job()])
        assert not error.value.unknown
        with admin(server) as other:
            other.script_kill()
        with pytest.raises(redis.ResponseError):
            endless.result(10)
    assert the(store, job_id).id == job_id


def _is_busy(store: RedisStore) -> bool:
    try:
        store._database.read("get_job", "x")
    except StoreBusy:
        return True
    return False


def test_a_database_that_the_server_does_not_have_is_refused(server: Server, opened: Open) -> None:
    with pytest.raises(StoreUnusable, match="no such database"):
        opened(server.url.replace("/0", "/99")).jobs.push([a_job()])


def test_a_store_of_a_newer_release_is_refused_and_left_alone(redis_url: str, opened: Open) -> None:
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.hset("{nuvom}:meta", mapping={"schema": 9, "compatible_from": 8, "born": "b"})
        store = opened(redis_url)
        for act in (store.migrate, store.pending, lambda: store.jobs.push([a_job()])):
            with pytest.raises(SchemaTooNew, match="has schema 9, which needs a release with schema 8 or later"):
                act()
        assert client.keys() == [b"{nuvom}:meta"]
        client.hset("{nuvom}:meta", "compatible_from", 1)
        assert store.migrate() == []


def test_migrate_succeeds_and_has_nothing_to_do(redis_url: str, opened: Open) -> None:
    store = opened(redis_url)
    assert (store.migrate(), store.migrate(), store.pending().names) == ([], [], [])


class _Old(socketserver.StreamRequestHandler):
    """A server of long ago, as far as it is asked."""

    def handle(self) -> None:
        info = b"redis_version:5.0.14\r\n"
        while line := self.rfile.readline():
            for _ in range(int(line[1:])):
                self.rfile.readline()
                word = self.rfile.readline().strip()
                self.wfile.write(b"$%d\r\n%s\r\n" % (len(info), info) if word == b"INFO" else b"")


def test_a_server_that_is_too_old_is_refused_with_its_version(opened: Open) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Old) as old:
        old.daemon_threads = True
        threading.Thread(target=old.serve_forever, daemon=True).start()
        store = opened(f"redis://127.0.0.1:{old.server_address[1]}/0")
        with pytest.raises(StoreUnusable, match=r"is Redis 5\.0\.14, and a store needs Redis 6\.2 or newer, or Valkey"):
            store.jobs.push([a_job()])
        old.shutdown()


class _Web(socketserver.StreamRequestHandler):
    """A server of something else, which answers whatever it is told in its own way."""

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_port_of_another_kind_of_server_is_said_to_be_none_of_redis_and_services_wait(opened: Open) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Web) as web:
        web.daemon_threads = True
        threading.Thread(target=web.serve_forever, daemon=True).start()
        store = opened(f"redis://127.0.0.1:{web.server_address[1]}/0")
        with pytest.raises(StoreUnavailable, match=r"does not answer as Redis does.*whether its port is that of"):
            store.jobs.push([a_job()])
        web.shutdown()


@pytest.mark.parametrize("parameter", ["ssl_ca_certs", "ssl_certfile"])
def test_a_file_for_tls_that_is_not_there_is_said_to_be_wrong_and_not_the_server(
    redis_url: str, opened: Open, parameter: str
) -> None:
    store = opened(f"rediss://{redis_url.partition('//')[2]}?{parameter}=/nowhere/file.pem")
    with pytest.raises(StoreUnusable, match=r"TLS failed .*No such file.*see ssl_ca_certs and its like in NUVOM_URL"):
        store.jobs.push([a_job()])


def test_a_port_that_answers_nothing_to_tls_is_said_to_speak_none_perhaps(redis_url: str) -> None:
    with (
        closing(open_store(f"rediss://{redis_url.partition('//')[2]}", busy_timeout=0.2)) as store,
        pytest.raises(StoreUnavailable, match=r"is away: .*; see whether this port speaks TLS"),
    ):
        store.jobs.push([a_job()])


def test_nobody_there_is_told_within_the_time_that_a_caller_waits(opened: Open) -> None:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="is away") as error:
        opened("redis://127.0.0.1:1/0").jobs.push([a_job()])
    assert not error.value.unknown
    assert time.monotonic() - began < 5


def test_a_server_that_was_restarted_costs_a_caller_with_old_connections_nothing(server: Server, opened: Open) -> None:
    store = opened(server.url)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: pushed(store), range(20)))
    for _ in range(2):
        server.stop()
        server.start()
        pushed(store)


def test_a_read_whose_answer_is_lost_is_repeated_and_a_write_is_not(redis_url: str, opened: Open) -> None:
    with Proxy(redis_url) as proxy:
        store = opened(proxy.url)
        job_id = pushed(store)
        proxy.cut_at(1, "after", "get_job")
        assert the(store, job_id).id == job_id
        proxy.cut_at(1, "after", "push")
        job, asked = a_job(), len(proxy.requests)
        with pytest.raises(StoreUnavailable) as error:
            store.jobs.push([job])
        assert error.value.unknown
        assert proxy.requests[asked:].count("push") == 1  # after a look at the server that answers now
        [again] = store.jobs.push([job])
        assert not again.new
        store.close()


def test_an_answer_that_does_not_come_is_waited_for_once(redis_url: str, opened: Open) -> None:
    with Proxy(redis_url) as proxy:
        store = opened(proxy.url, busy_timeout=0.5)
        job_id = pushed(store)
        proxy.stall()
        for act in (lambda: store.jobs.get(job_id), lambda: store.jobs.push([a_job()])):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="Timeout"):
                act()
            assert time.monotonic() - began < 2
        proxy.go_on()
        assert the(store, job_id).id == job_id
        store.close()


def test_more_threads_than_connections_take_turns_and_who_waits_too_long_is_told(redis_url: str, opened: Open) -> None:
    store = opened(f"{redis_url}?pool=1", busy_timeout=0.3)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: pushed(store), range(40)))) == 40
    connections = store._database.connections
    taken, _ = connections.take()
    with pytest.raises(StoreBusy, match=r"all 1 connections .*\?pool="):
        pushed(store)
    connections.give(taken)
    pushed(store)


def test_a_socket_leads_to_the_server_as_a_port_does(opened: Open) -> None:
    server = Server(unixsocket="server.sock", unixsocketperm="700")
    try:
        store = opened(f"unix://{server.folder}/server.sock?db=1")
        job_id = pushed(store)
        assert the(opened(server.url.replace("/0", "/1")), job_id).id == job_id
        with closing(store.listener("worker")):
            until(lambda: store._hub._listening)
    finally:
        server.remove()


def test_without_the_driver_it_is_said_what_to_install() -> None:
    code = """
    import sys
    sys.modules["redis"] = None
    from nuvom.errors import SettingsError
    from nuvom.stores.registry import open_store
    try:
        open_store("redis://u:hunter2@db/0")
    except SettingsError as error:
        print(error)
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, timeout=60, check=False)
    assert "pip install 'nuvom[redis]'" in done.stdout, done.stderr
    assert "hunter2" not in done.stdout


def test_every_command_that_a_script_calls_is_among_those_whose_right_is_looked_at_first() -> None:
    folder = files("nuvom.stores.redis").joinpath("lua")
    sources = [
        each.read_text() for part in (folder, folder.joinpath("parts")) for each in part.iterdir() if each.is_file()
    ]
    called = {word for source in sources for word in re.findall(r"(?:call|in_parts)\('([A-Z]+)'", source)}
    tried = set(re.findall(r"\{'([A-Z]+)'", folder.joinpath("rights.lua").read_text()))
    assert len(called) > 20
    assert called - tried - {"TIME", "PUBLISH"} == set()


def test_no_key_of_a_job_or_a_schedule_ends_by_itself() -> None:
    """What ends by itself may be lost at any time: what is counted for people, and who sleeps for a moment."""
    folder = files("nuvom.stores.redis").joinpath("lua")
    ended = {
        (each.name, line.strip())
        for part in (folder, folder.joinpath("parts"))
        for each in part.iterdir()
        if each.is_file() and each.name != "rights.lua"
        for line in each.read_text().splitlines()
        if re.search(r"'P?EXPIRE(AT)?'|'PX'|'EX'", line)
    }
    assert {name for name, _ in ended} <= {"await.lua", "ended.lua"}, ended


def test_a_call_on_a_connection_whose_end_is_known_was_not_done(redis_url: str, opened: Open) -> None:
    store = opened(redis_url)
    connection, _ = store._database.connections.take()
    connection._sock.close()  # type: ignore[attr-defined]
    with pytest.raises(redis.ConnectionError):
        call(connection, "PING")
    store._database.connections.discard(connection, all_of_them=False)
    pushed(store)


def test_what_is_no_error_of_the_store_is_a_store_error(redis_url: str, opened: Open) -> None:
    store = opened(redis_url)
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.set("{nuvom}:totals", "no hash")
        client.set("{nuvom}:queues", "no set")
    with pytest.raises(
        StoreError, match=r"refused an operation: .*WRONGTYPE.*; give whatever else writes there another"
    ):
        store.jobs.push([a_job()])
