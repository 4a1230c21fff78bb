"""Prompts become the tokens that the models were trained on; none is cut."""

from __future__ import annotations

import random

import pytest

from alife.errors import BadOption
from alife.plugins.open_clip.tokens import BytePairs, canonical, cleaned

from . import twins

PROMPTS = [
    "",
    "a ring of red dots",
    "it's they're I'LL we've I'd I'm can't 'S don’t",
    "“curly” ‘quotes’ ʼn",
    "cafe\u0301 naïve Straße İstanbul ǅ",
    "日本語のテキスト मानक عربى ١٢٣ κόσμε",
    "ﬁre ﬂow ﬃ ĳ ǆ ŉ ſ ﬅ ﬆ",
    "ＦＵＬＬ　ｗｉｄｔｈ １２３ ﾀｰﾝ",
    "a &amp; b &lt;tag&gt; &eacute; &#39; &#x27; &amp;amp; &nbsp;x&copy; a&b &notit; &lt",
    "<b>bold &amp; x</b> <3 </3 :)",
    "1234 ½ ² Ⅷ ㊗ ①② $5,000.00 50%",
    "!!!??? ...;;; ''' ''s `` ~~ ^_^",
    "emoji 😀👍🏽 🏳️‍🌈",
    "a\tb\nc\r\nd\x85e\u2028f\u00a0g\u3000h",
    "\x1b[31mred\x1b[0m \ufeffbom\x00zero\x7f\u200bwidth\u200djoiner",
    "<start_of_text> hi <end_of_text> <|endoftext|>",
    "under_score a_b_c a-b—c–d e=mc^2 π≈3.14 Ω Å K",
    "http://x.y/z?a=b&c=d user@mail.org #tag C++ C#",
]
WORDS = 'ring red dots spiral the of glowing cell\'s 3 42nd Käse über ñandú, (maybe) "quoted" co-op ocean? 50% #tag'


def mixed(count: int) -> list[str]:
    """Prompts of words and signs in any order, the same each time."""
    rng = random.Random(0)
    letters = [*map(chr, range(33, 127)), *map(chr, range(0xA1, 0x250)), *map(chr, range(0x391, 0x3CA)), " "]
    plain = [" ".join(rng.choices(WORDS.split(), k=rng.randint(1, 12))) for _ in range(count // 2)]
    # every other sign after a blank: runs of accents look like a wrong encoding, which is repaired in training only
    return plain + [" ".join(rng.choices(letters, k=rng.randint(1, 20))) for _ in range(count // 2)]


def test_tokens_are_those_of_open_clip() -> None:
    tokenizer = twins.import_open_clip().tokenizer.SimpleTokenizer()
    ours = BytePairs(49408, 77)
    prompts = [*PROMPTS, *mixed(200)]
    assert [p for p in prompts if ours.encode(p) != tokenizer.encode(p)] == []
    fits = [p for p in prompts if len(ours.encode(p)) <= 75]
    assert len(fits) > 150
    assert (ours(fits) == tokenizer(fits).numpy()).all()


def test_siglips_cleaning_is_that_of_open_clip() -> None:
    theirs = twins.import_open_clip().tokenizer.get_clean_fn("canonicalize")
    assert [p for p in [*PROMPTS, *mixed(200)] if canonical(p) != theirs(p)] == []


def test_a_vocabulary_of_bytes_needs_no_file() -> None:
    tokens = BytePairs(514, 8)(["ab é"])
    assert tokens.tolist() == [[512, 64, 65 + 256, 127, 102 + 256, 513, 0, 0]]


def test_a_prompt_too_long_is_refused_with_its_length() -> None:
    ours = BytePairs(514, 8)
    assert ours(["abcdef"]).shape == (1, 8)
    with pytest.raises(BadOption, match=r"'abcdefg' has 9 tokens.*reads 8"):
        ours(["fits", "abcdefg"])


def test_entities_are_read_once_more_only_outside_tags() -> None:
    assert cleaned("&lt;b&gt;") == "<b>"
    assert cleaned("A  ﬁne\n“day”") == 'A fine "day"'


def test_a_tokenizer_file_is_used(tmp_path: pytest.TempPathFactory) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    from pathlib import Path

    from alife.plugins.open_clip.shapes import Blocks, TextTower
    from alife.plugins.open_clip.tokens import FromFile

    folder = Path(str(tmp_path))
    model = tokenizers.models.WordLevel({"<pad>": 7, "a": 1, "ring": 2, "<unk>": 3}, unk_token="<unk>")
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"pad_token": "<pad>"}')
    tower = TextTower(Blocks(8, 1, 1, 8), 4, 10, 8, tokenizer="hub/name", clean="canonicalize")
    assert FromFile(tower, folder)(["A ring!"]).tolist() == [[1, 2, 7, 7]]
    with pytest.raises(BadOption, match="has 5 tokens"):
        FromFile(tower, folder)(["a a a a a"])
