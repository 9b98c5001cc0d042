"""A file from a model hub: through the hub's own client, which knows HF_ENDPOINT (a mirror), HF_HOME and tokens.

What a hub serves is not pinned by us. For a large file the hub itself names the sha256, and it is compared here; the
file is then read as any other foreign file, by `files.read_weights`.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from tongsu.data.sources import is_offline
from tongsu.errors import Failure, Problem


def hub_file(repository: str, filename: str, *, offline: bool = False) -> Path:
    """The file in the hub's cache, brought there if need be.

    Raises Problem when it may not be downloaded, Failure when the hub cannot be reached or served wrong bytes.
    """
    import huggingface_hub as hub
    from huggingface_hub.utils import HfHubHTTPError

    endpoint = os.environ.get("HF_ENDPOINT") or None
    folder = Path(os.environ["HF_HOME"]).expanduser() / "hub" if os.environ.get("HF_HOME") else None
    local_only = is_offline(offline) or os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    try:
        path = Path(
            hub.hf_hub_download(
                repository, filename, endpoint=endpoint, cache_dir=folder, local_files_only=local_only
            )
        )  # fmt: skip
    except (HfHubHTTPError, OSError, ValueError) as error:
        if local_only:
            raise Problem("pretrained.hub_offline", name=f"{repository}/{filename}") from None
        where = endpoint or "https://huggingface.co"
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise Failure("pretrained.hub", name=f"{repository}/{filename}", where=where, reason=reason) from None
    blob = path.resolve()
    if re.fullmatch(r"[0-9a-f]{64}", blob.name):  # the hub names large files by their sha256
        with blob.open("rb") as opened:
            right = hashlib.file_digest(opened, "sha256").hexdigest() == blob.name
        if not right:
            blob.unlink()
            raise Failure("pretrained.hub_bytes", name=f"{repository}/{filename}")
    return path


def in_cache(repository: str, filename: str) -> bool:
    try:
        hub_file(repository, filename, offline=True)
    except Problem:
        return False
    return True
