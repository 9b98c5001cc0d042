"""The usual PyTorch script: a Dataset, a DataLoader, Adam, the road map's hyperparameters and a plain loop.

    .venv-bench/bin/python benchmarks/speed/pytorch_script.py cnn --arrays cnn.npz --seed 0

The nets are written as one writes them, with PyTorch's own defaults for what the road map leaves to the framework.
`lightning_script.py` trains the same nets.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import measuring
import numpy as np

if __name__ == "__main__":
    asked = measuring.arguments()
    clock = measuring.Clock(asked)
    with clock.importing():
        import torch

        torch.optim.Adam([torch.zeros(1)])  # the first optimiser imports as much again; that is not training
else:
    import torch

import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

EPOCHS = {"mlp": 5, "cnn": 5, "simple-rnn": 3, "lstm": 3, "gan": 10}


class Examples(Dataset):
    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.inputs[index], self.targets[index]


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.embed = nn.Embedding(10_000, 128)
        self.recurrent = kind(128, 64, batch_first=True)
        self.head = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embed(tokens))
        return self.head(states[:, -1])


def build(net: str) -> nn.Module:
    if net == "mlp":
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(64, 10),
        )  # fmt: skip
    if net == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * 5 * 5, 128), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(128, 10),
        )  # fmt: skip
    return Recurrent(nn.RNN if net == "simple-rnn" else nn.LSTM)


def generator() -> nn.Module:
    norm = {"eps": 1e-3, "momentum": 0.01}
    return nn.Sequential(
        nn.Linear(100, 7 * 7 * 256, bias=False), nn.BatchNorm1d(7 * 7 * 256, **norm), nn.LeakyReLU(0.3),
        nn.Unflatten(1, (256, 7, 7)),
        nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False), nn.BatchNorm2d(128, **norm), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(128, 64, 5, 2, 2, 1, bias=False), nn.BatchNorm2d(64, **norm), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(64, 1, 5, 2, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip


def discriminator() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(7 * 7 * 128, 1),
    )  # fmt: skip


def loader(net: str, arrays: dict[str, np.ndarray]) -> tuple[DataLoader, Tensor]:
    """Batches to train on, and the test inputs; what a Dataset's constructor does once."""
    scale = {"mlp": (0.0, 255.0), "cnn": (0.0, 255.0), "gan": (127.5, 127.5)}.get(net)
    train, test = (torch.from_numpy(arrays[name]) for name in ("x_train", "x_test"))
    if scale:
        train, test = (((part.float() - scale[0]) / scale[1])[:, None] for part in (train, test))
    else:
        train, test = train.long(), test.long()
    examples = Examples(train, torch.from_numpy(arrays["y_train"]).long())
    return DataLoader(examples, batch_size=64 if net == "gan" else 32, shuffle=True), test


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], targets.float())
    return F.cross_entropy(logits, targets)


@torch.no_grad()
def accuracy(model: nn.Module, inputs: Tensor, targets: np.ndarray) -> float:
    device = next(model.parameters()).device
    model.eval()
    logits = torch.cat([model(part.to(device)) for part in inputs.split(500)])
    model.train()
    said = logits.argmax(1) if logits.shape[1] > 1 else logits[:, 0] > 0
    return float((said.cpu().numpy() == targets).mean())


@torch.no_grad()
def save_drawings(model: nn.Module, noise: np.ndarray, asked: argparse.Namespace, epoch: int) -> None:
    device = next(model.parameters()).device
    model.eval()
    drawn = torch.cat([model(part.to(device)) for part in torch.from_numpy(noise).split(500)])
    model.train()
    np.save(asked.drawings / f"epoch-{epoch:03d}.npy", drawn[:, 0].cpu().numpy())


def finish(device: str) -> None:
    """Waits until the device has done what it was asked for: a GPU's epoch ends then."""
    if device != "cpu":
        torch.cuda.synchronize()


def classify(arrays: dict[str, np.ndarray]) -> None:
    clock.run()
    batches, x_test = loader(asked.net, arrays)
    model = build(asked.net).to(asked.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(asked.epochs or EPOCHS[asked.net]):
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = loss_of(model(inputs.to(asked.device)), targets.to(asked.device))
            loss.backward()
            optimizer.step()
            clock.step()
        finish(asked.device)
        clock.end_of_epoch()
        clock.measured(accuracy(model, x_test, arrays["y_test"]))


def game_losses(draw: nn.Module, judge: nn.Module, real: Tensor) -> Iterator[Tensor]:
    """The discriminator's loss, then the generator's; whoever asks for the next one has made the update."""
    fake = draw(torch.randn(len(real), 100, device=real.device)).detach()
    yield F.softplus(-judge(real)).mean() + F.softplus(judge(fake)).mean()
    yield F.softplus(-judge(draw(torch.randn(len(real), 100, device=real.device)))).mean()


def play(arrays: dict[str, np.ndarray]) -> None:
    clock.run()
    batches, _ = loader(asked.net, arrays)
    draw, judge = generator().to(asked.device), discriminator().to(asked.device)
    optimizers = [torch.optim.Adam(part.parameters(), lr=2e-4) for part in (judge, draw)]
    for epoch in range(1, (asked.epochs or EPOCHS["gan"]) + 1):
        for real, _ in batches:
            for loss, optimizer in zip(game_losses(draw, judge, real.to(asked.device)), optimizers, strict=True):
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if clock.step():
                finish(asked.device)
                clock.end_of_epoch()
                return
        finish(asked.device)
        clock.end_of_epoch()
        save_drawings(draw, arrays["noise"], asked, epoch)
        clock.measured()


if __name__ == "__main__":
    torch.manual_seed(asked.seed)
    given = dict(np.load(asked.arrays))
    play(given) if asked.net == "gan" else classify(given)
    clock.tell(versions={"torch": torch.__version__})
