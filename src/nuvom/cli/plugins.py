"""`nuvom plugins`: what other distributions add, and whether a plugin keeps what it has to."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from nuvom.cli.site import Site, command, group, refusal

if TYPE_CHECKING:
    from nuvom.plugins import Plugin
    from nuvom.testing.checking import Promise

Path = Annotated[str, typer.Argument(metavar="PATH", help="package.module:Class, a plugin's name, or a URL.")]
OfUrl = Annotated[
    str | None, typer.Argument(metavar="URL", help="For package.module:Class, which is then made from this URL.")
]


def register(root: typer.Typer) -> None:
    """Add `nuvom plugins`."""
    plugins = group(root, "plugins", "What other distributions add: stores, scheduler backends and hooks.")
    command(plugins, "list")(list_plugins)
    command(plugins, "check")(check)


def list_plugins(site: Site) -> None:
    """List the plugins that are installed, and whether each can be loaded."""
    from nuvom.cli.output import print_json, print_table
    from nuvom.plugins import Group, installed

    found = [(plugin, _problem(plugin)) for wanted in Group for plugin in installed(wanted)]
    if site.as_json:
        print_json([{**plugin._asdict(), "loads": not why, "problem": why} for plugin, why in found])
        return
    columns = ("group", "name", "version", "distribution", "loads", "from")
    rows = ((p.group, p.name, p.version, p.distribution, why or "ok", p.path) for p, why in found)
    print_table(columns, rows, empty="no plugin is installed")


def _problem(plugin: Plugin) -> str | None:
    from nuvom.errors import SettingsError
    from nuvom.plugins import Group
    from nuvom.stores.registry import SCHEMES

    if plugin.group is Group.STORES and plugin.name in SCHEMES:
        return f"{plugin.name}:// is a store of Nuvom's own; the plugin is not used"
    try:
        plugin.load(plugin.name)
    except SettingsError as error:
        return str(error).removeprefix(f"{plugin.name}: ")
    return None


def check(site: Site, path: Path, made_from: OfUrl = None) -> None:
    """Run the conformance kit against a backend of five methods or a store; exit with 1 if it breaks a promise."""
    if find_spec("pytest") is None:
        raise refusal("the kit needs pytest, which is not installed: pip install pytest")
    from nuvom.cli.output import print_json, shown

    promises = _promises(path, made_from)
    broken = [promise for promise in promises if not promise.kept]
    if site.as_json:
        said = [{"promise": p.words, "kept": p.kept, "told": p.told or None} for p in promises]
        print_json({"kept": not broken, "promises": said})
    else:
        for promise in promises:
            print(f"{'ok  ' if promise.kept else 'FAIL'}  {shown(promise.words)}")
            for line in promise.told.splitlines():
                print(f"        {shown(line)}")
        print(f"{len(promises) - len(broken)} of {len(promises)} promises are kept")
    if broken:
        raise typer.Exit(1)


def _promises(path: str, url: str | None) -> list[Promise]:
    """Find out what is meant and run the kit for it."""
    from nuvom._settings import load, masked
    from nuvom.plugins import import_path, is_path
    from nuvom.stores.backends import FIVE, load_backend, make_backend
    from nuvom.stores.registry import names_store
    from nuvom.testing.checking import check_backend

    settings = load({}, url="memory://")
    if is_path(path):
        of = import_path(path, settings.root, path)
        if url is not None and not all(hasattr(of, method) for method in FIVE):
            return _store(url, of)
        return check_backend(path, lambda: make_backend(of, url, masked(url or path), settings))
    if url is not None:
        raise typer.BadParameter("a URL goes with package.module:Class, or stands alone", param_hint="URL")
    if names_store(path):
        return _store(path)
    return check_backend(masked(path), lambda: load_backend(path, settings))


def _store(url: str, opener: object = None) -> list[Promise]:
    from nuvom._clock import Clock
    from nuvom._settings import masked
    from nuvom.errors import SettingsError
    from nuvom.stores.base import Store
    from nuvom.stores.registry import open_by, open_store
    from nuvom.testing.checking import NEW, check_store

    if not url.startswith("memory:") and NEW not in url:
        raise SettingsError(
            f"{masked(url)!r}: write {NEW} into it, where the name of a file, schema or database is: each test gets "
            "an empty store of its own, and what is left of them is yours to drop"
        )

    def opened(name: str, clock: Clock) -> Store:
        said = url.replace(NEW, name)
        if opener is None:
            return open_store(said, clock=clock, auto_migrate=True)
        return open_by(opener, said, masked(said), clock=clock, auto_migrate=True)

    return check_store(opened)
