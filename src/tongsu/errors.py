"""What can go wrong, said once and in the reader's language.

An error is an entry of the locale catalogue: `Problem("data.missing_column", file=..., column=...)` shows
`missing_column.message` and `missing_column.hint` of `locale/<language>/data.toml`.
"""

from __future__ import annotations

from tongsu.locale import t


class Problem(Exception):
    """A mistake or a fault that a person can do something about: one line of what, one line of what to do.

    The command line prints it without a traceback and ends with `exit_code`: 2 when the input or the
    surroundings must change (the usual case), 1 when the work itself failed.
    """

    exit_code = 2

    def __init__(self, key: str, /, **values: object) -> None:
        self.kind = key.rpartition(".")[2].replace("_", "-")
        self.message = t(f"{key}.message", **values)
        self.hint = t(f"{key}.hint", **values)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Failure(Problem):
    """The request was sound, yet the work failed (no network, the loss became NaN, ...)."""

    exit_code = 1
