"""Command groups that import a command when it runs; their help comes from a table."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import partial
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info

from devicemgr.cli.command_table import SECTIONS, Row
from devicemgr.cli.examples import EXAMPLES

COMMON_OPTIONS = (
    "Everywhere: --json prints one JSON document; --home DIR chooses the home (else DEVICEMGR_HOME); --host URL with "
    "--token-file FILE works with the daemon of another computer; --yes answers what a command asks before it destroys "
    "something, and is needed for that without a terminal."
)


class LightCommand(TyperCommand):
    """A command that imports Pydantic, with which Typer converts values, only for values that need it."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, with their conversion made lazy."""
        return _make_light(super().get_params(ctx))


class LazyGroup(TyperGroup):
    """A group whose commands are rows of a table; `groups` are groups inside it."""

    def __init__(self, *, rows: Mapping[str, Row], groups: Mapping[str, TyperGroup], **settings: Any) -> None:
        super().__init__(**settings | {"commands": _Commands(rows, groups)})
        self._help = {name: row.help for name, row in rows.items()}
        self._help |= {name: group.help or "" for name, group in groups.items()}

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, with their conversion made lazy."""
        return _make_light(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the table."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the list of commands as Typer does, without importing one of them."""
        self.write_commands(formatter, "Commands", list(self._help))

    def write_commands(self, formatter: Any, title: str, names: Iterable[str]) -> None:
        """Write a section of commands with their help in one line each."""
        limit = formatter.width - 6 - max(map(len, self._help))
        lines = [(name, TyperCommand(name, help=self._help[name]).get_short_help_str(limit)) for name in names]
        with formatter.section(title):
            formatter.write_dl(lines)


class _Commands(MutableMapping[str, Any]):
    """The commands of a group by name, each loaded on first use."""

    def __init__(self, rows: Mapping[str, Row], groups: Mapping[str, TyperGroup]) -> None:
        self._rows = dict(rows)
        self._loaded: dict[str, Any] = dict(groups)
        self._names = [*rows, *groups]

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._rows[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError("commands are added to the table")

    def __delitem__(self, name: str) -> None:
        raise TypeError("commands are removed from the table")


def _load(name: str, row: Row) -> TyperCommand:
    module, _, attribute = row.place.partition(":")
    registered = getattr(import_module(module), attribute).registered_commands
    info = next(info for info in registered if info.name == name)
    # Between \b and an empty line the help is not wrapped, so that the example can be copied.
    example = f"\b\nExample:\n  {row.example}\n\n" if row.example else ""
    info.cls, info.epilog = LightCommand, example + COMMON_OPTIONS
    command = get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)
    assert isinstance(command, TyperCommand)
    return command


def _make_light(params: list[Any]) -> list[Any]:
    for param in params:
        # Older versions of Typer convert without Pydantic, and have no descriptor.
        if hasattr(param, "type_descriptor") and "process_value" not in vars(param):
            param.process_value = partial(_process, param, param.process_value)
    return params


def _process(param: Any, convert: Callable[..., Any], ctx: Any, value: Any) -> Any:
    """Return a value as Typer does; nothing is converted where none was given, or text is what is wanted."""
    is_many = param.multiple or param.nargs != 1
    is_absent = value is None and not param.required and not is_many
    is_text = isinstance(value, str) and param.type_descriptor.annotation is str and not is_many
    if not (is_absent or is_text):
        return convert(ctx, value)
    return value if param.callback is None else param.callback(ctx, param, value)


def build_app(help: str, groups: Mapping[str, str], commands: Mapping[str, Row]) -> typer.Typer:
    """Return the app of `commands`, each by the words that call it, and of `groups`, each with its help."""
    commands = {words: row._replace(example=row.example or EXAMPLES.get(words, "")) for words, row in commands.items()}

    class Root(LazyGroup):
        def __init__(self, **settings: Any) -> None:
            inner = {name: _build_group(name, text, commands) for name, text in groups.items()}
            rows = {name: row for name, row in commands.items() if " " not in name}
            super().__init__(rows=rows, groups=inner, **settings)

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
            for title, names in SECTIONS.items():
                self.write_commands(formatter, title, [name for name in names if name in self.commands])

    return typer.Typer(
        cls=Root,
        callback=_do_nothing,
        help=help,
        epilog=COMMON_OPTIONS,
        no_args_is_help=True,
        add_completion=True,
        context_settings={"help_option_names": ["--help", "-h"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def _build_group(name: str, text: str, commands: Mapping[str, Row]) -> LazyGroup:
    rows = {words.removeprefix(f"{name} "): row for words, row in commands.items() if words.startswith(f"{name} ")}
    return LazyGroup(
        rows=rows,
        groups={},
        name=name,
        help=text,
        epilog=COMMON_OPTIONS,
        no_args_is_help=True,
        rich_markup_mode=None,
    )


def _do_nothing() -> None:
    """Stand for the command line itself, which Typer treats as a command."""
