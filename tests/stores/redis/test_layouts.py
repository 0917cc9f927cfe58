"""Sentinels, clusters and TLS: the server that takes writes is found, and found again when it is another one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import redis
from nuvom.errors import StoreUnavailable, StoreUnusable
from nuvom.stores.redis.store import RedisStore
from nuvom.testing.conformance.examples import a_job, a_worker, claimed, pushed, succeeded, the
from tests.faults.loop import Loop
from tests.stores.redis.conftest import Open
from tests.stores.redis.test_listener import hears, listening
from tests.valkey import Server, free_port
from tests.waiting import until

TLS = Path(__file__).parent / "tls"
MONITOR = """
sentinel monitor main 127.0.0.1 {port} 1
sentinel down-after-milliseconds main 500
sentinel failover-timeout main 3000
"""


@contextmanager
def client_of(server: Server) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(server.url, decode_responses=True)) as client:
        yield client


def works(store: RedisStore) -> None:
    """See that jobs go through a store, and that wake-ups come."""
    worker, job_id = a_worker(store), pushed(store)
    [job] = [job for job in claimed(store, worker) if job.id == job_id]
    assert store.jobs.finish(worker, [succeeded(job)]) == []
    assert the(store, job_id).state == "succeeded"


def eventually(act: Callable[[], object]) -> None:
    """Repeat what is refused while a server is away, until it is not."""

    def done() -> bool:
        try:
            act()
        except StoreUnavailable:
            return False
        return True

    until(done, timeout=30)


# Sentinels


@pytest.fixture
def primary() -> Iterator[Server]:
    made = Server()
    yield made
    made.remove()


@pytest.fixture
def replica(primary: Server) -> Iterator[Server]:
    made = Server(replicaof=f"127.0.0.1 {primary.port}")
    with client_of(made) as client:
        until(lambda: client.info("replication")["master_link_status"] == "up")
    yield made
    made.remove()


@pytest.fixture
def sentinel(primary: Server, replica: Server) -> Iterator[Server]:
    made = Server(sentinel=MONITOR.format(port=primary.port))
    with client_of(made) as client:
        until(lambda: len(client.execute_command("SENTINEL", "REPLICAS", "main")) == 1)
    yield made
    made.remove()


def test_sentinels_lead_to_the_primary_and_after_its_end_to_the_one_that_follows(
    primary: Server, replica: Server, sentinel: Server, opened: Open
) -> None:
    store = opened(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/main/0")
    ear = listening(store)
    works(store)
    kept = pushed(store)
    with client_of(replica) as client:
        until(lambda: client.exists(f"{{nuvom}}:job:{kept}"))
    primary.kill()
    eventually(lambda: pushed(store))
    works(store)
    assert the(store, kept).state in ("ready", "running")
    until(lambda: hears(ear, store))
    with client_of(replica) as client:
        assert client.exists(f"{{nuvom}}:job:{kept}")


def test_a_primary_that_became_a_replica_sends_callers_to_the_sentinels_again(
    primary: Server, replica: Server, sentinel: Server, opened: Open
) -> None:
    store = opened(f"redis+sentinel://127.0.0.1:{sentinel.port}/main")
    works(store)
    with client_of(sentinel) as client, client_of(primary) as old:
        until(lambda: _is_accepted(client, "SENTINEL", "FAILOVER", "main"))  # not before it has heard of the replica
        until(lambda: old.role()[0] == "slave")
    eventually(lambda: pushed(store))
    works(store)


def _is_accepted(client: redis.Redis, *words: str) -> bool:
    try:
        client.execute_command(*words)
    except redis.ResponseError:
        return False
    return True


@pytest.fixture
def lone_sentinel(primary: Server) -> Iterator[Server]:
    made = Server(sentinel=MONITOR.format(port=primary.port))
    yield made
    made.remove()


def test_a_name_that_no_sentinel_knows_is_refused(lone_sentinel: Server, opened: Open) -> None:
    with pytest.raises(StoreUnusable, match="knows no server 'other'; see its `sentinel monitor`"):
        pushed(opened(f"redis+sentinel://127.0.0.1:{lone_sentinel.port}/other"))


def test_a_sentinel_is_no_store(lone_sentinel: Server, opened: Open) -> None:
    with pytest.raises(StoreUnusable, match="does not know a command"):
        pushed(opened(f"redis://127.0.0.1:{lone_sentinel.port}"))


# Clusters

SLOTS = ((0, 5_460), (5_461, 10_922), (10_923, 16_383))


class Cluster:
    """Three nodes that share the slots, and one that replicates the first owner of the store's."""

    def __init__(self) -> None:
        settings = {"cluster_enabled": "yes", "cluster_node_timeout": "1500"}
        self.nodes = [Server(**settings, cluster_port=str(free_port())) for _ in range(4)]
        first = self.nodes[0]
        for node, slots in zip(self.nodes, SLOTS, strict=False):
            self.call(node, "CLUSTER", "ADDSLOTSRANGE", *slots)
        for number, node in enumerate(self.nodes, 1):
            self.call(node, "CLUSTER", "SET-CONFIG-EPOCH", number)
            self.call(node, "CLUSTER", "MEET", "127.0.0.1", first.port, first.settings["cluster_port"])
        until(lambda: all(self.state(node) == ("ok", 4) for node in self.nodes))
        self.slot = int(self.call(first, "CLUSTER", "KEYSLOT", "{nuvom}:"))
        self.call(self.nodes[3], "CLUSTER", "REPLICATE", self.id_of(self.owner))
        with client_of(self.nodes[3]) as client:
            until(lambda: client.info("replication").get("master_link_status") == "up")

    @property
    def owner(self) -> Server:
        """The node that has the store's slot, as all nodes but it see it."""
        answers = [self._owner_seen_by(node) for node in self.nodes if self._lives(node)]
        return next(node for node in self.nodes if node.port == max(set(answers), key=answers.count))

    @property
    def url(self) -> str:
        """Where callers begin to look: at a node that has not the slot, after one that is not there."""
        other = next(node for node in self.nodes[:3] if node is not self.owner)
        return f"redis+cluster://127.0.0.1:1,127.0.0.1:{other.port}"

    def call(self, node: Server, *words: object) -> str:
        with client_of(node) as client:
            return client.execute_command(*words)  # type: ignore[no-any-return, no-untyped-call]

    def state(self, node: Server) -> tuple[str, int]:
        with client_of(node) as client:
            info = client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
        said = info if isinstance(info, dict) else dict(line.split(":") for line in info.split())
        return said["cluster_state"], int(said["cluster_known_nodes"])

    def id_of(self, node: Server) -> str:
        return self.call(node, "CLUSTER", "MYID")

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()

    def _lives(self, node: Server) -> bool:
        return node._process is not None and node._process.poll() is None

    def _owner_seen_by(self, node: Server) -> int:
        slot = getattr(self, "slot", 0)
        with client_of(node) as client:
            connection = client.connection_pool.get_connection()
            connection.send_command("CLUSTER", "SLOTS")
            slots = connection.read_response()
            client.connection_pool.release(connection)
        return next(int(each[2][1]) for each in slots if each[0] <= slot <= each[1])


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()


def test_a_cluster_keeps_all_of_an_app_on_the_node_of_its_slot(shared: Cluster, opened: Open) -> None:
    store = opened(shared.url)
    works(store)
    assert hears(listening(store), store)
    for node in shared.nodes[:3]:
        with client_of(node) as client:
            assert (client.dbsize() > 0) == (node is shared.owner)


def test_a_node_of_a_cluster_is_no_server_of_its_own(shared: Cluster, opened: Open) -> None:
    other = next(node for node in shared.nodes[:3] if node is not shared.owner)
    with pytest.raises(StoreUnusable, match=r"is a node of a cluster: write redis\+cluster://"):
        pushed(opened(other.url))


def test_a_server_of_its_own_is_no_cluster(redis_url: str, opened: Open) -> None:
    with pytest.raises(StoreUnusable, match="is no cluster: write redis://"):
        pushed(opened(f"redis+cluster://{urlsplit(redis_url).netloc}"))


def test_a_slot_that_moves_is_away_until_it_has_moved_and_then_followed(shared: Cluster, opened: Open) -> None:
    store = opened(shared.url)
    ear = listening(store)
    kept = pushed(store)
    source = shared.owner
    target = next(node for node in shared.nodes[:3] if node is not source)
    shared.call(target, "CLUSTER", "SETSLOT", shared.slot, "IMPORTING", shared.id_of(source))
    shared.call(source, "CLUSTER", "SETSLOT", shared.slot, "MIGRATING", shared.id_of(target))
    for act in (lambda: store.jobs.push([a_job()]), lambda: store.jobs.get(kept)):
        with pytest.raises(StoreUnavailable, match="is being moved to another node") as error:
            act()
        assert not error.value.unknown
    with client_of(source) as client:
        for key in client.scan_iter():
            client.migrate("127.0.0.1", target.port, key, 0, 5_000)
    for node in (target, source):
        shared.call(node, "CLUSTER", "SETSLOT", shared.slot, "NODE", shared.id_of(target))
    assert the(store, kept).id == kept
    works(store)
    assert hears(ear, store)
    assert the(opened(shared.url), kept).id == kept


def test_a_replica_that_takes_over_is_found(opened: Open) -> None:
    cluster = Cluster()
    try:
        store = opened(cluster.url)
        ear = listening(store)
        kept = pushed(store)
        with client_of(cluster.nodes[3]) as client:
            until(lambda: client.dbsize() > 0)
        cluster.owner.kill()
        eventually(lambda: pushed(store))
        assert the(store, kept).id == kept
        works(store)
        until(lambda: hears(ear, store))
    finally:
        cluster.remove()


# TLS


class Wrapped:
    """What speaks TLS with clients, and plainly with a server."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
        self._loop = Loop(self._serve, context)
        self.port = self._loop.port
        self.close = self._loop.close

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection(self._to.hostname, self._to.port)
        try:
            await asyncio.gather(_copied(reader, upstream[1]), _copied(upstream[0], writer), return_exceptions=True)
        finally:
            upstream[1].transport.abort()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@pytest.fixture
def wrapped(redis_url: str) -> Iterator[Wrapped]:
    with closing(Wrapped(redis_url)) as made:
        yield made


def test_through_tls_a_store_works_and_a_certificate_that_nobody_vouches_for_is_refused(
    wrapped: Wrapped, opened: Open
) -> None:
    url = f"rediss://127.0.0.1:{wrapped.port}/0"
    store = opened(f"{url}?ssl_ca_certs={TLS}/cert.pem")
    ear = listening(store)
    works(store)
    assert hears(ear, store)
    with pytest.raises(StoreUnusable, match=r"TLS failed .*ssl_ca_certs"):
        pushed(opened(url))
    pushed(opened(f"{url}?ssl_cert_reqs=none"))


def test_an_argument_larger_than_a_record_of_tls_goes_both_ways(wrapped: Wrapped, opened: Open) -> None:
    store = opened(f"rediss://localhost:{wrapped.port}/0?ssl_ca_certs={TLS}/cert.pem")
    job = a_job(arguments=b'[["' + b"x" * 300_000 + b'"],{}]')
    store.jobs.push([job])
    assert the(store, job.id).arguments == job.arguments
