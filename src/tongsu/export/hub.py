"""Bringing an exported folder to a model hub: the Hugging Face hub, a mirror, or one of your own."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tongsu.errors import Failure
from tongsu.export import export
from tongsu.learned import Learned

PUBLIC = "https://huggingface.co"


def push(
    learned: Learned, repo: str, endpoint: str | None = None, token: str | None = None, private: bool = True
) -> dict[str, Any]:
    """Make the repository if need be and commit the run's folder to it. Token and address come from the hub's own
    settings (HF_TOKEN, `hf auth login`, HF_ENDPOINT) unless given. Raises Failure with the hub's own reason."""
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()
    api = HfApi(endpoint=endpoint, token=token, library_name="tongsu")
    with tempfile.TemporaryDirectory() as place, ExitStack() as files:
        folder = Path(place) / "model"
        answer = export(learned, "hf", folder)
        # Given a path, the client stores large files in Xet, which only the public hub has; an open file goes the way
        # of LFS, which every hub knows.
        public = api.endpoint == PUBLIC
        parts = [
            CommitOperationAdd(path.name, path if public else files.enter_context(path.open("rb")))
            for path in sorted(folder.iterdir())
        ]
        try:
            address = api.create_repo(repo, private=private, exist_ok=True)
            commit = api.create_commit(address.repo_id, parts, commit_message=f"tongsu: {learned.run.name}")
        except Exception as error:  # its client has errors of its own, of the network, and of what names may be
            reason = " ".join(f"{error} {error.__cause__ or ''}".split())[:300]
            raise Failure("export.not_pushed", repo=repo, endpoint=api.endpoint, reason=reason) from None
    return {**answer, "folder": None, "repo": str(address), "commit": commit.oid}
