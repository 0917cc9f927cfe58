"""`nuvom store copy`: everything of one store into another."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuvom.cli.site import Site, command, group, refusal

if TYPE_CHECKING:
    from nuvom.stores.base import Store
    from nuvom.stores.moving import Copied, Told
    from nuvom.stores.transfer import Movable

_SHOWN = 20  # rows that are named of those that are not as they were
_MARK = "copied to "  # how the note begins of what --pause-source paused
_AGAIN = "run the same command again, and it goes on with what is not there yet"  # which may be all of it


def register(root: typer.Typer) -> None:
    """Add `nuvom store`."""
    stores = group(root, "store", "The store as a whole: to copy it into another one.")
    command(stores, "copy")(copy)


def copy(
    site: Site,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The URL of the store that has everything now.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The URL of the store that is to have it.")],
    *,
    into_live: Annotated[
        bool, typer.Option("--into-live", help="Although services run on TO: what is copied may start at once.")
    ] = False,
    pause_source: Annotated[
        bool, typer.Option("--pause-source", help="Pause the schedules and queues of FROM when all is copied.")
    ] = False,
) -> None:
    """Copy schedules, ledger and jobs of one store into another, and compare; stop the services of FROM before.

    What TO has already is left alone, so that a copy that was interrupted goes on when it is called again. Exits with 0
    when every row of FROM is in TO, 1 when not, and 2 when nothing was done.
    """
    from nuvom.stores import moving

    if site.url or site.app_path:
        raise refusal("say both stores as arguments: nuvom store copy FROM TO; without --url and --app", code=2)
    with closing(_opened(source, make=False)) as ours, closing(_opened(target, make=True)) as theirs:
        if ours.url == theirs.url:
            raise refusal(f"{ours.url} is both: name another store to copy to", code=2)
        rows, places = _movable(ours), _movable(theirs)
        with _preparing():
            _refuse_live(ours, theirs, into_live=into_live)
            ours.workers.rescue()
            total = sum(rows.transfer.count().values())
        with _ongoing():
            with _progress(total) as told:
                copied = moving.copy(rows.transfer, places.transfer, told, live=into_live)
            if alive := _alive(ours):
                raise refusal(f"{ours.url} came into use meanwhile: {alive}; stop it, and copy again")
            paused = pause_source and copied.verified
            if paused:
                _pause(ours, f"{_MARK}{theirs.url}")
        _tell(site, ours.url, theirs.url, copied, paused=paused, live=into_live)
    if not copied.verified:
        raise typer.Exit(1)


def _opened(url: str, *, make: bool) -> Store:
    """Return the store of a URL; with `make` it gets its tables if it lacks any."""
    from nuvom import _settings
    from nuvom.cli.stores import file_of, refuse_private
    from nuvom.stores.registry import open_store

    settings = _settings.load({}, url=url)
    refuse_private(settings)
    path = file_of(settings)
    if path is not None and not path.exists() and not make:
        raise refusal(f"there is no store to copy from at {path}", code=2)
    lease = settings.lease.total_seconds()
    return open_store(url, lease=lease, root=settings.root, auto_migrate=True if make else settings.auto_migrate)


def _movable(store: Store) -> Movable:
    from nuvom.stores.transfer import Movable

    if not isinstance(store, Movable):
        raise refusal(f"{store.url} is of a kind that cannot be copied", code=2)
    return store


@contextmanager
def _preparing() -> Iterator[None]:
    """Say that nothing was copied where a store cannot be used or is away before the first row."""
    from nuvom.errors import StoreError

    try:
        yield
    except StoreError as error:
        raise refusal(f"{error}; nothing was copied", code=2) from None
    except KeyboardInterrupt:
        raise refusal("interrupted; nothing was copied", code=130) from None


@contextmanager
def _ongoing() -> Iterator[None]:
    """Say how to go on where a store went away."""
    from nuvom.errors import StoreUnavailable

    try:
        yield
    except StoreUnavailable as error:
        raise refusal(f"{error}; {_AGAIN}") from None
    except KeyboardInterrupt:
        raise refusal(f"interrupted; {_AGAIN}", code=130) from None


def _refuse_live(source: Store, target: Store, *, into_live: bool) -> None:
    from nuvom.stores.paired.apart import are_one

    for queue in source.jobs.queues():
        if queue.pause is not None and (queue.pause.note or "").startswith(_MARK):
            raise refusal(
                f"{source.url} was {queue.pause.note} and paused then; to use it again: `nuvom schedules resume --all` "
                f"and `nuvom queues resume {queue.queue}` (and what else is paused) with --url {source.url}",
                code=2,
            )
    if alive := _alive(source):
        raise refusal(
            f"{source.url} is in use: {alive}; stop its services, or the same would run in both (one that was killed "
            "counts as alive until its lease has run out)",
            code=2,
        )
    if are_one(source, target):
        raise refusal(f"{source.url} and {target.url} are one store: name another one to copy to", code=2)
    if not into_live and (alive := _alive(target)):
        raise refusal(
            f"{target.url} is in use: {alive}; stop its services until all is copied, or say --into-live", code=2
        )


def _alive(store: Store) -> str:
    from nuvom.stores.paired.apart import PROBE

    processes = (each for each in store.workers.list() if each.alive and each.host != PROBE)
    return ", ".join(f"a {each.kind} ({each.host}, pid {each.pid})" for each in processes)


def _pause(store: Store, note: str) -> None:
    store.schedules.pause_all(note)
    known = {each.queue: each.pause for each in store.jobs.queues()}
    for queue in sorted({"default", *known}):
        if known.get(queue) is None:  # what somebody else paused keeps its note
            store.jobs.pause_queue(queue, note)


@contextmanager
def _progress(total: int) -> Iterator[Told]:
    """Give what draws on stderr how far a copy is; a line for each kind where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    screen = Console(file=sys.stderr, highlight=False)
    shape = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shape, console=screen, transient=True, disable=not screen.is_terminal) as bars:
        bar = {step: bars.add_task(step, total=total, start=step == "copy") for step in ("copy", "compare")}

        def told(step: str, _: object, number: int) -> None:
            bars.start_task(bar[step])
            bars.advance(bar[step], number)

        yield told


def _tell(site: Site, source: str, target: str, copied: Copied, *, paused: bool, live: bool) -> None:
    from nuvom.cli.output import print_json, print_table, shown

    if site.as_json:
        print_json(_fields(source, target, copied, paused=paused))
        return
    rows = (
        (kind.value, f"{t.rows:,}", f"{t.copied:,}", f"{t.unlike:,}", f"{t.missing:,}")
        for kind, t in copied.tallies.items()
    )
    print_table(("", "rows", "copied now", "differ", "missing"), rows, empty="")
    for fault in copied.faults[:_SHOWN]:
        print(shown(f"{fault.kind.value} {fault.key}: {fault.reason}"), file=sys.stderr)
    for line in _conclusion(source, target, copied, paused=paused, live=live):
        print(shown(line))


def _conclusion(source: str, target: str, copied: Copied, *, paused: bool, live: bool) -> Iterator[str]:
    if not copied.verified:
        yield (
            f"not all of {source} is in {target} as it is: what could not be stored is named above; what differs went "
            "on in one of the two since it was copied, or was made in both: then begin with an empty store"
        )
        return
    yield f"verified: every row of {source} is in {target}" + ("" if live else ", and the same")
    yield f"start services on {target} from now on (NUVOM_URL), and let producers use it"
    if paused:
        yield f"the schedules and queues of {source} are paused"
    else:
        yield f"{source} still has all of it: a service on it would run the same again; --pause-source prevents that"


def _fields(source: str, target: str, copied: Copied, *, paused: bool) -> dict[str, Any]:
    return {
        "from": source,
        "to": target,
        "verified": copied.verified,
        "source_paused": paused,
        "kinds": {
            kind.value.replace(" ", "_"): {
                "rows": tally.rows,
                "copied": tally.copied,
                "differ": tally.unlike,
                "missing": tally.missing,
            }
            for kind, tally in copied.tallies.items()
        },
        "faults": [{"kind": fault.kind.value, "key": fault.key, "reason": fault.reason} for fault in copied.faults],
    }
