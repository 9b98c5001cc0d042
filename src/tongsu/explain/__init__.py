"""Views (视图): explanations computed from a model and an input, as plain arrays with names, never pixels."""

from tongsu.explain.trajectory import RunningPrediction, running_prediction

__all__ = ["RunningPrediction", "running_prediction"]
