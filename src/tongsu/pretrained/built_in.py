"""Names that stand where a run can: `imagenet`, `sentiment` and `sentiment-zh` (情感) answer without any training.

Behind each is an ordinary run folder in the cache, put together the first time from the weights of others (`imagenet`),
from those and the last layer that our own recipe fitted (`sentiment`; `benchmarks/finetune.py` says how it was
measured), or from the package (`sentiment-zh`). So whatever a run can do, they can: predict, explain, export, serve.
A run of the person's own with such a name goes first.
"""

from __future__ import annotations

from tongsu.errors import Problem
from tongsu.locale import language
from tongsu.runs.atomic import make_folder
from tongsu.runs.store import Run, RunStore

VERSION = 2  # raise it when what a name stands for changes
ALIASES = {"情感": "sentiment-zh", "情感分析": "sentiment-zh", "图片": "imagenet", "sentiment-en": "sentiment"}
NAMES = ("imagenet", "sentiment", "sentiment-zh", "sentiment-hub")


def plain(spec: str) -> str:
    return ALIASES.get(spec, spec)


def is_built_in(spec: str) -> bool:
    """Unless the person has a run of that name."""
    return plain(spec) in NAMES and not Run(RunStore().root / spec).exists()


def find(spec: str) -> Run:
    """The run that a person means, as `RunStore.find` does, or the one behind a built-in name.

    Raises Problem for a name that nobody has, Failure when a network has to be fetched and cannot be.
    """
    if not is_built_in(spec):
        return RunStore().find(spec)
    name = plain(spec)
    if name == "sentiment-hub":
        raise Problem("pretrained.hub_only", name=spec)
    from tongsu.data.sources import home  # with it comes PyTorch, which a server's parent can do without

    edition = f"{VERSION}-{language()}" if name == "imagenet" else f"{VERSION}"  # its labels are words
    run = Run(home() / "built-in" / edition / name)
    if not run.exists():
        from tongsu.pretrained.as_runs import MAKERS

        make_folder(run.path)
        MAKERS[name](run)
    return run
