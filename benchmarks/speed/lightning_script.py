"""The nets of `pytorch_script.py` in PyTorch Lightning: a LightningModule, a Trainer, nothing else switched on.

    .venv-bench/bin/python benchmarks/speed/lightning_script.py lstm --arrays lstm.npz --seed 0

Progress bar, logger, checkpoints and the model summary are off, which can only make it faster.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

import measuring
import numpy as np

asked = measuring.arguments()
clock = measuring.Clock(asked)
with clock.importing():
    import lightning
    import pytorch_script as plain
    import torch
    from torch import Tensor

    torch.optim.Adam([torch.zeros(1)])  # imports as much again

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Classifier(lightning.LightningModule):
    def __init__(self, net: str) -> None:
        super().__init__()
        self.model = plain.build(net)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        inputs, targets = batch
        return plain.loss_of(self.model(inputs), targets)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Game(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.draw, self.judge = plain.generator(), plain.discriminator()

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        for loss, optimizer in zip(plain.game_losses(self.draw, self.judge, batch[0]), self.optimizers(), strict=True):
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [torch.optim.Adam(part.parameters(), lr=2e-4) for part in (self.judge, self.draw)]


class Watch(lightning.Callback):
    """Stops the clock at the end of each epoch, looks at the test data, and starts it again."""

    def __init__(self, x_test: Tensor, arrays: dict[str, np.ndarray]) -> None:
        self.x_test, self.arrays = x_test, arrays

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        if clock.step():
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        plain.finish(asked.device)
        clock.end_of_epoch()
        if trainer.should_stop:
            return
        if isinstance(module, Game):
            plain.save_drawings(module.draw, self.arrays["noise"], asked, trainer.current_epoch + 1)
            clock.measured()
        else:
            clock.measured(plain.accuracy(module.model, self.x_test, self.arrays["y_test"]))


def train(arrays: dict[str, np.ndarray]) -> None:
    clock.run()
    batches, x_test = plain.loader(asked.net, arrays)
    module = Game() if asked.net == "gan" else Classifier(asked.net)
    trainer = lightning.Trainer(
        max_epochs=asked.epochs or plain.EPOCHS[asked.net], accelerator=asked.device, devices=1,
        callbacks=[Watch(x_test, arrays)], logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, batches)


if __name__ == "__main__":
    torch.manual_seed(asked.seed)
    train(dict(np.load(asked.arrays)))
    clock.tell(versions={"torch": torch.__version__, "lightning": lightning.__version__})
