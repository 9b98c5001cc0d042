"""The nets. Each file reads from top to bottom; every class takes keyword arguments only, and its defaults
are the road map's architecture."""

from __future__ import annotations

from torch import nn

from tongsu.models.cnn import CNN, VGG, LeNet5
from tongsu.models.efficientnet import EfficientNetLite
from tongsu.models.gan import GAN
from tongsu.models.minilm import MiniLM
from tongsu.models.mlp import MLP
from tongsu.models.resnet import ResNet, SmallResNet
from tongsu.models.rnn import RNN
from tongsu.models.transformer import Transformer

MODELS: dict[str, type[nn.Module]] = {
    "mlp": MLP,
    "cnn": CNN,
    "lenet5": LeNet5,
    "vgg": VGG,
    "resnet": ResNet,
    "small-resnet": SmallResNet,
    "rnn": RNN,
    "gan": GAN,
    "transformer": Transformer,
    "efficientnet-lite": EfficientNetLite,
    "minilm": MiniLM,
}


def parameter_count(model: nn.Module) -> int:
    """How many numbers the model can learn."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def keras_count(model: nn.Module) -> int:
    """The total that Keras prints: what can be learned, and BatchNorm's running statistics."""
    statistics = (b for name, b in model.named_buffers() if name.endswith(("running_mean", "running_var")))
    return parameter_count(model) + sum(b.numel() for b in statistics)
