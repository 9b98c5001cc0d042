"""The command line: thin. Every command speaks to people in their language, and with `--json` to programs."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `tongsu`. `--lang` may stand anywhere; it is read first, as the help texts need it too."""
    from tongsu.locale import LANGUAGES, set_language

    for at, word in enumerate(sys.argv):
        name, _, value = word.partition("=")
        if name == "--lang":
            width = 1 if value else 2
            chosen = value or "".join(sys.argv[at + 1 : at + 2])
            if chosen in LANGUAGES:
                set_language(chosen)
                del sys.argv[at : at + width]
            break
    from tongsu.cli.app import run

    run()


if __name__ == "__main__":
    main()
