"""Views (视图): explanations computed from a model and an input, as plain arrays with names, never pixels."""

from tongsu.explain.arrays import as_json, rows
from tongsu.explain.trajectory import RunningPrediction, running_prediction
from tongsu.explain.views import VIEWS, Parameter, View, schema

__all__ = ["VIEWS", "Parameter", "RunningPrediction", "View", "as_json", "rows", "running_prediction", "schema"]
