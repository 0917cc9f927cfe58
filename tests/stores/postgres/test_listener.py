"""Wake-ups by LISTEN: who sleeps is woken at once, and whatever becomes of the connection, soon and by itself."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from textwrap import dedent

import psycopg
import pytest

from nuvom.errors import StoreUnavailable
from nuvom.stores import ears
from nuvom.stores.base import Listener
from nuvom.stores.postgres.store import PostgresStore
from tests import servers
from tests.faults.postgres.pooler import Pooler
from tests.faults.postgres.proxy import Proxy
from tests.stores.postgres.conftest import Open
from tests.waiting import until

LONG = 20.0  # seconds that no test waits for when all is well
AT_ONCE = 2.0  # seconds on a busy machine, less than a sleeper takes to look by itself who listens in vain
SOON = 2.0  # seconds: one, and as much again on a busy machine


@pytest.fixture
def ear(live: PostgresStore) -> Listener:
    """The ear of an idle worker, which has nothing left to hear."""
    return listening(live)


def listening(store: PostgresStore, kind: str = "worker") -> Listener:
    ear = store.listener(kind)
    until(lambda: store._hub._listening)
    quiet(ear)
    return ear


def quiet(ear: Listener) -> None:
    while ear.wait(0.05):
        pass


def wake(store: PostgresStore, said: str = "worker") -> None:
    store._database.write(lambda session: session.wake(said), durable=False)


def session_of(store: PostgresStore) -> int:
    connection = store._hub._connection
    assert connection is not None
    return connection.info.backend_pid


def end_session(url: str, pid: int) -> None:
    with closing(psycopg.connect(url.partition("&schema")[0], autocommit=True)) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def hears(ear: Listener, store: PostgresStore, within: float = AT_ONCE) -> bool:
    began = time.monotonic()
    wake(store)
    return ear.wait(LONG) and time.monotonic() - began < within


def ears_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "nuvom-ears"]


def said_by(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(each.levelname, each.getMessage()) for each in caplog.records if each.name == "nuvom.postgres"]


def test_a_wake_up_is_heard_at_once_by_every_ear_of_its_kind_in_every_process(opened: Open, postgres_url: str) -> None:
    here, there = opened(postgres_url), opened(postgres_url)
    first, second, third = listening(here), listening(here), listening(there)
    scheduler = listening(there, "scheduler")
    wake(here)
    assert all(ear.wait(AT_ONCE) for ear in (first, second, third))
    assert not scheduler.wait(0.1)


def test_a_wake_up_for_one_address_is_heard_by_that_ear_alone(live: PostgresStore) -> None:
    wanted, other = listening(live), listening(live)
    assert wanted.address is not None
    wake(live, wanted.address)
    assert wanted.wait(AT_ONCE)
    assert not other.wait(0.1)


def test_a_transaction_that_is_rolled_back_wakes_nobody(live: PostgresStore, ear: Listener) -> None:
    with pytest.raises(ZeroDivisionError):
        live._database.write(lambda session: [session.wake("worker"), 1 // 0], durable=False)
    assert not ear.wait(0.1)


def test_a_closed_ear_hears_nothing_more(live: PostgresStore, ear: Listener) -> None:
    ear.close()
    ear.close()
    other = listening(live)
    wake(live)
    assert other.wait(AT_ONCE)
    assert not ear.wait(0.05)


def test_stores_in_two_schemas_of_a_database_do_not_wake_each_other(opened: Open, postgres_server: str) -> None:
    names = (31 * "é", 'Ears "two"')
    stores = [opened(servers.with_parameters(postgres_server, schema=name)) for name in names]
    try:
        for store in stores:
            store.migrate()
        first, second = map(listening, stores)
        wake(stores[1])
        assert second.wait(AT_ONCE)
        assert not first.wait(0.1)
    finally:
        for name in names:
            servers.drop_schema(postgres_server, name)


def test_no_thread_and_no_connection_is_there_before_the_first_ear(live: PostgresStore) -> None:
    live.now()
    assert (ears_threads(), live._hub._connection) == ([], None)
    listening(live)
    listening(live)
    assert len(ears_threads()) == 1


def test_a_sleeper_looks_by_itself_now_and_then_though_nobody_says_anything(
    live: PostgresStore, ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "SAFETY", 0.3)
    ear.wait(LONG)
    began = time.monotonic()
    assert ear.wait(LONG)
    assert 0.2 < time.monotonic() - began < 2


def test_who_sleeps_and_hears_nothing_asks_the_server_nothing(tcp_url: str, opened: Open) -> None:
    with Proxy(tcp_url) as proxy:
        here = opened(proxy.url)
        ear = listening(here)
        asked = len(proxy.requests)
        assert not ear.wait(1.5)
        assert len(proxy.requests) == asked
        here.close()


def test_closing_the_store_ends_the_sleep_of_all_and_the_thread(live: PostgresStore, ear: Listener) -> None:
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


def test_a_session_that_the_server_ended_is_replaced_by_one_that_listens(
    live: PostgresStore, ear: Listener, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        lost = session_of(live)
        end_session(postgres_url, lost)
        assert ear.wait(AT_ONCE), "a sleeper must not wait for what nobody can say any more"
        until(lambda: live._hub._listening)
        quiet(ear)
        assert session_of(live) != lost
        assert hears(ear, live)
    assert [level for level, _ in said_by(caplog)] == ["ERROR", "WARNING"] * 3
    assert "wake-ups do not come" in said_by(caplog)[0][1]
    assert "wake-ups come again" in said_by(caplog)[1][1]


def test_what_was_said_while_nobody_listened_is_made_up_for(
    tcp_url: str, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "POLL", LONG)
    there = opened(tcp_url)
    with Proxy(tcp_url) as proxy:
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


def test_while_nobody_listens_a_sleeper_looks_within_a_second(tcp_url: str, opened: Open) -> None:
    with Proxy(tcp_url) as proxy:
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
    tcp_url: str, opened: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ears, "PROBE", 0.2)
    monkeypatch.setattr(ears, "PATIENCE", 0.3)
    there = opened(tcp_url)
    with Proxy(tcp_url) as proxy:
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


def test_a_session_that_forgot_that_it_listens_is_replaced(
    live: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "PROBE", 0.5)
    ear = listening(live)
    first = live._hub._connection
    assert first is not None
    tell = live._hub._tell

    def forget(_: str) -> None:
        monkeypatch.setattr(live._hub, "_tell", tell)
        first.execute("UNLISTEN *")

    monkeypatch.setattr(live._hub, "_tell", forget)  # in the hub's own thread, which alone may use its connection
    wake(live)
    until(lambda: live._hub._connection not in (None, first) and live._hub._listening)
    quiet(ear)
    assert hears(ear, live)


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit("boom")], ids=lambda error: type(error).__name__)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_replaced(
    live: PostgresStore, ear: Listener, monkeypatch: pytest.MonkeyPatch, error: BaseException
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


def test_behind_a_pooler_of_transactions_sleepers_look_and_it_is_said_once(
    tcp_url: str, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    there = opened(tcp_url)
    with Pooler(tcp_url) as pooler:
        here = opened(pooler.url)
        ear = here.listener("worker")
        until(lambda: here._hub._polls)
        other = here.listener("scheduler")
        for _ in range(3):
            assert hears(ear, there, within=SOON)
            assert other.wait(SOON)
        assert ears_threads() == []
        [(level, said)] = said_by(caplog)
        assert level == "WARNING"
        assert "?listen=yes" in said
        here.close()


def test_with_listen_no_nobody_listens_and_sleepers_look(
    postgres_url: str, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    here = opened(f"{postgres_url}&listen=no")
    ear = here.listener("worker")
    here.listener("worker")
    assert hears(ear, here, within=SOON)
    assert (ears_threads(), here._hub._connection) == ([], None)
    [(_, said)] = said_by(caplog)
    assert "?listen=no" in said


def test_with_listen_yes_a_pooler_of_sessions_is_believed(tcp_url: str, opened: Open) -> None:
    with Pooler(tcp_url, size=1) as pooler:  # of one connection: whoever listens, it is he who is told
        here = opened(f"{pooler.url}&listen=yes")
        here.listener("worker")
        until(lambda: here._hub._listening)
        here.close()


def test_a_forked_child_listens_for_itself_and_leaves_its_parent_alone(postgres_url: str) -> None:
    code = """
    import os, sys, time
    from nuvom.stores.registry import open_store

    store = open_store(sys.argv[1])
    def hears(ear):
        while not store._hub._listening:
            ear.wait(0.05)
        while ear.wait(0.05):
            pass
        store._database.write(lambda session: session.wake("worker"), durable=False)
        return ear.wait(2)

    inherited = store.listener("worker")
    assert hears(inherited)
    session = store._hub._connection.info.backend_pid
    child = os.fork()
    if child == 0:
        assert store._hub._connection is None and not store._hub._listening
        assert hears(inherited) and hears(store.listener("worker"))
        assert store._hub._connection.info.backend_pid != session
        store.close()
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    assert hears(inherited) and store._hub._connection.info.backend_pid == session
    store.close()
    print("both")
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), postgres_url], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "both"), done.stderr


def test_a_session_ends_with_its_process_though_a_forked_child_lives_on(postgres_url: str) -> None:
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
    print(store._hub._connection.info.backend_pid, flush=True)
    os._exit(0)
    """
    with subprocess.Popen(
        [sys.executable, "-c", dedent(code), postgres_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        session = int(process.stdout.readline())
        process.wait(20)
        with closing(psycopg.connect(postgres_url.partition("&schema")[0], autocommit=True)) as connection:
            until(
                lambda: not connection.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (session,)).fetchone()
            )
