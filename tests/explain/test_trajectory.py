from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tongsu.explain import running_prediction
from tongsu.explain.trajectory import prefixes
from tongsu.models.rnn import RNN
from tongsu.models.transformer import Transformer

SENTENCE = [7, 3, 0, 9, 4]  # a zero inside a sentence is a word like any other: only the front is padding


def both(logits: Tensor) -> Tensor:
    """(B, 1) logits of one output to the probabilities (B, 2) of no and yes."""
    yes = logits.sigmoid()
    return torch.cat([1 - yes, yes], dim=1)


def models() -> dict[str, nn.Module]:
    small = {"words": 12, "embedding": 6, "hidden": 5, "dense": 4}
    return {
        "rnn-read": RNN(**small, cell="simple"),
        "rnn-skip": RNN(**small, cell="lstm", padding="skip"),
        "bidirectional": RNN(**small, cell="gru", padding="skip", bidirectional=True),
        "transformer": Transformer(words=12, length=9, width=8, heads=2, layers=1, feedforward=16),
    }


def test_prefixes_keep_the_width_and_the_words() -> None:
    rows = prefixes(torch.tensor([0, 0, *SENTENCE]))
    assert rows.tolist() == [
        [0, 0, 0, 0, 0, 0, 7],
        [0, 0, 0, 0, 0, 7, 3],
        [0, 0, 0, 0, 7, 3, 0],
        [0, 0, 0, 7, 3, 0, 9],
        [0, 0, 7, 3, 0, 9, 4],
    ]


@pytest.mark.parametrize("name", models())
@pytest.mark.parametrize("padding", [0, 3])
def test_each_answer_is_that_of_the_prefix_alone(name: str, padding: int) -> None:
    torch.manual_seed(0)
    model = models()[name].train()
    tokens = torch.tensor([0] * padding + SENTENCE, dtype=torch.int32)
    view = running_prediction(model, tokens, both)
    assert model.training, "the mode is as it was"
    assert view.probabilities.shape == (5, 2) and view.axes == ("word", "class")

    model.eval()
    for t in range(5):
        alone = torch.tensor([[0] * (padding + 4 - t) + SENTENCE[: t + 1]])
        with torch.no_grad():
            yes = 1 / (1 + np.exp(-model(alone).double().numpy()[0, 0]))
        np.testing.assert_allclose(view.probabilities[t], [1 - yes, yes], atol=1e-6)


def test_a_net_that_skips_padding_passes_through_these_answers_by_itself() -> None:
    torch.manual_seed(1)
    model = RNN(words=12, embedding=6, hidden=5, dense=4, cell="gru", padding="skip").eval()
    tokens = torch.tensor([0, 0, *SENTENCE])
    view = running_prediction(model, tokens, both)
    with torch.no_grad():
        states = model.states(tokens[None])[0, 2:]  # (T, H)
        on_the_way = model.head(states).sigmoid().double().numpy()  # (T, 1)
    np.testing.assert_allclose(view.probabilities[:, 1:], on_the_way, atol=1e-6)


def test_more_words_than_fit_one_batch() -> None:
    torch.manual_seed(2)
    model = RNN(words=12, embedding=6, hidden=5, dense=4, padding="skip")
    tokens = torch.randint(1, 12, (150,))
    view = running_prediction(model, tokens, lambda logits: logits.sigmoid())
    again = running_prediction(model, tokens[:70], lambda logits: logits.sigmoid())
    assert view.probabilities.shape == (150, 1)
    np.testing.assert_allclose(view.probabilities[:70], again.probabilities, atol=1e-6)


def test_a_sentence_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no words"):
        running_prediction(models()["rnn-read"], torch.zeros(4, dtype=torch.int64), both)
