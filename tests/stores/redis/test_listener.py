"""Wake-ups by a subscription: who sleeps is woken at once, and whatever becomes of it, soon and by itself."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from textwrap import dedent

import pytest

import redis
from nuvom.errors import StoreUnavailable
from nuvom.stores import ears
from nuvom.stores.base import Listener
from nuvom.stores.redis.connections import call
from nuvom.stores.redis.store import RedisStore
from tests.faults.redis.proxy import Proxy
from tests.stores.redis.conftest import Open
from tests.waiting import until

LONG = 20.0  # seconds that no test waits for when all is well
AT_ONCE = 2.0  # seconds on a busy machine, less than a sleeper takes to look by itself who listens in vain
SOON = 2.0  # seconds: one, and as much again on a busy machine


@pytest.fixture
def ear(live: RedisStore) -> Listener:
    """The ear of an idle worker, which has nothing left to hear."""
    return listening(live)


def listening(store: RedisStore, kind: str = "worker") -> Listener:
    ear = store.listener(kind)
    until(lambda: store._hub._listening)
    quiet(ear)
    return ear


def quiet(ear: Listener) -> None:
    while ear.wait(0.05):
        pass


def wake(store: RedisStore, said: str = "worker") -> None:
    store._database.command("PUBLISH", store._database.channel, said)


def connection_of(store: RedisStore) -> int:
    """The number of a process's subscription, as the server knows it."""
    connection = store._hub._connection
    assert connection is not None
    [number] = [
        int(each["id"])
        for each in subscribers(store)
        if int(each["addr"].rpartition(":")[2]) == connection._sock.getsockname()[1]  # type: ignore[attr-defined]
    ]
    return number


def subscribers(store: RedisStore) -> list[dict[str, str]]:
    said = store._database.command("CLIENT", "LIST", "TYPE", "PUBSUB").decode()
    return [dict(word.split("=", 1) for word in line.split()) for line in said.splitlines()]


def hears(ear: Listener, store: RedisStore, within: float = AT_ONCE) -> bool:
    began = time.monotonic()
    wake(store)
    return ear.wait(LONG) and time.monotonic() - began < within


def ears_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "nuvom-ears"]


def said_by(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(each.levelname, each.getMessage()) for each in caplog.records if each.name == "nuvom.redis"]


def test_a_wake_up_is_heard_at_once_by_every_ear_of_its_kind_in_every_process(opened: Open, redis_url: str) -> None:
    here, there = opened(redis_url), opened(redis_url)
    first, second, third = listening(here), listening(here), listening(there)
    scheduler = listening(there, "scheduler")
    wake(here)
    assert all(ear.wait(AT_ONCE) for ear in (first, second, third))
    assert not scheduler.wait(0.1)


def test_a_wake_up_for_one_address_is_heard_by_that_ear_alone(live: RedisStore) -> None:
    wanted, other = listening(live), listening(live)
    assert wanted.address is not None
    wake(live, wanted.address)
    assert wanted.wait(AT_ONCE)
    assert not other.wait(0.1)


def test_a_closed_ear_hears_nothing_more(live: RedisStore, ear: Listener) -> None:
    ear.close()
    ear.close()
    other = listening(live)
    wake(live)
    assert other.wait(AT_ONCE)
    assert not ear.wait(0.05)


def test_stores_under_two_prefixes_of_a_server_do_not_wake_each_other(opened: Open, redis_url: str) -> None:
    stores = [opened(f"{redis_url}?prefix={name}") for name in ("one", "%C3%A9-two")]
    first, second = map(listening, stores)
    wake(stores[1])
    assert second.wait(AT_ONCE)
    assert not first.wait(0.1)


def test_no_thread_and_no_connection_is_there_before_the_first_ear(live: RedisStore) -> None:
    live.now()
    assert (ears_threads(), live._hub._connection) == ([], None)
    listening(live)
    listening(live)
    assert len(ears_threads()) == 1


def test_a_sleeper_looks_by_itself_now_and_then_though_nobody_says_anything(
    live: RedisStore, ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "SAFETY", 0.3)
    ear.wait(LONG)
    began = time.monotonic()
    assert ear.wait(LONG)
    assert 0.2 < time.monotonic() - began < 2


def test_who_sleeps_and_hears_nothing_asks_the_server_nothing(redis_url: str, opened: Open) -> None:
    with Proxy(redis_url) as proxy:
        here = opened(proxy.url)
        ear = listening(here)
        asked = len(proxy.requests)
        assert not ear.wait(1.5)
        assert len(proxy.requests) == asked
        here.close()


def test_closing_the_store_ends_the_sleep_of_all_and_the_thread(live: RedisStore, ear: Listener) -> None:
    with ThreadPoolExecutor() as pool:
        sleeping = pool.submit(ear.wait, LONG)
        time.sleep(0.05)  # either order must work; this makes the usual one likely
        live.close()
        live.close()
        assert sleeping.result(SOON)
    assert ears_threads() == []
    with pytest.raises(StoreUnavailable, match="was closed"):
        ear.wait(LONG)
    with pytest.raises(StoreUnavailable, match="was closed"):
        live.listener("worker")


def test_a_connection_that_the_server_ended_is_replaced_by_one_that_listens(
    live: RedisStore, ear: Listener, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(redis.Redis.from_url(redis_url)) as admin:
        for _ in range(3):
            lost = connection_of(live)
            admin.client_kill_filter(_id=lost)
            assert ear.wait(AT_ONCE), "a sleeper must not wait for what nobody can say any more"
            until(lambda: live._hub._listening)
            quiet(ear)
            assert connection_of(live) != lost
            assert hears(ear, live)
    assert [level for level, _ in said_by(caplog)] == ["ERROR", "WARNING"] * 3
    assert "wake-ups do not come" in said_by(caplog)[0][1]
    assert "wake-ups come again" in said_by(caplog)[1][1]


def test_what_was_said_while_nobody_listened_is_made_up_for(
    redis_url: str, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "POLL", LONG)
    there = opened(redis_url)
    with Proxy(redis_url) as proxy:
        here = opened(proxy.url)
        ear = listening(here)
        proxy.refuse()
        until(lambda: not here._hub._listening)
        quiet(ear)
        wake(there)
        proxy.accept()
        began = time.monotonic()
        assert ear.wait(LONG)
        assert time.monotonic() - began < LONG / 4
        quiet(ear)
        assert hears(ear, there)


def test_while_nobody_listens_a_sleeper_looks_within_a_second(redis_url: str, opened: Open) -> None:
    with Proxy(redis_url) as proxy:
        here = opened(proxy.url)
        ear = listening(here)
        with ThreadPoolExecutor() as pool:
            sleeping = pool.submit(ear.wait, LONG)
            time.sleep(0.05)  # either order must work; this makes the usual one likely
            proxy.refuse()
            assert sleeping.result(SOON), "it fell asleep for longer, as one may who is told"
        assert not here._hub._listening
        began = time.monotonic()
        assert ear.wait(LONG)
        assert time.monotonic() - began < SOON
        here.close()


def test_a_connection_that_does_not_answer_any_more_is_noticed(
    redis_url: str, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ears, "PROBE", 0.2)
    monkeypatch.setattr(ears, "PATIENCE", 0.3)
    there = opened(redis_url)
    with Proxy(redis_url) as proxy:
        here = opened(proxy.url)
        ear = listening(here)
        proxy.stall()
        until(lambda: not here._hub._listening, timeout=5)
        wake(there)
        assert ear.wait(SOON)
        proxy.go_on()
        until(lambda: here._hub._listening)
        quiet(ear)
        assert hears(ear, there)
    assert said_by(caplog)[0][0] == "ERROR"


def test_a_connection_that_answers_is_kept_however_often_it_is_asked(
    redis_url: str, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "PROBE", 0.05)
    with Proxy(redis_url) as proxy:
        here = opened(proxy.url)
        ear = listening(here)
        first = connection = here._hub._connection
        until(lambda: proxy.requests.count("PING") > 3)
        connection = here._hub._connection
        assert connection is first
        assert hears(ear, here)
        here.close()


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit("boom")], ids=lambda error: type(error).__name__)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_replaced(
    live: RedisStore, ear: Listener, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(_: str) -> None:
        monkeypatch.undo()
        raise error

    monkeypatch.setattr(live._hub, "_tell", fail)
    wake(live)
    until(lambda: not live._hub._listening)
    until(lambda: (ear.wait(0), live._hub._listening)[1])  # whoever sleeps looks after it
    quiet(ear)
    assert len(ears_threads()) == 1
    assert hears(ear, live)


def test_a_forked_child_listens_for_itself_and_leaves_its_parent_alone(redis_url: str) -> None:
    code = """
    import os, sys, time
    from nuvom.stores.registry import open_store
    from nuvom.testing.conformance.examples import pushed

    store = open_store(sys.argv[1])
    pushed(store)
    def hears(ear):
        while not store._hub._listening:
            ear.wait(0.05)
        while ear.wait(0.05):
            pass
        pushed(store)
        return ear.wait(2)

    def port():
        return store._hub._connection._sock.getsockname()[1]

    inherited = store.listener("worker")
    assert hears(inherited)
    mine, idle = port(), list(store._database.connections._idle)
    assert idle
    child = os.fork()
    if child == 0:
        assert store._hub._connection is None and not store._hub._listening
        assert not store._database.connections._idle
        assert hears(inherited) and hears(store.listener("worker"))
        assert port() != mine
        store.close()
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    assert hears(inherited) and port() == mine
    assert all(each.is_connected for each in idle)
    store.close()
    print("both")
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), redis_url], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "both"), done.stderr


def test_a_subscription_ends_with_its_process_though_a_forked_child_lives_on(redis_url: str, live: RedisStore) -> None:
    code = """
    import os, sys
    from nuvom.stores.registry import open_store

    store = open_store(sys.argv[1])
    ear = store.listener("worker")
    while not store._hub._listening:
        ear.wait(0.05)
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print("forked", flush=True)
    os._exit(0)
    """
    with subprocess.Popen(
        [sys.executable, "-c", dedent(code), redis_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "forked\n"
        process.wait(20)
        until(lambda: subscribers(live) == [])


def test_a_connection_can_be_used_while_another_subscribes(live: RedisStore, ear: Listener) -> None:
    connection, _ = live._database.connections.take()
    assert call(connection, "PING") == b"PONG"
    live._database.connections.give(connection)
    assert hears(ear, live)
