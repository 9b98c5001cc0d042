"""What can go wrong, said once and in the reader's language.

An error is an entry of the locale catalogue: `Problem("data.missing_column", file=..., column=...)` shows
`missing_column.message` and `missing_column.hint` of `locale/<language>/data.toml`.
"""

from __future__ import annotations

import re

from tongsu.locale import t

# What a terminal obeys instead of showing it (colours, cursor, line ends), and marks that turn the writing round. An
# error quotes files and texts of strangers.
COMMANDS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Problem(Exception):
    """A mistake or a fault that a person can do something about: one line of what, one line of what to do.

    The command line prints it without a traceback and ends with `exit_code`: 2 when the input or the
    surroundings must change (the usual case), 1 when the work itself failed.
    """

    exit_code = 2

    def __init__(self, key: str, /, **values: object) -> None:
        self.kind = key.rpartition(".")[2].replace("_", "-")
        self.message, self.hint = (COMMANDS.sub("\ufffd", t(f"{key}.{part}", **values)) for part in ("message", "hint"))
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Failure(Problem):
    """The request was sound, yet the work failed (no network, the loss became NaN, ...)."""

    exit_code = 1
