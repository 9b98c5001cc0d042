"""Pictures of views: one function for each kind of answer, in a literal that names them as the views are named.

A picture takes the answer of a view as it is (frozen dataclasses of arrays; this module knows their fields, not their
classes) and what a person gave: `About`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from tongsu.plots import views_budget as budget
from tongsu.plots import views_game as game
from tongsu.plots import views_layers as layers
from tongsu.plots import views_learning as learning
from tongsu.plots import views_looked as looked
from tongsu.plots import views_numbers as numbers
from tongsu.plots import views_text as text
from tongsu.plots.views_parts import About

PICTURES: dict[str, Callable[[Any, About], Figure]] = {
    "layers": layers.layers,
    "activations": layers.activations,
    "first-weights": layers.first_weights,
    "wires": layers.wires,
    "unit": numbers.unit,
    "pixel": numbers.pixel,
    "pool": numbers.pool,
    "activation-functions": layers.activation_functions,
    "dead-units": layers.dead_units,
    "backpropagation": learning.backpropagation,
    "gradients-by-step": learning.gradients_by_step,
    "gradients-by-depth": learning.gradients_by_depth,
    "gates": text.gates,
    "gate-numbers": numbers.gate_numbers,
    "trajectory": text.trajectory,
    "running-prediction": text.running,
    "directions": text.directions,
    "neighbours": numbers.neighbours,
    "attention": text.attention,
    "attention-maps": text.attention_maps,
    "integrated-gradients": looked.integrated_gradients,
    "grad-cam": looked.grad_cam,
    "occlusion": looked.occlusion,
    "deletion": looked.deletion,
    "shift": learning.shift,
    "decision-map": layers.decision_map,
    "ablation": learning.ablation,
    "weight-noise": learning.weight_noise,
    "activation-exchange": learning.activation_exchange,
    "embedding-map": layers.embedding_map,
    "samples": game.drawings,
    "interpolation": game.drawings,
    "latent-arithmetic": game.latent_arithmetic,
    "scores": game.scores,
    "round": game.adversarial_round,
    "mode-collapse": game.mode_collapse,
    "same-budget": budget.same_budget,
    "depth-accuracy": budget.depth_accuracy,
    "conv-sandbox": numbers.conv_sandbox,
}


def draw(view: str, answer: Any, about: About | None = None) -> Figure:
    """The picture of a view's answer. A view that has none is a bug."""
    return PICTURES[view](answer, about or About())
