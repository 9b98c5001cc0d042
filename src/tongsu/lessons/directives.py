"""The one form of a directive, `{{name words option=value}}`, and what each of them may be given.

    {{code models/rnn.py:lstm_step}}               our own source, cut out when the lesson is built
    {{measured border.one percent}}                a figure of an experiment
    {{term vanishing-gradient}}                    a word of the glossary, introduced
    {{view last decision-map resolution=128}}      a view of the learner's own run, or its picture
    {{picture decision-map}}                       a committed picture alone
    {{exercise neuron}}                            an exercise
    {{idea forward-pass}}                          the place to which the index of ideas leads
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from tongsu.errors import Problem


@dataclass(frozen=True)
class Form:
    """block: stands alone in its paragraph, else within a sentence. least, most: words after the name. options: those
    that it takes, or None for any."""

    usage: str
    block: bool
    least: int
    most: int
    options: frozenset[str] | None = frozenset()


FORMS = {
    "code": Form("{{code FILE:NAME from=TEXT to=TEXT}}", True, 1, 1, frozenset({"from", "to"})),
    "view": Form("{{view RUN VIEW INPUT picture=NAME option=value}}", True, 2, 3, None),
    "picture": Form("{{picture NAME}}", True, 1, 1),
    "exercise": Form("{{exercise NAME}}", True, 1, 1),
    "idea": Form("{{idea NAME}}", True, 1, 1),
    "measured": Form("{{measured EXPERIMENT.FIGURE FORMAT}}", False, 1, 2),
    "term": Form("{{term NAME}}", False, 1, 1),
}
WHOLE = re.compile(r"\{\{([^{}]*)\}\}")
# Code and formulas first: what looks like a directive in them is none.
PIECE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)|\$\$.*?\$\$|\$[^$\n]+\$|\{\{(?P<inside>[^{}]*)\}\}", re.DOTALL)


@dataclass(frozen=True)
class Directive:
    """`place`: file and line, for whoever has to mend it."""

    name: str
    words: tuple[str, ...]
    options: dict[str, str] = field(compare=False, hash=False)
    place: str

    @property
    def target(self) -> str:
        return self.words[0]


def read(inside: str, place: str, *, block: bool) -> Directive:
    """What stands between the braces. Raises Problem for an unknown name and for what the form does not allow."""
    try:
        name, *rest = shlex.split(inside)
    except ValueError:  # a quotation mark that is not closed, or nothing at all
        name, rest = inside.strip().partition(" ")[0], ["", "", "", ""]
    if name not in FORMS:
        raise Problem("lessons.unknown_directive", place=place, name=name, known=", ".join(FORMS))
    form = FORMS[name]
    pairs = [word.partition("=") for word in rest]
    options = {key: value for key, sign, value in pairs if sign and key.isidentifier()}
    words = tuple(word for word, (key, sign, _) in zip(rest, pairs, strict=True) if not (sign and key.isidentifier()))
    foreign = set() if form.options is None else set(options) - form.options
    if foreign or not form.least <= len(words) <= form.most:
        raise Problem("lessons.directive_form", place=place, text="{{" + inside + "}}", usage=form.usage)
    if form.block != block:
        kind = "block" if form.block else "inline"
        raise Problem(f"lessons.only_{kind}", place=place, text="{{" + inside + "}}")
    return Directive(name, words, options, place)
