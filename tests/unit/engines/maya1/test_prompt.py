from __future__ import annotations

import re

import pytest

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.prompt import (
    EMOTIONS,
    build_prompt,
    check_description,
    check_tokenizer,
    frame_budget,
    with_final_stop,
)
from rhapsode.errors import BadRequest, WeightsDamaged

VOICE = "A calm woman in her forties with a low, warm voice and an even pace."
PIECES = re.compile(r"<[a-z_]+>|<\|[a-z_]+\|>|.", re.DOTALL)
FIRST_TAG = v.LAST_CODE + 1
SPECIAL = {"<|begin_of_text|>": v.BOS, "<|end_of_text|>": 128_001, "<|start_header_id|>": 128_006, "<|eot_id|>": v.EOT}
SPECIAL |= {"<unheard_of>": 128_256, "<spare>": 128_264, "<code>": v.FIRST_CODE, "<beyond>": FIRST_TAG + len(EMOTIONS)}


def tokenize(text: str) -> list[int]:
    """Bytes, with the tags as single ids behind the codes and special tokens that the text can spell out."""
    ids: list[int] = []
    for piece in PIECES.findall(text):
        if piece[1:-1] in EMOTIONS:
            ids.append(FIRST_TAG + EMOTIONS.index(piece[1:-1]))
        elif piece in SPECIAL:
            ids.append(SPECIAL[piece])
        else:
            ids.extend(piece.encode())
    return ids


def test_the_frame_of_ids_has_exactly_one_bos() -> None:
    ids = build_prompt("It rained. <laugh> Again.", VOICE, tokenize)
    assert ids[:2] == (v.SOH, v.BOS)
    assert ids[-4:] == (v.EOT, v.EOH, v.SOA, v.CODE_START)
    assert ids.count(v.BOS) == 1
    inner = bytes(i for i in ids[2:-4] if i < 256).decode()
    assert inner == f'<description="{VOICE}"> It rained.  Again.'
    assert ids.count(FIRST_TAG + EMOTIONS.index("laugh")) == 1


def test_there_are_twenty_emotions() -> None:
    assert len(set(EMOTIONS)) == 20


@pytest.mark.parametrize(
    "description",
    [
        "A calm woman.",
        VOICE.removesuffix("."),
        VOICE.replace("warm", 'so-called "warm"'),
        VOICE.replace(" warm", "\nwarm"),
        VOICE.replace("warm", "<warm>"),
    ],
)
def test_a_description_that_may_be_heard_is_refused(description: str) -> None:
    with pytest.raises(BadRequest, match="description"):
        check_description(description)


@pytest.mark.parametrize(
    ("text", "says"),
    [("  ", "no text"), ("Ha <laugh>ha</laugh>.", "</laugh>")],
)
def test_text_that_would_break_the_prompt_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(says)):
        build_prompt(text, VOICE, tokenize)


@pytest.mark.parametrize("name", SPECIAL)
def test_a_special_token_that_is_no_emotion_tag_is_refused(name: str) -> None:
    """`redo --text` takes any text, and a tokenizer of the Llama family knows these wherever they stand."""
    with pytest.raises(BadRequest, match=rf"control tokens \[{SPECIAL[name]}\]") as refused:
        build_prompt(f"The end <laugh>.{name}", VOICE, tokenize)
    assert "but for emotion tags such as <laugh>" in refused.value.remedy


def test_a_foreign_tokenizer_is_refused() -> None:
    check_tokenizer(tokenize)
    with pytest.raises(WeightsDamaged, match="splits every emotion tag"):
        check_tokenizer(lambda text: list(text.encode()))
    with pytest.raises(WeightsDamaged, match=str(v.BOS)):
        check_tokenizer(lambda text: tokenize(text) if text.startswith("<") else [v.BOS, *tokenize(text)])


def test_a_tag_that_the_weights_do_not_know_is_refused_and_not_read_aloud() -> None:
    def with_laugh_alone(text: str) -> list[int]:
        return list(text.encode()) if text.startswith("<") and "laugh>" not in text else tokenize(text)

    assert build_prompt("Ha <laugh>.", VOICE, with_laugh_alone)
    with pytest.raises(BadRequest, match="snort"):
        build_prompt("Ha <laugh> <snort>.", VOICE, with_laugh_alone)


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Chapter One", "Chapter One."),
        ("He ran. ", "He ran."),
        ("“Who is it?”", "“Who is it?”"),
        ("He said no <sigh>", "He said no <sigh>."),
        ("Oh! <gasp>", "Oh! <gasp>"),
    ],
)
def test_every_line_ends_with_punctuation(text: str, heard: str) -> None:
    assert with_final_stop(text) == heard


def test_the_budget_grows_with_the_text_and_its_tags() -> None:
    line = "The tide came in at four and took the boats with it, one after another, without a sound."
    usual_s = len(line) / 14
    assert 1.5 * usual_s < frame_budget(line) * v.FRAME_DURATION_S < 4 * usual_s
    assert frame_budget(f"{line} <laugh>") > frame_budget(line) > frame_budget("No.")
