"""The server that `serving.py` measures beside ours, as a tutorial has it: a function of FastAPI, a thread of its pool
for each request, the model called with one input.

    python benchmarks/serving_plain.py RUN PORT
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from tongsu.learned import Learned
from tongsu.models.logits import probabilities
from tongsu.runs.run import Run

app = FastAPI()
learned = Learned.load(Run(Path(sys.argv[1])))


class Asked(BaseModel):
    inputs: list[str]


@app.post("/predict")
def predict(asked: Asked) -> dict[str, list[dict[str, float]]]:
    raws = [base64.b64decode(raw) if learned.recipe.model == "cnn" else raw for raw in asked.inputs]
    with torch.inference_mode():
        rows = probabilities(learned.model(learned.read(raws))).tolist()
    return {"predictions": [dict(zip(learned.labels, row, strict=True)) for row in rows]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
