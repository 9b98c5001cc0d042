"""`tongsu studio`: a page in the browser, served from this machine to this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.locale import t

PORT = 8765


def studio(
    port: Annotated[int, typer.Option(help=t("cli.help.port"), min=0, max=65535)] = PORT,
    no_browser: Annotated[bool, typer.Option("--no-browser", help=t("cli.help.no_browser"))] = False,
    as_json: AsJson = False,
) -> None:
    from tongsu.studio.server import listening

    with listening(port) as opened:
        running = [run.name for run in opened.trainings()]
        console.print(t("cli.studio.open", address=opened.address), markup=False, style="bold", soft_wrap=True)
        if not opened.built:
            console.print(t("cli.studio.no_page"), markup=False)
        if running:
            console.print(t("cli.studio.running", runs=", ".join(running)), markup=False)
        console.print(t("cli.studio.ends"), markup=False)
        answer = {"address": opened.address, "port": opened.port, "runs": str(opened.runs), "trainings": running}
        emit(answer, as_json)
        if not no_browser:
            opened.show()  # whoever comes waits in the socket's queue until the application stands
        opened.serve()
