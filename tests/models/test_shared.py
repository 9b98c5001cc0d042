"""Every net passes the same tests: shape, size, gradients, learning one batch, saving."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tongsu.models import (
    CNN,
    GAN,
    MLP,
    RNN,
    VGG,
    EfficientNetLite,
    LeNet5,
    MiniLM,
    ResNet,
    SmallResNet,
    Transformer,
    keras_count,
    parameter_count,
)
from tongsu.models.dropout import Dropout
from tongsu.models.gan import Discriminator, Generator

Case = tuple[
    Callable[[], nn.Module], tuple[int, ...], int, int | None
]  # net, input, outputs, published count
DIGIT, POINT, PHOTO, SMALL = (1, 28, 28), (2,), (3, 224, 224), (3, 32, 32)
TEXT = (12,)

# Nets that are built and run. The count is what Keras, torchvision or the paper publish (None: nobody does).
CASES: dict[str, Case] = {
    "mlp": (MLP, DIGIT, 10, 109_386),
    "mlp-points": (lambda: MLP(inputs=2, hidden=(8, 8), outputs=2, activation="tanh"), POINT, 2, 114),
    "mlp-linear": (lambda: MLP(hidden=()), DIGIT, 10, 7_850),
    "cnn": (CNN, DIGIT, 10, 225_034),
    "cnn-colour": (lambda: CNN(channels=3, size=32, filters=(8, 8, 8), dense=16, outputs=3), SMALL, 3, None),
    "lenet5": (LeNet5, DIGIT, 10, 61_706),
    "vgg11-small": (lambda: VGG(depth=11, batch_norm=True, size=32, dense=64), SMALL, 1000, None),
    "resnet18": (ResNet, (3, 64, 64), 1000, 11_689_512),
    "small-resnet": (SmallResNet, DIGIT, 10, None),
    "small-resnet-plain": (lambda: SmallResNet(skip=False), DIGIT, 10, None),
    "resnet20": (lambda: SmallResNet(channels=3, blocks=(3, 3, 3)), SMALL, 10, 269_722),
    "simple": (RNN, TEXT, 1, 1_294_465),
    "lstm": (lambda: RNN(cell="lstm"), TEXT, 1, 1_331_521),
    "gru": (lambda: RNN(cell="gru"), TEXT, 1, 1_319_361),
    "bidirectional-lstm": (lambda: RNN(cell="lstm", bidirectional=True), TEXT, 1, 1_382_977),
    "stacked-gru-skip": (
        lambda: RNN(cell="gru", layers=2, bidirectional=True, padding="skip", outputs=3), TEXT, 3, None
    ),
    "lstm-written-out": (lambda: RNN(cell="lstm", written_out=True, padding="skip"), TEXT, 1, 1_331_521),
    "discriminator": (Discriminator, DIGIT, 1, 212_865),
    "transformer": (Transformer, TEXT, 1, None),
    "efficientnet-lite0": (EfficientNetLite, SMALL, 1000, 4_652_008),
    "minilm-small": (
        lambda: MiniLM(words=1000, positions=12, width=32, heads=4, layers=2, feedforward=48), TEXT, 1, None
    ),
    "transformer-written": (
        lambda: Transformer(attention="written", positions="sinusoidal", outputs=4), TEXT, 4, None
    ),
}  # fmt: skip


def inputs(shape: tuple[int, ...], count: int = 6) -> Tensor:
    torch.manual_seed(1)
    if shape != TEXT:
        return torch.randn(count, *shape)
    tokens = torch.randint(1, 1000, (count, *shape))
    tokens[0, :5] = 0  # one short sentence
    return tokens


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    torch.manual_seed(0)
    return CASES[request.param]


def test_shape_and_published_count(case: Case) -> None:
    build, shape, outputs, count = case
    net = build().eval()
    assert net(inputs(shape)).shape == (6, outputs)
    if count is not None:
        assert parameter_count(net) == count


def test_every_parameter_gets_a_gradient(case: Case) -> None:
    build, shape, _, _ = case
    net = build()
    F.cross_entropy(F.pad(net(inputs(shape)), (0, 1)), torch.zeros(6, dtype=torch.long)).backward()
    for name, value in net.named_parameters():
        if value.requires_grad:
            assert value.grad is not None and value.grad.abs().sum() > 0, name


def test_learns_one_batch_by_heart(case: Case) -> None:
    build, shape, outputs, _ = case
    net = build()
    for module in net.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    x, y = inputs(shape), torch.arange(6) % max(outputs, 2) % 6
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 2e-3)
    for _ in range(600):
        logits = net(x)
        logits = F.pad(logits, (1, 0)) if outputs == 1 else logits  # one logit: the second of two classes
        loss = F.cross_entropy(logits, y)
        if loss < 0.05:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05


def test_saved_and_loaded_it_is_the_same(case: Case, tmp_path) -> None:
    build, shape, _, _ = case
    net, other = build(), build()
    x = inputs(shape)
    net(x)  # moves BatchNorm's statistics
    save_file(
        {name: value.contiguous() for name, value in net.state_dict().items()}, tmp_path / "net.safetensors"
    )
    other.load_state_dict(load_file(tmp_path / "net.safetensors"))
    assert torch.equal(net.eval()(x), other.eval()(x))


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (lambda: VGG(depth=11), 132_863_336),
        (lambda: VGG(depth=13), 133_047_848),
        (lambda: VGG(depth=16), 138_357_544),
        (lambda: ResNet(depth=34), 21_797_672),
        (lambda: ResNet(depth=50), 25_557_032),
    ],
)
def test_large_nets_have_the_published_size_and_shape(build: Callable[[], nn.Module], count: int) -> None:
    with torch.device("meta"):  # shapes without numbers
        net = build()
        assert parameter_count(net) == count
        assert net(torch.empty(2, *PHOTO)).shape == (2, 1000)


def test_resnet_is_named_as_torchvision_names_it() -> None:
    with torch.device("meta"):
        names = set(ResNet(depth=50).state_dict())
    assert len(names) == 320  # as in torchvision's resnet50
    assert {"conv1.weight", "layer1.0.downsample.0.weight", "layer4.2.bn3.running_var", "fc.bias"} <= names


def test_skip_removes_only_the_connection() -> None:
    with_skip, plain = SmallResNet(), SmallResNet(skip=False)
    assert {k: v.shape for k, v in with_skip.state_dict().items()} == {
        k: v.shape for k, v in plain.state_dict().items()
    }
    plain.load_state_dict(with_skip.state_dict())
    x = inputs(DIGIT)
    assert not torch.allclose(with_skip.eval()(x), plain.eval()(x))


def test_gan_pair() -> None:
    torch.manual_seed(0)
    gan = GAN(noise=20, width=8)
    images = gan(torch.randn(5, 20))
    assert images.shape == (5, 1, 28, 28) and images.abs().max() <= 1
    gan.discriminator(images).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in gan.parameters())
    assert keras_count(Generator()) == 2_330_944
    assert keras_count(Discriminator()) == 212_865


def test_generator_learns_one_picture_by_heart() -> None:
    torch.manual_seed(0)
    generator = Generator(noise=10, width=8)
    noise, wanted = torch.randn(4, 10), torch.zeros(4, 1, 28, 28)
    wanted[:, :, 8:20, 13:15] = 1.0
    optimizer = torch.optim.Adam(generator.parameters(), 5e-3)
    for _ in range(80):
        loss = F.mse_loss(generator(noise), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.01


@pytest.mark.parametrize("size", [28, 32])
def test_cnn_features_are_what_it_decides_by(size: int) -> None:
    net = CNN(size=size).eval()
    features = net.features(torch.randn(3, 1, size, size))
    assert features.shape == (3, 128) and features.min() >= 0
    x = torch.randn(3, 1, size, size)
    assert torch.equal(net(x), net.output(net.features(x)))
