"""The server that `serving.py` measures beside ours: LitServe with its batching on, as its documents recommend.

    python benchmarks/serving_litserve.py RUN PORT
"""

import base64
import sys
from pathlib import Path
from typing import Any

import litserve
import torch

from tongsu.learned import Learned
from tongsu.models.logits import probabilities
from tongsu.runs.run import Run


class Api(litserve.LitAPI):
    folder = ""

    def setup(self, device: Any) -> None:
        self.learned = Learned.load(Run(Path(self.folder)))

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # a type here would be taken as the body's
        raw = request["inputs"][0]
        return self.learned.read([base64.b64decode(raw) if self.learned.recipe.model == "cnn" else raw])

    def batch(self, inputs: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat(inputs)

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return probabilities(self.learned.model(x))

    def unbatch(self, output: torch.Tensor) -> list[list[float]]:
        return output.tolist()

    def encode_response(self, output: list[float]) -> dict[str, Any]:
        return {"predictions": [dict(zip(self.learned.labels, output, strict=True))]}


if __name__ == "__main__":
    api = Api(max_batch_size=64, batch_timeout=0.002)
    api.folder = sys.argv[1]
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[2]), log_level="warning", generate_client_file=False, num_api_servers=1)
