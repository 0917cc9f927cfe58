"""Rights for roles that own nothing, as a script for whoever owns the schema."""

from __future__ import annotations

import re
from importlib.resources import files

from nuvom.stores.postgres.address import quoted
from nuvom.stores.postgres.statements import in_schema

_ROLE = re.compile(r"\b(TO|FROM) (producer|service);")
_SCHEMA = re.compile(r"\bSCHEMA nuvom\b")


def grants(schema: str, producer: str, service: str) -> str:
    """Return the script.

    Args:
        schema: where the tables are.
        producer: the role of applications.
        service: the role of schedulers and workers.
    """
    script = files("nuvom.stores.postgres").joinpath("roles.sql").read_text(encoding="utf-8")
    roles = {"producer": quoted(producer), "service": quoted(service)}
    script = _ROLE.sub(lambda found: f"{found[1]} {roles[found[2]]};", script)
    return in_schema(_SCHEMA.sub(lambda _: f"SCHEMA {quoted(schema)}", script), quoted(schema))
