"""Words, vocabulary and padding: against Keras's own functions and expectations written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from keras.utils import pad_sequences

from tongsu.data import text
from tongsu.data.preprocessing import Text
from tongsu.data.splitting import stratified, unique
from tongsu.errors import Problem

SENTENCES = [["b", "a", "b", "c"], ["a", "b", "d"]]
READER = Text(text.vocabulary(SENTENCES, 6), length=4)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("I don't like it. At ALL!", ["i", "don't", "like", "it", "at", "all"]),
        ("I don’t", ["i", "don't"]),
        ("one<br /><br>two <b>", ["one", "two", "b"]),
        ("a-b_c 10/10 'quoted'", ["a", "b", "c", "10", "10", "quoted"]),
        ("Où était-il ? Größe", ["où", "était", "il", "größe"]),
        ("这家酒店很干净，我喜欢！", ["这家", "酒店", "很", "干净", "我", "喜欢"]),
        ("房间有WiFi，给５分", ["房间", "有", "wifi", "给", "5", "分"]),
        ("とても好き", ["とても", "好", "き"]),
        ("Привет, мир", ["привет", "мир"]),
        ("！？……  \n", []),
        ("", []),
    ],
)
def test_words(raw: str, words: list[str]) -> None:
    assert text.split(raw) == words


def test_characters() -> None:
    assert text.split("很好 ！ＯＫ", "char") == ["很", "好", "!", "o", "k"]


def test_vocabulary_is_ranked_and_limited() -> None:
    assert text.vocabulary(SENTENCES, 100) == ("<pad>", "<start>", "<unknown>", "b", "a", "c", "d")
    assert text.vocabulary(SENTENCES, 5) == ("<pad>", "<start>", "<unknown>", "b", "a")


def test_numbers_by_hand() -> None:
    assert READER.vocabulary == ("<pad>", "<start>", "<unknown>", "b", "a", "c")
    tokens = READER.encode([["a"], ["a", "x", "b"], ["a", "b", "c", "x"], ["c", "a", "b", "c", "a"], []])
    assert tokens.tolist() == [[0, 0, 1, 4], [1, 4, 2, 3], [4, 3, 5, 2], [4, 3, 5, 4], [0, 0, 0, 1]]
    assert READER.scale(tokens).dtype.is_signed and READER.scale(tokens).element_size() == 8


def test_padding_and_cutting_are_those_of_keras() -> None:
    chance = np.random.default_rng(0)
    vocabulary = (*text.MARKS, *(f"w{n}" for n in range(50)))
    sentences = [[f"w{n}" for n in chance.integers(0, 60, size)] for size in chance.integers(0, 30, 200)]
    index = {word: number for number, word in enumerate(vocabulary)}
    # As the Keras IMDB sequences are made: a start mark, then the words.
    numbers = [[1, *(index.get(word, 2) for word in words)] for words in sentences]
    ours = Text(vocabulary, 12).encode(sentences).numpy()
    assert (ours == pad_sequences(numbers, maxlen=12)).all()


def test_reading_shows_the_words_that_were_kept() -> None:
    words, tokens = READER.words("A B X!")
    assert words == ["a", "b", "x"] and tokens.tolist() == [1, 4, 3, 2]
    words, tokens = READER.words("c b a b a b")
    assert words == ["a", "b", "a", "b"] and tokens.tolist() == [4, 3, 4, 3]
    assert (READER.read("A B X!") == READER.encode([["a", "b", "x"]])[0]).all()


@pytest.mark.parametrize(("raw", "said"), [("xyz uvw", "none of the words"), ("?!", "no word"), ("", "no word")])
def test_a_text_of_which_nothing_is_known_is_refused(raw: str, said: str) -> None:
    with pytest.raises(Problem, match=said) as caught:
        READER.read(raw)
    assert caught.value.exit_code == 2


def test_without_a_vocabulary_nothing_can_be_read() -> None:
    with pytest.raises(Problem, match="no vocabulary"):
        Text((), 4).read("a")


def test_parts_are_stratified_disjoint_and_always_the_same() -> None:
    keys = [f"text {n}" for n in range(1000)]
    targets = [int(n % 10 < 3) for n in range(1000)]  # 30 % of class 1
    test, validation, rest = stratified(keys, targets, [100, 50])
    assert sorted(test + validation + rest) == list(range(1000))
    assert [len(part) for part in (test, validation, rest)] == [100, 50, 850]
    assert [sum(targets[at] for at in part) for part in (test, validation, rest)] == [30, 15, 255]
    assert test == stratified(keys, targets, [100, 50])[0] != stratified(keys, targets, [100, 50], seed=1)[0]
    # The place of an example depends on its text, not on where it stands.
    backwards = stratified(keys[::-1], targets[::-1], [100, 50])[0]
    assert {keys[999 - at] for at in backwards} == {keys[at] for at in test}


@pytest.mark.parametrize("counts", [[0], [-1], [20], [10, 9]])
def test_impossible_parts(counts: list[int]) -> None:
    with pytest.raises(Problem, match="set aside"):
        stratified([str(n) for n in range(20)], [0, 1] * 10, counts)


def test_repeated_and_contradictory_texts() -> None:
    texts, targets = ["a", "b", "a ", " c", "c", "c\t", "d"], [0, 0, 0, 1, 0, 1, 1]
    assert unique(texts, targets) == ([0, 1, 6], 3, 1)
