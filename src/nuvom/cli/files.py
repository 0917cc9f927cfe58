"""`nuvom files`: what other programs need to run the services, printed for you to look at and to save."""

from __future__ import annotations

import getpass
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nuvom.cli.site import Site, command, group, refusal

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@-]{0,100}")
_MARGIN = 10  # seconds beyond the grace in which a service ends by itself

_UNIT = """\
# {path}
# Save it there, then: {ctl} daemon-reload && {ctl} enable --now {name}
# Settings such as NUVOM_URL belong into {environment}, a line NAME=value each.

[Unit]
Description=Nuvom: scheduler and worker of {root}
{after}# A service that cannot start is tried again for ever, and not given up after a few times.
StartLimitIntervalSec=0

[Service]
Type=exec
{user}WorkingDirectory={directory}
EnvironmentFile=-{environment}
ExecStart={start}
Restart=always
RestartSec=2
# The supervisor alone is told to stop, and tells its processes; who is left when the time is over is killed.
KillSignal=SIGTERM
KillMode=mixed
# Longer than the {grace:g} s that running jobs have to end.
TimeoutStopSec={stop}
{hardening}
[Install]
WantedBy={target}
"""
_HARDENING = ("NoNewPrivileges", "LockPersonality", "RestrictRealtime", "RestrictSUIDSGID")
_OF_THE_SYSTEM = (
    "PrivateTmp", "PrivateDevices", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs",
    "ProtectKernelModules", "ProtectKernelTunables",
)  # fmt: skip


def register(root: typer.Typer) -> None:
    """Add `nuvom files`."""
    files = group(root, "files", "Print what other programs need to run the services.")
    command(files, "systemd", json=False)(systemd)
    command(files, "postgres-roles", json=False)(postgres_roles)


def systemd(
    site: Site,
    tasks: Annotated[
        list[str] | None, typer.Argument(metavar="TASKS", help="Modules or files, as `nuvom run` takes them.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What the unit is called.")] = "nuvom",
    grace: Annotated[float, typer.Option("--grace", min=0, help="Seconds for running jobs to end.")] = 20,
    *,
    user: Annotated[bool, typer.Option("--user", help="For your own systemd, and not the system's.")] = False,
) -> None:
    """Print a unit file that runs `nuvom run` in this project, with this Python."""
    from nuvom import _settings

    if not _NAME.fullmatch(name):
        raise typer.BadParameter(f"{name!r} cannot be a unit's name", param_hint="--name")
    if site.url is not None and _settings.masked(site.url) != site.url:
        raise refusal("--url holds a password, and all can read a unit; put NUVOM_URL into its EnvironmentFile", code=2)
    root = _settings.find_root(Path.cwd()) or Path.cwd()
    print(unit(_start(site, tasks or (), grace), root, name=name, grace=grace, user=user), end="")


def postgres_roles(
    site: Site,
    producer: Annotated[str, typer.Option("--producer", help="The role of applications.")] = "nuvom_producer",
    service: Annotated[str, typer.Option("--service", help="The role of schedulers and workers.")] = "nuvom_service",
) -> None:
    """Print SQL that gives two roles, which own nothing, the rights that they need in the store's schema."""
    settings = site.bare_app().settings
    if not settings.url.startswith(("postgres://", "postgresql")):
        raise refusal("the store is no PostgreSQL; say which with --url or NUVOM_URL", code=2)
    from nuvom.stores.postgres.address import parse
    from nuvom.stores.postgres.roles import grants

    print(grants(parse(settings.url).schema, producer, service), end="")


def unit(start: Sequence[str], root: Path, *, name: str, grace: float, user: bool) -> str:
    """Return a unit file.

    Args:
        start: The command that runs the service, its program as an absolute path.
        root: The project's folder.
        name: What the unit is called.
        grace: Seconds that running jobs have to end.
        user: Whether it is for a user's own systemd.
    """
    hardening = "".join(f"{option}=yes\n" for option in (*_HARDENING, *(() if user else _OF_THE_SYSTEM)))
    return _UNIT.format(
        path=f"~/.config/systemd/user/{name}.service" if user else f"/etc/systemd/system/{name}.service",
        ctl="systemctl --user" if user else "systemctl",
        name=name,
        environment=f"%h/.config/{name}.env" if user else f"/etc/{name}.env",
        root=_plain(root.name or "/"),
        after="" if user else "After=network-online.target\nWants=network-online.target\n",
        user="" if user else _user(getpass.getuser()),
        directory=_plain(str(root)),
        start=" ".join(map(_word, start)),
        grace=grace,
        stop=math.ceil(grace) + _MARGIN,
        hardening=hardening + ("" if user else "ProtectSystem=full\n"),
        target="default.target" if user else "multi-user.target",
    )


def _start(site: Site, tasks: Sequence[str], grace: float) -> list[str]:
    words = [sys.executable, "-m", "nuvom", "run", *(str(Path(t).absolute()) if Path(t).exists() else t for t in tasks)]
    words += ["--grace", f"{grace:g}"]
    words += ["--url", site.url] if site.url else []
    return words + (["--app", site.app_path] if site.app_path else [])


def _user(name: str) -> str:
    hint = "# Better a user of its own, who may write to the store's folder.\n" if name == "root" else ""
    return f"{hint}User={name}\n"


def _plain(text: str) -> str:
    return text.replace("%", "%%")  # a specifier (systemd.unit(5))


def _word(text: str) -> str:
    """Return a word of a command line as systemd reads it (systemd.service(5), "Command lines")."""
    text = _plain(text).replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./$-]+", text, re.ASCII):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
