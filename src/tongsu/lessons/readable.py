"""Formulas for a terminal: TeX becomes a line of Unicode, `\\frac{1}{1 + e^{-z}}` becomes 1 / (1 + e⁻ᶻ).

Only what the lessons use; what is not known stays as it is written.
"""

from __future__ import annotations

import re

SYMBOLS = {
    r"\partial": "∂", r"\sigma": "σ", r"\eta": "η", r"\sum": "Σ", r"\prod": "∏", r"\odot": "⊙", r"\cdot": "·",
    r"\leftarrow": "←", r"\infty": "∞", r"\top": "T", r"\lfloor": "⌊", r"\rfloor": "⌋", r"\quad": "  ",
    r"\left": "", r"\right": "", r"\;": " ", r"\,": " ",
    r"\log": "log", r"\tanh": "tanh", r"\max": "max", r"\min": "min", "-": "−",
}  # fmt: skip
CLOSE = (r"\partial", r"\left", r"\right", r"\lfloor")  # nothing stands between these and what follows
RAISED = dict(zip("0123456789+−()aentzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᵃᵉⁿᵗᶻᵀ", strict=True))
LOWERED = dict(zip("0123456789+−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
# As in the lessons themselves: code first, what stands in it is no formula.
PIECE = re.compile(
    r"(?P<code>^```.*?^```|`[^`]*`)|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+)\$", re.DOTALL | re.MULTILINE
)
GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"  # with groups of one level inside


def readable(markdown: str) -> str:
    """Markdown whose formulas can be read as they stand; a display formula becomes a block, a line for each part."""

    def one(found: re.Match[str]) -> str:
        if found["code"]:
            return found["code"]
        if found["block"]:
            parts = re.split(r",?\s*\\qquad", found["block"])
            return "\n```text\n" + "\n".join(line(part) for part in parts) + "\n```\n"
        return re.sub(r"([\\`*_\[\]<])", r"\\\1", line(found["inline"]))

    return PIECE.sub(one, markdown)


def line(tex: str) -> str:
    """One formula on one line."""
    text = " ".join(tex.split())
    text = re.sub(r"\\(?:text|mathbb)" + GROUP, r"\1", text)
    for pattern, put in ((r"\\d?frac" + GROUP + GROUP, _fraction), (r"\\sqrt" + GROUP, _root)):
        while found := re.search(pattern, text):
            text = text[: found.start()] + put(*found.groups()) + text[found.end() :]
    for name, sign in SYMBOLS.items():
        end = r"(?![A-Za-z])" if name[1:].isalpha() else ""
        text = re.sub(re.escape(name) + end + (" ?" if name in CLOSE else ""), sign, text)
    text = re.sub(r"([_^])(?:" + GROUP + r"|(.))", lambda found: _script(found[1], found[2] or found[3]), text)
    return re.sub(r"  +", " ", text).strip()


def _fraction(above: str, below: str) -> str:
    short = re.compile(r"(\\\w+ )?\w(_\w)?|\d+")
    if short.fullmatch(above) and short.fullmatch(below):
        return f"{above}/{below}"
    return " / ".join(part if short.fullmatch(part) else f"({part})" for part in (above, below))


def _root(inside: str) -> str:
    return f"√{inside}" if len(inside) == 1 else f"√({inside})"


def _script(kind: str, text: str) -> str:
    """Raised or lowered where Unicode can; indices that it cannot lower stand in brackets, as in code."""
    letters = RAISED if kind == "^" else LOWERED
    bare = text.strip()
    if all(letter in letters for letter in bare):
        return "".join(letters[letter] for letter in bare)
    if kind == "^":
        return f"^({bare})" if len(bare) > 1 else f"^{bare}"
    return f"[{bare}]" if "," in bare else f"_{bare}"
