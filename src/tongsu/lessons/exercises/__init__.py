"""Exercises (练习) that look at what a person made: a file with a function, runs, or a server.

    EXERCISES["neuron"].check("neuron.py")      # a Verdict: passed, what was seen, and a hint
"""

from __future__ import annotations

import difflib

from tongsu.errors import Problem
from tongsu.lessons.exercises.adversarial import COVERAGE, GAME_LOSSES, SIGNED
from tongsu.lessons.exercises.convolutions import MAP_SIZE, MAX_POOL, MOVED
from tongsu.lessons.exercises.deep import PADDING, RESIDUAL_BLOCK, SHORTCUTS
from tongsu.lessons.exercises.exercise import Exercise, Verdict
from tongsu.lessons.exercises.nets import ATTENTION, LSTM_LINE, PIXEL
from tongsu.lessons.exercises.neurons import BACKWARD_STEP, NEURON
from tongsu.lessons.exercises.perceptrons import ONE_LAYER, STUCK, TWO_LAYERS
from tongsu.lessons.exercises.recurrent import CLIP, GRU_LINE, UNROLL
from tongsu.lessons.exercises.served import SERVE
from tongsu.lessons.exercises.trained import BREAKING_RATE, COLLAPSE, OVERFIT, SMALL_CNN

__all__ = ["EXERCISES", "Exercise", "Verdict", "find"]

# In the order of the lessons, from easy to hard.
EXERCISES: dict[str, Exercise] = {
    "neuron": NEURON.exercise(),
    "breaking-rate": BREAKING_RATE,
    "one-layer": ONE_LAYER.exercise(),
    "backward-step": BACKWARD_STEP.exercise(),
    "stuck": STUCK,
    "two-layers": TWO_LAYERS.exercise(),
    "overfit": OVERFIT,
    "map-size": MAP_SIZE.exercise(),
    "pixel": PIXEL.exercise(),
    "max-pool": MAX_POOL.exercise(),
    "moved": MOVED,
    "small-cnn": SMALL_CNN,
    "unroll": UNROLL.exercise(),
    "clip": CLIP.exercise(),
    "lstm-line": LSTM_LINE.exercise(),
    "gru-line": GRU_LINE.exercise(),
    "signed": SIGNED.exercise(),
    "game-losses": GAME_LOSSES.exercise(),
    "coverage": COVERAGE.exercise(),
    "collapse": COLLAPSE,
    "attention": ATTENTION.exercise(),
    "padding": PADDING.exercise(),
    "residual-block": RESIDUAL_BLOCK.exercise(),
    "shortcuts": SHORTCUTS,
    "serve": SERVE,
}


def find(name: str, place: str | None = None) -> Exercise:
    """place: the lesson's file and line, where a lesson asks. Raises Problem when there is none of that name."""
    if name not in EXERCISES:
        known = ", ".join(difflib.get_close_matches(name, EXERCISES, n=2, cutoff=0.4) or EXERCISES)
        if place:
            raise Problem("lessons.no_exercise", place=place, name=name, known=known)
        raise Problem("lessons.unknown_exercise", name=name, known=known)
    return EXERCISES[name]
