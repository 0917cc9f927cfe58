"""What all commands share: which store and app they are about, and how an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuvom.cli.options import Limit

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom.stores.base import Store

UrlOption = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="The store; by default NUVOM_URL or .nuvom/nuvom.db.")
]
AppOption = Annotated[
    str | None, typer.Option("--app", metavar="MODULE:APP", help="An app of your own, such as shop.tasks:app.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_Command = Callable[..., None]


class Site:
    """The store and the app that a command is about; opened when first asked for.

    Args:
        url: The store that was said on the command line, if one was.
        app_path: `package.module:name` of an app of the user's own, if one was said.
        as_json: Whether the output is for programs.
    """

    def __init__(self, url: str | None, app_path: str | None, *, as_json: bool = False) -> None:
        self.url = url
        self.app_path = app_path
        self.as_json = as_json
        self._opened: list[Nuvom | Store] = []

    @cached_property
    def app(self) -> Nuvom:
        """The app, to look at what is stored and to change it; tasks are not imported for it.

        Raises:
            SettingsError: no other process can see the store.
            StoreUnusable: there is none.
        """
        from nuvom.cli.stores import refuse_private, require_present

        app = self.bare_app()
        refuse_private(app.settings)
        require_present(app.settings)
        return app

    @cached_property
    def store(self) -> Store:
        """The store alone, for what must be quick: neither app nor tasks are imported for it; raises as `app` does."""
        if self.app_path is not None:
            return self.app.store
        from nuvom import _settings
        from nuvom.cli.stores import refuse_private, require_present
        from nuvom.stores.opening import open_named

        settings = _settings.load({"url": self.url})
        refuse_private(settings)
        require_present(settings)
        store = open_named(settings)
        self._opened.append(store)
        return store

    def bare_app(self) -> Nuvom:
        """Return the app of `--app`, else one without tasks; its store may not be there yet."""
        from nuvom._app import Nuvom

        return self._opening(self._own_app() or Nuvom(self.url))

    def code_app(self) -> Nuvom:
        """Return the app that the users' tasks belong to: the one of `--app`, or the one behind `@nuvom.task`."""
        from nuvom import _default

        app = self._own_app() or _default.app
        self.direct(app)
        return self._opening(app)

    def direct(self, app: Nuvom) -> None:
        """Let an app use the store of `--url`, whatever its code says; raises SettingsError where it used another."""
        from nuvom.cli.tasks import insist

        if self.url is not None:
            insist(app, {"url": self.url})

    def close(self) -> None:
        """Close what was opened."""
        for opened in self._opened:
            opened.close()

    def _own_app(self) -> Nuvom | None:
        if self.app_path is None:
            return None
        from nuvom.cli.tasks import import_app

        app = import_app(self.app_path)
        self.direct(app)
        return app

    def _opening(self, app: Nuvom) -> Nuvom:
        self._opened.append(app)
        return app


def remember(context: typer.Context, url: str | None, app: str | None) -> None:
    """Keep options that were said before the command; those said later win."""
    before = context.obj or {}
    context.obj = {"url": url or before.get("url"), "app": app or before.get("app")}


def group(root: typer.Typer, name: str, text: str) -> typer.Typer:
    """Return a new group of commands, such as `nuvom jobs`."""
    made = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

    @made.callback(help=text)
    def options(context: typer.Context, url: UrlOption = None, app: AppOption = None) -> None:
        remember(context, url, app)

    root.add_typer(made, name=name)
    return made


def group_that_lists(root: typer.Typer, name: str, text: str, function: Callable[..., None]) -> typer.Typer:
    """Return a new group of commands that does what its `list` does where no command follows its name."""
    made = typer.Typer(rich_markup_mode=None)

    @made.callback(invoke_without_command=True, help=text)
    def options(
        context: typer.Context,
        url: UrlOption = None,
        app: AppOption = None,
        *,
        json: JsonOption = False,
        limit: Limit = 100,
    ) -> None:
        remember(context, url, app)
        if context.invoked_subcommand is None:
            _run(context, function, as_json=json, limit=limit)

    root.add_typer(made, name=name)
    command(made, "list")(function)
    return made


def _run(context: typer.Context, function: Callable[..., None], *, as_json: bool, **given: Any) -> None:
    site = Site(context.obj["url"], context.obj["app"], as_json=as_json)
    with answered():
        _refuse_bytes(given)
        try:
            function(site, **given)
        finally:
            site.close()


def _refuse_bytes(given: Mapping[str, object]) -> None:
    """Refuse words that are no UTF-8: Python makes of them text that no store can hold."""
    for value in given.values():
        for word in value if isinstance(value, list | tuple) else (value,):
            if isinstance(word, str) and any("\ud800" <= character <= "\udfff" for character in word):
                raise refusal(f"{word[:80]!r} is no text in UTF-8", code=2)


def command(within: typer.Typer, name: str, *, json: bool = True) -> Callable[[_Command], _Command]:
    """Register a command whose first parameter is a `Site`; `--url`, `--app` and `--json` are added to its own options.

    Args:
        within: The program or one of its groups.
        name: The command's name.
        json: Whether it has `--json`.
    """

    def register(function: _Command) -> _Command:
        @wraps(function)
        def run(context: typer.Context, **given: Any) -> None:
            remember(context, given.pop("url"), given.pop("app"))
            _run(context, function, as_json=given.pop("json", False), **given)

        own = list(signature(function, eval_str=True).parameters.values())[1:]
        parameters = [Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context), *own, *_shared(json)]
        run.__signature__ = signature(run).replace(  # type: ignore[attr-defined]  # inspect reads it; typeshed lacks it
            parameters=[parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in parameters]
        )
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        within.command(name)(run)
        return function

    return register


def _shared(json: bool) -> Iterator[Parameter]:  # noqa: FBT001 - private
    offered = {"url": (UrlOption, None), "app": (AppOption, None), "json": (JsonOption, False)}
    for name, (annotation, default) in offered.items():
        if json or name != "json":
            yield Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


@contextmanager
def answered() -> Iterator[None]:
    """Turn errors that people can mend into one message on stderr and an exit code, 2 for what was said wrongly."""
    from nuvom.errors import NuvomError, SettingsError

    try:
        yield
        sys.stdout.flush()
    except SettingsError as error:
        raise refusal(str(error), code=2) from None
    except NuvomError as error:
        raise refusal(str(error)) from None
    except BrokenPipeError:  # the reader of a pipe, such as head(1), has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def refusal(message: str, *, code: int = 1) -> typer.Exit:
    """Say on stderr why a command cannot go on; returns what to raise."""
    print(f"nuvom: {message}", file=sys.stderr)
    return typer.Exit(code)


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether that is meant, unless `--yes` was said; where nobody can answer, it must have been."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise refusal(f"{question} say so with --yes; nothing was done", code=2)
    if not typer.confirm(question, err=True):
        raise refusal("nothing was done")
