"""Bringing an exported folder to a model hub: the Hugging Face hub, a mirror, or one of your own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tongsu.errors import Failure
from tongsu.export import export
from tongsu.learned import Learned


def push(
    learned: Learned, repo: str, endpoint: str | None = None, token: str | None = None, private: bool = True
) -> dict[str, Any]:
    """Make the repository if need be and commit the run's folder to it. Token and address come from the hub's own
    settings (HF_TOKEN, `hf auth login`, HF_ENDPOINT) unless given. Raises Failure with the hub's own reason."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=endpoint, token=token, library_name="tongsu")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        answer = export(learned, "hf", folder)
        try:
            address = api.create_repo(repo, private=private, exist_ok=True)
            commit = api.upload_folder(
                repo_id=address.repo_id, folder_path=folder, commit_message=f"tongsu: {learned.run.name}"
            )
        except Exception as error:  # its client has errors of its own, of the network, and of what names may be
            reason = " ".join(str(error).split())[:300]
            raise Failure("export.not_pushed", repo=repo, endpoint=api.endpoint, reason=reason) from None
    return {**answer, "folder": None, "repo": str(address), "commit": commit.oid}
