"""How BERT and its kin read: words, and for rare words their pieces (`playing` is `playing`, `untied` is `un ##tied`).

The cutting itself is done by the library `tokenizers`; what we keep is the vocabulary, in the run as ever. Other than
there, sentences are padded at the front, as everywhere here, and a long text keeps its end, where reviews conclude.
Letters used in shapes: N sentences, T pieces of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from tongsu.data.text import BREAK, shortened
from tongsu.errors import Problem


@dataclass(frozen=True)
class WordPieces:
    """Sentences as [CLS] pieces [SEP], at most `length` numbers in all; 0 is padding, at the front."""

    vocabulary: tuple[str, ...]
    length: int

    kind: ClassVar[str] = "text"

    @cached_property
    def cutter(self) -> Any:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        index = {piece: number for number, piece in enumerate(self.vocabulary)}
        cutter = Tokenizer(models.WordPiece(index, unk_token="[UNK]"))
        cutter.normalizer = normalizers.BertNormalizer(lowercase=True)
        cutter.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return cutter

    def words(self, raw: str) -> tuple[list[str], Tensor]:
        """The pieces that are kept, marks among them, and the tokens (T,) int32 that end with them.

        Raises Problem when the model would see nothing: no word at all, or only pieces that it does not know.
        """
        tokens = self.encode([raw])[0]
        numbers = tokens[tokens.ne(0)].tolist()
        if len(numbers) < 3:
            raise Problem("data.no_words", text=shortened(raw))
        if all(self.vocabulary[number] == "[UNK]" for number in numbers[1:-1]):
            raise Problem("data.unknown_words", text=shortened(raw))
        return [self.vocabulary[number] for number in numbers], tokens

    def read(self, raw: str) -> Tensor:
        """A sentence -> (T,) int32. Raises Problem as `words` does."""
        return self.words(raw)[1]

    def encode(self, sentences: Iterable[str]) -> Tensor:
        """Sentences -> (N, T) int32; empty ones are nothing to complain about."""
        first, last = self.vocabulary.index("[CLS]"), self.vocabulary.index("[SEP]")
        texts = [BREAK.sub(" ", sentence) for sentence in sentences]
        rows = torch.zeros(len(texts), self.length, dtype=torch.int32)  # (N, T)
        for at, cut in enumerate(self.cutter.encode_batch_fast(texts, add_special_tokens=False)):
            numbers = [first, *cut.ids[-(self.length - 2) :], last] if self.length > 2 else [first, last]
            rows[at, self.length - len(numbers) :] = torch.tensor(numbers, dtype=torch.int32)
        return rows

    def scale(self, inputs: Tensor) -> Tensor:
        """(N, T) int32 -> int64, which embeddings read."""
        return inputs.long()

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "wordpieces", "vocabulary": list(self.vocabulary), "length": self.length}
