"""Where a store is: its URL taken apart into what the driver is told and what is Nuvom's own."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from nuvom._settings import masked
from nuvom.errors import SettingsError

DEFAULT_PREFIX = "nuvom"
_OWN = ("prefix",)
SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")


class Address(NamedTuple):
    """A server and what the keys in it begin with."""

    driver_url: str  # for the driver, with the password: never to be shown
    url: str  # for people: without one
    prefix: bytes  # what all keys begin with: a hash tag, so that a cluster keeps them in one slot


def parse(url: str) -> Address:
    """Take a URL apart.

    Args:
        url: `redis://user:password@host:6379/0?prefix=nuvom`; `rediss://` for TLS, `valkey://` for the same as
            `redis://`; what else follows the question mark is the driver's.

    Raises:
        SettingsError: a parameter of Nuvom's own has a value that it cannot have.
    """
    parts = urlsplit(url)
    said = parse_qsl(parts.query, keep_blank_values=True)
    own = {name: value for name, value in said if name in _OWN}
    query = urlencode([(name, value) for name, value in said if name not in _OWN])
    scheme = {"valkey": "redis", "valkeys": "rediss"}.get(parts.scheme, parts.scheme)
    prefix = own.get("prefix", DEFAULT_PREFIX)
    if not prefix or set(prefix) & set("{}") or len(prefix.encode()) > 100:
        raise SettingsError(f"{masked(url)!r}: prefix={prefix!r} must have 1 to 100 bytes and no braces")
    return Address(
        driver_url=urlunsplit(parts._replace(scheme=scheme, query=query)),
        url=masked(url),
        prefix=f"{{{prefix}}}:".encode(),
    )
