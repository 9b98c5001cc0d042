"""The page's two catalogues say the same things, and every word that the page asks for stands in them."""

import json
import re
from pathlib import Path

import tongsu

WEB = Path(tongsu.__file__).parent / "studio" / "web"
FIELD = re.compile(r"\{(\w+)\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Names that are the same in both languages.
SAME = re.compile(r"[^\u4e00-\u9fffa-z]*|Transformer|ReLU6?|GELU|sigmoid|tanh|softmax|‖.*‖", re.IGNORECASE)


def catalogue(lang: str) -> dict[str, str]:
    return json.loads((WEB / "src" / "locale" / f"{lang}.json").read_text(encoding="utf-8"))


def sources() -> str:
    paths = [path for path in (WEB / "src").rglob("*") if path.suffix in (".svelte", ".ts")]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_both_languages_have_the_same_entries_with_the_same_fields() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert list(zh) == list(en)
    for key in zh:
        assert zh[key].strip() and en[key].strip(), key
        assert set(FIELD.findall(zh[key])) == set(FIELD.findall(en[key])), key


def test_chinese_is_chinese_and_english_is_not() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert not [key for key in en if CHINESE.search(en[key])]
    words = {key: re.sub(r"\{\w+\}", "", text) for key, text in zh.items()}  # what is filled in has no language
    assert not [key for key in words if not CHINESE.search(words[key]) and not SAME.fullmatch(words[key])]


def test_no_entry_is_missing_and_none_is_left_over() -> None:
    text, known = sources(), set(catalogue("en"))
    asked = set(re.findall(r'\bt\(\s*"([\w.-]+)"', text))
    assert asked <= known, asked - known
    asked |= set(re.findall(r'"([\w.-]+)"', text))  # t(full ? "pool.max" : "pool.mean")
    # `t(`chapter.${name}.title`)` asks for every entry of that shape.
    shapes = [re.escape(shape) for shape in re.findall(r"\bt{1,2}\([^`\"()]*`([^`]+)`", text)]
    patterns = [re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"[\\w.-]+", shape)) for shape in shapes]
    left = {key for key in known - asked if not any(pattern.fullmatch(key) for pattern in patterns)}
    assert not left


def test_the_lock_file_names_no_registry() -> None:
    text = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text and "http://" not in text
    package = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    exact = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in exact.values()), exact
