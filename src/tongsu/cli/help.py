"""`--help` in the person's language: usage, a sentence, and a panel each for arguments, options and commands.

Typer's own help has English headings in every language, and reads a Markdown library before it says a word.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperArgument, TyperCommand, TyperGroup

from tongsu.locale import t


class Command(TyperCommand):
    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(self, ctx, []))


class Group(TyperGroup):
    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(self, ctx, [(name, command.help or "") for name, command in self.commands.items()]))


def page(command: TyperCommand | TyperGroup, ctx: Any, commands: list[tuple[str, str]]) -> str:
    """The whole text; `commands` are the names and sentences of those that a group has, none for a single command."""
    panels: dict[str, list[tuple[str, str]]] = {"arguments": [], "options": [], "commands": commands}
    for param in command.get_params(ctx):
        name, _ = param.get_help_record(ctx) or ("", "")
        panels["arguments" if isinstance(param, TyperArgument) else "options"].append((name, about(param)))
    console = Console(highlight=False, emoji=False)
    with console.capture() as written:
        usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
        console.print(Text.assemble("\n ", (t("cli.help.usage"), "yellow"), (usage, "bold"), "\n"))
        console.print(Padding(Text(command.help or ""), (0, 1, 1, 1), expand=False))
        for panel, rows in panels.items():
            if rows:
                table = Table.grid(padding=(0, 2))
                table.add_column(style="bold cyan", max_width=console.width // 3, overflow="fold")
                table.add_column(overflow="fold")  # Chinese has no spaces to break a line at
                for name, text in rows:
                    table.add_row(Text(name), Text(text))
                title = t(f"cli.help.panel.{panel}")
                console.print(Panel(table, title=title, title_align="left", border_style="dim"))
    return written.get()


def about(param: Any) -> str:
    """What an argument or option is for, with its default, or that it must be given."""
    text: str = t("cli.help.help") if param.name == "help" else param.help or ""
    if param.required:
        return text + t("cli.help.required")
    if param.show_default and not (param.default is None or isinstance(param.default, bool)):
        return text + t("cli.help.default", value=param.default)
    return text
