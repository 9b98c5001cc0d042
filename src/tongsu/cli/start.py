"""What a command does first when it needs torch: the longest wait of most of them."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

from rich.live import Live
from rich.spinner import Spinner

from tongsu.cli.console import console
from tongsu.locale import t


def start_torch() -> None:
    """Import torch, and say so meanwhile.

    Python's collector is off until then: it would look through the 250,000 objects that the import makes again and
    again, all of which stay, and take a tenth to a fifth of its time. `freeze` spares them its later rounds too.
    """
    if "torch" in sys.modules:
        return
    waiting = Spinner("dots", t("cli.starting"))
    with Live(waiting, console=console, transient=True, refresh_per_second=2):  # drawing takes time from the import
        gc.disable()
        try:
            import_module("torch")
        finally:
            gc.freeze()
            gc.enable()
