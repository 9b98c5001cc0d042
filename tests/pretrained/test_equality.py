"""Our modules with weights in other people's formats give their numbers: transformers and Keras compute them too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tongsu.data.wordpieces import WordPieces
from tongsu.errors import Problem
from tongsu.models import MODELS, EfficientNetLite, MiniLM, ResNet
from tongsu.pretrained import names
from tongsu.pretrained.networks import load_file
from tongsu.training.build import weights_of

CLOSE = 1e-4


def ours(file: Path) -> nn.Module:
    found = load_file(file)
    model = MODELS[found.model](**found.model_args)
    model.load_state_dict(found.weights)
    return model.eval()


def lively(model: nn.Module) -> nn.Module:
    """BatchNorm as after a training: nothing is 0 or 1 any more, and activations keep their size."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval()


def pictures(side: int = 64) -> Tensor:
    return torch.randn(2, 3, side, side)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_resnet_equals_that_of_transformers(depth: int, tmp_path: Path) -> None:
    from transformers import ResNetConfig, ResNetForImageClassification

    kind, sizes = ("bottleneck", [256, 512, 1024, 2048]) if depth == 50 else ("basic", [64, 128, 256, 512])
    config = ResNetConfig(layer_type=kind, hidden_sizes=sizes, depths=list(ResNetDepths[depth]), num_labels=1000)
    theirs = lively(ResNetForImageClassification(config))
    theirs.save_pretrained(tmp_path)
    x = pictures()
    with torch.no_grad():
        expected, found = theirs(x).logits, ours(tmp_path / "model.safetensors")(x)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, atol=CLOSE, rtol=CLOSE)


ResNetDepths = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


@pytest.fixture(scope="module")
def keras_resnet() -> object:
    import keras

    keras.utils.set_random_seed(3)
    net = keras.applications.ResNet50(weights=None, classifier_activation=None, input_shape=(64, 64, 3))
    chance = np.random.default_rng(0)
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            layer.set_weights([chance.uniform(0.5, 1, size), chance.normal(0, 0.1, size), chance.normal(0, 0.1, size),
                               chance.uniform(0.001, 2, size)])  # fmt: skip
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([layer.get_weights()[0], chance.normal(0, 0.1, layer.bias.shape)])
    return net


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("style", ["new", "old"])
def test_resnet_equals_that_of_keras(style: str, keras_resnet: object, tmp_path: Path) -> None:
    """Bias in front of BatchNorm, another epsilon, the stride in the first 1×1, and blue before red."""
    file = tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    write_keras(keras_resnet, file, old=style == "old")
    found = load_file(file)
    assert found.writer == "keras" and found.model_args["stride_in"] == "1x1"
    x = pictures()
    expected = np.asarray(keras_resnet(x.flip(1).permute(0, 2, 3, 1).numpy(), training=False).detach().cpu())
    with torch.no_grad():
        given = ours(file)(x).numpy()
    assert expected.std() > 1e-3
    np.testing.assert_allclose(given, expected, atol=CLOSE, rtol=CLOSE)


def write_keras(net: object, file: Path, *, old: bool) -> None:
    """As the published file is: one group a layer, with Keras 2's names of the arrays; `old`: those of 2016."""
    with h5py.File(file, "w") as written:
        for layer in net.layers:  # type: ignore[attr-defined]
            if not layer.weights:
                continue
            name = old_name(layer.name) if old else layer.name
            group = written.create_group(name)
            for weight in layer.weights:
                kind = weight.path.rpartition("/")[2]
                if old:
                    kind = {"kernel": "W", "bias": "b", "moving_mean": "running_mean",
                            "moving_variance": "running_std"}.get(kind, kind)  # fmt: skip
                place = f"{name}_{kind}:0" if old else f"{name}/{kind}:0"
                group.create_dataset(place, data=np.asarray(weight.value.detach().cpu()))


def old_name(name: str) -> str:
    ends = {"conv1_conv": "conv1", "conv1_bn": "bn_conv1", "predictions": "fc1000"}
    if name in ends:
        return ends[name]
    stage, block, number, kind = name.split("_")
    branch = "1" if number == "0" else "2" + "abc"[int(number) - 1]
    return f"{'res' if kind == 'conv' else 'bn'}{stage[-1]}{chr(96 + int(block[5:]))}_branch{branch}"


@pytest.mark.parametrize("wrap", [None, "state_dict", "module."])
@pytest.mark.parametrize("kind", ["safetensors", "pt", "legacy"])
def test_names_of_torchvision_in_every_file_kind(kind: str, wrap: str | None, tmp_path: Path) -> None:
    model = lively(ResNet(outputs=7))
    weights = weights_of(model)
    if wrap == "module.":
        weights = {f"module.{name}": value for name, value in weights.items()}
    file = tmp_path / "net"
    if kind == "safetensors":
        save_file({name: value.contiguous() for name, value in weights.items()}, file)
    else:
        saved = {"state_dict": weights} if wrap == "state_dict" else weights
        torch.save(saved, file, _use_new_zipfile_serialization=kind == "pt")
    x = pictures()
    with torch.no_grad():
        assert torch.equal(ours(file)(x), model(x))


def test_stride_place_matters() -> None:
    early, late = ResNet(depth=50, stride_in="1x1"), ResNet(depth=50)
    early.load_state_dict(lively(late).state_dict())
    early.eval()
    with torch.no_grad():
        assert not torch.allclose(early(x := pictures()), late(x), atol=1e-3)


def test_efficientnet_pads_as_tensorflow_does() -> None:
    """⌈side / stride⌉ outputs, computed by Keras itself."""
    import keras

    from tongsu.models.efficientnet import same

    for kernel, stride, side in ((3, 2, 14), (5, 2, 14), (3, 2, 15), (5, 1, 9), (5, 2, 7)):
        x = torch.randn(1, 2, side, side)
        layer = keras.layers.Conv2D(3, kernel, stride, padding="same", use_bias=False)
        expected = layer(x.permute(0, 2, 3, 1)).detach()
        kernels = torch.as_tensor(layer.kernel.value.detach()).permute(3, 2, 0, 1)
        found = nn.functional.conv2d(same(x, kernel, stride), kernels, stride=stride).permute(0, 2, 3, 1)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_kept_statistics_stay() -> None:
    model = EfficientNetLite(outputs=3, statistics="keep").train()
    before = {name: value.clone() for name, value in model.named_buffers()}
    model(pictures(32)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())
    assert model.blocks[1].widen.weight.grad.abs().sum() > 0


def bert(tmp_path: Path) -> nn.Module:
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=200, hidden_size=64, num_hidden_layers=3, num_attention_heads=2,
                        intermediate_size=96, max_position_embeddings=40)  # fmt: skip
    theirs = BertModel(config).eval()
    for value in theirs.parameters():
        nn.init.normal_(value, std=0.2)
    theirs.save_pretrained(tmp_path)
    return theirs


def test_minilm_equals_the_bert_of_transformers(tmp_path: Path) -> None:
    theirs, model = bert(tmp_path), ours(tmp_path / "model.safetensors")
    assert isinstance(model, MiniLM)
    tokens = torch.randint(5, 200, (4, 20))
    mask = torch.arange(20) < torch.tensor([20, 13, 3, 1])[:, None]  # they pad behind, we in front
    with torch.no_grad():
        states = theirs(input_ids=tokens * mask, attention_mask=mask.long()).last_hidden_state
        expected = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        front = torch.zeros(4, 26, dtype=torch.long)
        for row, length in enumerate(mask.sum(1).tolist()):
            front[row, 26 - length :] = tokens[row, :length]
        torch.testing.assert_close(model.features(front), expected, atol=CLOSE, rtol=CLOSE)


def test_word_pieces_are_those_of_transformers(tmp_path: Path) -> None:
    from transformers import BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##tied", "the", "café", "cafe", "film", "!", ",", "'",
             "s", "日", "##s", "it", "##ing", "play"]  # fmt: skip
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    theirs, reader = BertTokenizer(str(tmp_path / "vocab.txt")), WordPieces(tuple(words), 12)
    for text in ("Untied the CAFÉ's films!", "it,\tplaying 日日", "xyzzy film"):
        found = reader.read(text)
        assert found[found != 0].tolist() == theirs(text)["input_ids"]


def test_word_pieces_keep_the_end_and_refuse_nothing_to_read() -> None:
    reader = WordPieces(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"), 5)
    assert reader.read("a b a b b").tolist() == [2, 4, 5, 5, 3] and reader.words("a b")[0] == [
        "[CLS]", "a", "b", "[SEP]",
    ]  # fmt: skip
    for text in ("", "  ", "zz"):
        with pytest.raises(Problem):
            reader.read(text)


Change = Callable[[dict[str, Tensor]], object]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda w: w.pop("layer2.0.conv1.weight"), "no-weight"),
        (lambda w: w.update({"extra.weight": torch.ones(2)}), "left-over"),
        (lambda w: w.update({"bn1.bias": torch.ones(3)}), "shape"),
        (lambda w: w.update({"bn1.bias": torch.full((64,), torch.nan)}), "not-finite"),
        (lambda w: w.pop("fc.bias"), "no-weight"),
        (lambda w: [w.pop(name) for name in list(w) if name.startswith("layer1")], "unknown-net"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: Change, kind: str, tmp_path: Path) -> None:
    weights = dict(weights_of(ResNet(outputs=5)))
    change(weights)
    save_file({name: value.contiguous() for name, value in weights.items()}, tmp_path / "net.safetensors")
    with pytest.raises(Problem) as caught:
        load_file(tmp_path / "net.safetensors")
    assert caught.value.kind == kind


def test_every_writer_is_told_apart() -> None:
    marks = [mark for _, mark, _ in names.WRITERS]
    assert len(set(marks)) == len(marks)
