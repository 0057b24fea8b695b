"""No word is lost between text and phonemes; where it matters, what hibari makes of the same text stands beside."""

from __future__ import annotations

import json
import string
from pathlib import Path

import hibari
import pytest
from hibari.g2p import G2P
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.engines.phonemes import Pronouncer, is_heard
from rhapsode.errors import SynthesisFailed


@pytest.fixture(scope="module", params=[False, True], ids=["american", "british"])
def pronounce(request):
    return Pronouncer(british=request.param)


@pytest.fixture(scope="module")
def american():
    return Pronouncer(british=False)


@pytest.fixture(scope="module")
def bare():
    """hibari's own front end: each loss below is shown on it, so that a fixed release is noticed."""
    return G2P()


PLAIN = [
    "It was a bright cold day in April, and the clocks were striking thirteen.",
    "“Who is there?” she asked—and nobody answered…",
    "On the 3rd of May, 1,250 people paid $9.99 at 7:30 pm.",
    "Chapter IV: Mr. O’Neill’s café",
]


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_is_left_to_hibari(american, bare, text):
    assert american(text) == bare(text)


DROPPED = [
    ("passengers get sea-sick—grow quarrelsome—don't sleep of nights—do not", "—grow quarrelsome—don't", "dˈOnt"),
    ("the 日本 ship", "日本", "ɹˈI bˈɛn"),
    ("the хлеб ship", "хлеб", ""),
    ("five ∞ ships", "∞", "ɪnfˈɪnəTi"),
    ("I ♥ ships", "♥", "hˈɑɹts"),
    ("the $ sign", "$", "dˈɑləɹz"),
    ("[sic](as printed) it was", "as printed", "pɹˈɪntᵻd"),
    ("from $10-$20", "$", "dˈɑləɹz tə twˈɛnti dˈɑləɹz"),
]


@pytest.mark.parametrize(("text", "part", "phonemes"), DROPPED, ids=[part for _, part, _ in DROPPED])
def test_what_hibari_drops_is_spoken(american, bare, text, part, phonemes):
    assert part in text
    assert phonemes in american(text)
    assert american(text) != bare(text)
    if phonemes:
        assert phonemes not in bare(text)


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("λόγος", "logos"),
        ("Война и мир", "Voyna i mir"),
        ("cafe\u0301", "café"),  # one letter, as hibari learnt it
        ("co\u00adop\u200berate", "cooperate"),
        ("word\u2060—\u2060word", "word—word"),
        ("Mr. M⸺", "Mr. M—"),
        ("well‑known", "well-known"),
        ("don´t, don\u02bct", "don't, don't"),
        ("2⅓", "2 1/3"),
        ("Ⅷ", "VIII"),
        ("№ 5", "No 5"),
        ("🎉", " tada "),
        ("❦ ■ †", "    †"),
        ("ＡＢＣ", "ABC"),
        ("5‰", "5 per mille "),
        ("a\x8cb", "a b"),
        ("5 − 3", "5  minus  3"),
        ("½ ² § © “x” — …", "½ ² § © “x” — …"),  # hibari's own
    ],
)
def test_rewriting(american, text, rewritten):
    assert american.rewritten(text) == rewritten


def test_every_letter_of_a_long_word_counts(pronounce):
    """The net hears 24 letters of a word and no more."""
    start = "llanfairpwllgwyngyllgoge"
    assert len(start) == 24
    assert len(pronounce(start + "rychwyrndrobwll")) > len(pronounce(start)) + 8


def test_a_number_beyond_decillions_is_read_as_digits(pronounce, bare):
    number = "12" * 30
    with pytest.raises(IndexError):
        bare(number)
    one, two = pronounce("1"), pronounce("2")
    assert pronounce(number).split() == [one, two] * 30
    assert pronounce("9,999,999,999").count(",") == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("caf\ufffd is shut", "U+FFFD"),
        ("a drop cap \ue001nce", "U+E001"),
        ("an unassigned \U000e0fff here", "U+E0FFF"),
        ("the mark 々 alone", "'々'"),
        ("a word ااا of alefs", "'ااا'"),
    ],
)
def test_what_cannot_be_spoken_is_named(pronounce, text, named):
    with pytest.raises(SynthesisFailed) as error:
        pronounce(text)
    assert named in error.value.message
    assert error.value.remedy


def test_a_word_that_comes_out_mute_is_named(american, monkeypatch):
    """No text is known for which hibari does so once it is rewritten; should there be one, it is not shipped."""

    def mute(tokens):
        spoken = G2P.phonemize_tokens(american._g2p, tokens)
        spoken[1].phonemes = "ˈ"
        return spoken

    monkeypatch.setattr(american._g2p, "phonemize_tokens", mute)
    with pytest.raises(SynthesisFailed, match="no sound for 'tide'"):
        american("The tide clock")


def test_letters_and_pairs_all_have_a_sound(pronounce):
    """`EA`, and `Ã` in British, have none in the nets."""
    for word in [*string.ascii_letters, *(a + b for a in "aeiouAEIOU" for b in "aeiouAEIOU"), *"ÁÃâãåĖĝŘŮǔéöüßłøžñç"]:
        assert is_heard(pronounce(word)), word


VOCABULARY = set(json.loads(Path(hibari.__file__).with_name("assets").joinpath("vocab.json").read_text()))
LETTERS = st.text(st.sampled_from(string.ascii_letters + "éöüñçßłøřž"), min_size=1, max_size=40)
NUMBERS = st.from_regex(r"[0-9]{1,3}([.,:/-]?[0-9]{1,4}){0,3}(st|th|s|'s|%)?", fullmatch=True)
OTHERS = st.text(st.characters(codec="utf-8", exclude_categories=["Co", "Cn", "Cs"]), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(words=st.lists(LETTERS | NUMBERS | OTHERS, min_size=1, max_size=6), glue=st.sampled_from([" ", "—", " “", ", "]))
def test_any_text_is_spoken_or_refused_by_name(pronounce, words, glue):
    """No other exception, no phoneme outside the voice's alphabet, no silence where there was a word."""
    text = glue.join(words)
    try:
        phonemes = pronounce(text)
    except SynthesisFailed as error:
        assert "'" in error.message or "U+" in error.message
        return
    assert not set(phonemes) - VOCABULARY
    if any(c.isalnum() for c in text):
        assert is_heard(phonemes)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(LETTERS, min_size=1, max_size=8))
def test_words_of_letters_all_come_through(american, words):
    """As many words of phonemes as of text, at least: a lost one shows."""
    assert len(american(" ".join(words)).split()) >= len(words)


def test_answers_do_not_depend_on_what_was_asked_before(american):
    fresh = Pronouncer(british=False)
    asked = [*PLAIN, *(text for text, _, _ in DROPPED)]
    first = [american(text) for text in asked]
    assert [american(text) for text in asked[::-1]] == first[::-1]
    assert [fresh(text) for text in asked[::-1]] == first[::-1]
