"""A URL is understood where it is said, and what it gets wrong is said there, without a password."""

from __future__ import annotations

import pytest

from nuvom.errors import SettingsError
from nuvom.stores.redis.address import Layout, Node, parse
from nuvom.stores.registry import open_store

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "layout", "nodes", "tls", "options"),
    [
        ("redis://", Layout.SERVER, [("localhost", 6379)], False, {"db": 0}),
        ("redis://db/3", Layout.SERVER, [("db", 6379)], False, {"db": 3}),
        ("valkey://u:p%40ss@db:1/", Layout.SERVER, [("db", 1)], False, {"db": 0, "username": "u", "password": "p@ss"}),
        ("redis://:p@[::1]:7", Layout.SERVER, [("::1", 7)], False, {"db": 0, "password": "p"}),
        ("redis://db?db=4&password=p", Layout.SERVER, [("db", 6379)], False, {"db": 4, "password": "p"}),
        ("valkeys://db?ssl_cert_reqs=none&ssl_check_hostname=no", Layout.SERVER, [("db", 6379)], True,
         {"db": 0, "ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ("rediss://db?ssl_ca_certs=/etc/ca.pem", Layout.SERVER, [("db", 6379)], True,
         {"db": 0, "ssl_ca_certs": "/etc/ca.pem"}),
        ("redis+sentinel://u:p@a,b:5/main/2", Layout.SENTINEL, [("a", 26379), ("b", 5)], False,
         {"db": 2, "username": "u", "password": "p"}),
        ("valkeys+cluster://a:1,b:2,c", Layout.CLUSTER, [("a", 1), ("b", 2), ("c", 6379)], True, {"db": 0}),
    ],
)  # fmt: skip
def test_a_url_says_where_the_server_is_and_what_the_driver_is_told(
    url: str, layout: Layout, nodes: list[tuple[str, int]], tls: bool, options: dict[str, object]
) -> None:
    address = parse(url)
    assert (address.layout, list(address.nodes), address.tls) == (layout, [Node(*each) for each in nodes], tls)
    assert dict(address.options) == options


def test_a_socket_has_a_path_and_no_host() -> None:
    address = parse("unix://user:secret@/run/redis%20a.sock?db=2&prefix=app")
    assert (address.path, address.nodes, address.prefix) == ("/run/redis a.sock", (), b"{app}:")
    assert address.options == {"db": 2, "username": "user", "password": "secret"}


def test_sentinels_have_a_user_of_their_own() -> None:
    address = parse("redis+sentinel://u:p@a/main?sentinel_username=s&sentinel_password=t&pool=3")
    assert (address.group, address.pool) == ("main", 3)
    assert address.sentinel_options == {"username": "s", "password": "t"}
    assert "t" not in address.url.partition("sentinel_password=")[2]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://u:hunter2@db:port/0", "percent-encode"),
        ("redis://u:hunter2@db:99999/0", "percent-encode"),
        ("redis://u:hunter2@a:1:2/0", "percent-encode"),
        ("redis://u:hunter2@[::1/0", "percent-encode"),
        ("redis://u:hunter2@db/zero", "db='zero' must be a number"),
        ("redis://u:hunter2@db/0/1", "nothing else"),
        ("redis://u:hunter2@db?pool=0", "pool='0' must be a number from 1 to 1000"),
        ("redis://u:hunter2@db?prefix={a}", "no braces"),
        ("redis://u:hunter2@db?prefix=", "1 to 100 bytes"),
        ("redis://u:hunter2@db?socket_timeout=3", "no parameter 'socket_timeout'"),
        ("redis://u:hunter2@db:0/0", "a port from 1 to 65535"),
        ("redis://u:hunter2@db:\u0663/0", "a port from 1 to 65535"),
        ("redis://u:hunter2@a,,b/0", "names no host"),
        ("redis://u:hunter2@/0", "names no host"),
        ("redis://:6379/0", "names no host"),
        ("redis://u:hunter2@a%00b/0", "cannot be read"),
        ("redis://u:hunter2%FF@db", "in UTF-8"),
        ("redis://u:hunter2\u2100@db", "cannot be read"),
        ("redis://u:hunter2@db/0#1", "write it as %23"),
        ("redis://u:hunter2@db/1?db=2", "says db twice"),
        ("redis://u:hunter2@db?db=1&db=2", "says db twice"),
        ("redis://u:hunter2@db?password=hunter2", "says password twice"),
        ("redis://u:hunter2@db?prefix=%FF", "in UTF-8"),
        ("redis://u:hunter2@db?prefix=%00", "only characters that can be seen"),
        ("redis://u:hunter2@db?pool=" + "9" * 5_000, "must be a number from 1 to 1000"),
        ("redis://u:hunter2@d\nb", r"has the character '\\n'"),
        ("unix://u:hunter2@db/run/a.sock", "a socket has no host"),
        ("Redis://u:hunter2@db", "write redis:// in small letters"),
        ("redis://u:hunter2@db?ssl_ca_certs=x", "write rediss://"),
        ("rediss://u:hunter2@db?ssl_cert_reqs=maybe", "must be none, optional, required"),
        ("rediss://u:hunter2@db?ssl_check_hostname=maybe", "must be yes or no"),
        ("unix://u:hunter2@/", "names no socket"),
        ("redis+sentinel://u:hunter2@a,b", "lacks the name of the server"),
        ("redis+cluster://u:hunter2@a/1", r"has no database 1; use \?prefix="),
    ],
)
def test_what_is_wrong_with_a_url_is_said_at_once_with_its_remedy_and_no_password(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        open_store(url)
    assert SECRET not in f"{error.value!r} {error.value.__context__!r}"


def test_no_password_is_in_what_a_store_shows_of_itself() -> None:
    store = open_store(f"redis://user:{SECRET}@127.0.0.1:1/0")
    assert SECRET not in store.url + repr(store)
