"""Identifiers: UUIDv7 for what is new, UUIDv5 for what has a name, UUIDv8 for the job of an occurrence (RFC 9562)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from uuid import UUID, uuid5

from nuvom._clock import to_us
from nuvom.errors import shortened

NAMESPACE = UUID("6d1c7b0e-6f5c-5d0a-9b52-4a3a5d1f7c11")
MAX_NAME = 200
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # the two bits that all these versions share


def text(raw: bytes) -> str:
    """Return 16 bytes as the canonical text of a UUID."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def raw(identifier: str) -> bytes:
    """Return the 16 bytes of a UUID's text; raises ValueError for anything else."""
    data = bytes.fromhex(identifier.replace("-", ""))
    if len(data) != 16:
        raise ValueError(f"{shortened(identifier)} is not a UUID")
    return data


def is_uuid(identifier: str) -> bool:
    """Tell whether a text is a UUID in its canonical form, in either case."""
    if len(identifier) != 36:
        return False
    try:
        return str(UUID(identifier)) == identifier.lower()
    except ValueError:
        return False


def _stamp(head: int, version: int, tail: bytes) -> str:
    """Join 48 bits of milliseconds, a version and 10 bytes of tail into a UUID's text."""
    digits = ((head & 0xFFFFFFFFFFFF).to_bytes(6, "big") + tail).hex()
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-{version}{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_id(now: datetime) -> str:
    """Return a new UUIDv7 for `now`: ids made later sort later, to the millisecond."""
    return new_ids(now, 1)[0]


def new_ids(now: datetime, count: int) -> list[str]:
    """Return as many UUIDv7 as are wanted at once, which asks the kernel for their random digits only once."""
    head = f"{to_us(now) // 1000 & 0xFFFFFFFFFFFF:012x}"
    head = f"{head[:8]}-{head[8:]}-7"
    digits = os.urandom(10 * count).hex()
    return [
        f"{head}{digits[i : i + 3]}-{_VARIANT[digits[i + 3]]}{digits[i + 4 : i + 7]}-{digits[i + 7 : i + 19]}"
        for i in range(0, 20 * count, 20)
    ]


def occurrence_job_id(schedule_id: str, nominal_us: int, source: str = "") -> str:
    """Return the id of an occurrence's job, the same in every store: a repeated dispatch is the same job."""
    digest = blake2b(f"{schedule_id}|{nominal_us}|{source}".encode(), digest_size=10).digest()
    return _stamp(nominal_us // 1000, 8, digest)


def named_id(*parts: str) -> str:
    """Return the UUIDv5 of one name or of several parts; the parts cannot run into each other."""
    return str(uuid5(NAMESPACE, parts[0] if len(parts) == 1 else _joined(parts)))


def _joined(parts: Sequence[str]) -> str:
    return "".join(f"\x1f{len(part)}:{part}" for part in parts)
