"""Maya1 in miniature is heard: 24 sentences, through both backends and every stage, by a recogniser.

The recogniser knows nothing of what was to be said, so prompt, frame order, codec, warm-up, joins and encoding are all
heard at once. It is asked as much of the codec's own copy of the sentences, for what that loses no backend can regain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the maya1 extra is not installed")
pytest.importorskip("gguf", reason="no writer for GGUF files")

from faster_whisper.audio import decode_audio
from transformers import LlamaForCausalLM

from rhapsode.engines import registry
from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.load import load_maya1_gguf
from rhapsode.engines.maya1.weights import Models
from rhapsode.engines.protocol import Engine
from rhapsode.engines.registry import load_engine
from rhapsode.model import Audio, FinishReason
from rhapsode.recipe import utterance
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.store.editions import edition_path, load_chunks
from rhapsode.store.library import open_library
from rhapsode.store.shelf import find_shelf
from tests.fixtures import models
from tests.fixtures.booklet import bind
from tests.fixtures.voice import SENTENCES, gguf_file, taught_codes
from tests.fixtures.voice.hear import Ear
from tests.fixtures.voice.layout import pack
from tests.fixtures.voice.shapes import SAMPLE_RATE_HZ, Wave
from tests.plain import convert

MOST_ERRORS = 0.10
MOST_ABOVE_COPY = 0.03
LEAST_SAME = 0.95
PRINTED = tuple(re.sub(r"<\w+> ", "", sentence) for sentence in SENTENCES)
"""As a book has them: no author writes emotion tags."""

SHORT = sorted(range(len(SENTENCES)), key=lambda i: len(SENTENCES[i]))[:2]
EARLIER_S, LATER_S = 0.1, 0.3  # around a chunk in the finished file; the pauses are longer

needs_llama = pytest.mark.skipif(find_spec("llama_cpp") is None, reason="the gguf extra is not installed")
pytestmark = pytest.mark.timeout(900)  # the first test pays for the models and for hearing the copy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.voice_models(tmp_path_factory.mktemp("models")).folder


@pytest.fixture(scope="module", autouse=True)
def _machine(folder: Path) -> Iterator[None]:
    """A machine that has the fixture voice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHAPSODE_MODELS", str(folder))
        patch.setenv("RHAPSODE_DEVICE", "cpu")
        patch.setenv("RHAPSODE_SLOTS", "8")
        patch.setenv("RHAPSODE_THREADS", "1")
        patch.setattr(registry, "_loaded", {})
        yield


@pytest.fixture(scope="module")
def ear() -> Ear:
    return Ear()


@pytest.fixture(scope="module")
def copied(ear: Ear) -> float:
    """The word error rate of the codec alone: the codes that were taught, decoded."""
    return ear.error_rate(SENTENCES, [sound(pack(codes)) for codes in taught_codes()])


def sound(token_ids: Sequence[int]) -> Wave:
    codec = load_engine(EngineName.MAYA1_HF).codec
    assert codec is not None
    return floats(codec.decode(token_ids, seed=0))


def floats(audio: Audio) -> Wave:
    assert audio.sample_rate_hz == SAMPLE_RATE_HZ
    return audio.samples.astype(np.float32) / 32767


@pytest.mark.parametrize(
    "name",
    [EngineName.MAYA1_HF, pytest.param(EngineName.MAYA1_GGUF, marks=[needs_llama, pytest.mark.slow])],
)
def test_the_finished_book_is_understood(name: EngineName, ear: Ear, copied: float, tmp_path: Path) -> None:
    """At the default sampling, in the published file, chunk by chunk where the edition says that each is heard."""
    bind(tmp_path / "book.epub", {"whales": "".join(f"<p>{sentence}</p>" for sentence in PRINTED)})
    edition = convert(ConvertRequest(epub=str(tmp_path / "book.epub"), library=str(tmp_path / "library"), engine=name))
    shelf = find_shelf(open_library(str(tmp_path / "library")), edition.title)
    rows = load_chunks(shelf, edition.number).to_pylist()
    assert [row["spoken"] for row in rows] == list(PRINTED)
    assert {(row["engine"], row["finish_reason"]) for row in rows} == {(name, FinishReason.END)}
    file = shelf.library.url(edition_path(shelf, edition.number, edition.files[0].name))
    book: Wave = decode_audio(file, sampling_rate=SAMPLE_RATE_HZ)
    spoken = ear.error_rate(PRINTED, [heard_at(book, row) for row in rows])
    print(f"{name}: word error rate {spoken:.2%} in the book, {copied:.2%} in the codec's own copy")
    assert spoken <= MOST_ERRORS
    assert spoken <= copied + MOST_ABOVE_COPY


def heard_at(book: Wave, row: dict[str, Any]) -> Wave:
    start, end = row["book_start_s"] - EARLIER_S, row["book_end_s"] + LATER_S
    return book[max(0, int(start * SAMPLE_RATE_HZ)) : int(end * SAMPLE_RATE_HZ)]


def test_sentences_with_emotion_tags_are_understood(ear: Ear) -> None:
    """As `redo --text` gives them: the tag is in the prompt, and neither it nor its name is heard."""
    tagged = [sentence for sentence in SENTENCES if "<" in sentence]
    waves = [sound(ids) for ids in said(load_engine(EngineName.MAYA1_HF), tagged)]
    wrong = ear.error_rate(tagged, waves)
    print(f"word error rate of {len(tagged)} sentences with emotion tags {wrong:.0%}")
    assert wrong <= MOST_ERRORS
    heard = {name: ear.hear(wave).split() for wave, name in zip(waves, ("laugh", "sigh"), strict=True)}
    assert not [name for name, told in heard.items() if name in told]


def test_frames_that_have_slipped_are_not_understood(ear: Ear) -> None:
    """One token is missing, and the codes are taken modulo 4096, as other decoders take them: the ear convicts that."""
    slipped = []
    for i in SHORT:
        ids = np.asarray(pack(taught_codes()[i]))
        codes = (np.delete(ids, 10)[: len(ids) - v.FRAME_TOKENS] - v.FIRST_CODE) % v.CODEBOOK_SIZE
        bands = [v.band(position % v.FRAME_TOKENS)[0] for position in range(len(codes))]
        slipped.append(sound((codes + bands).tolist()))
    wrong = ear.error_rate([SENTENCES[i] for i in SHORT], slipped)
    print(f"word error rate of slipped frames {wrong:.0%}")
    assert wrong > 0.5


# -- two backends, one model -------------------------------------------------------------------------------------------


def said(engine: Engine, sentences: Sequence[str]) -> list[tuple[int, ...]]:
    """The tokens of each sentence at temperature 0, everything else as by default."""
    sampling = replace(engine.sampling, temperature=0.0)
    wanted = [utterance(text, engine.voices[0], sampling, "", "", 1) for text in sentences]
    with engine.session() as session:
        tokens = {take.utterance.key: take.tokens for take in session.speak(wanted)}
    return [found.ids for one in wanted if (found := tokens[one.key])]


def same(one: list[tuple[int, ...]], other: list[tuple[int, ...]], sentences: Sequence[str]) -> float:
    """The share of the sentences that have the same tokens in both; prints where the others part."""
    for text, a, b in zip(sentences, one, other, strict=True):
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
            print(f"{text[:40]!r}: {len(a)} and {len(b)} tokens, which differ from token {at + 1}")
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(sentences)


@needs_llama
def test_both_backends_say_the_same_tokens_at_temperature_zero() -> None:
    engines = [load_engine(name) for name in (EngineName.MAYA1_HF, EngineName.MAYA1_GGUF)]
    assert [engine.stack.precision for engine in engines] == ["fp32", "f32"]
    hf, gguf = (said(engine, SENTENCES) for engine in engines)
    share = same(hf, gguf, SENTENCES)
    print(f"{share:.1%} of {len(SENTENCES)} sentences have the same tokens in fp32 and in f32")
    assert len(set(hf)) == len(SENTENCES)
    assert share >= LEAST_SAME


@needs_llama
def test_a_conversion_that_forgets_how_heads_are_rotated_is_convicted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """llama.cpp and transformers pair the rows of a head differently; that file is else the same to the last bit."""
    at_hand = Models(folder)
    weights = at_hand.find("maya1").folder
    monkeypatch.setattr(gguf_file, "_interleaved", lambda weight, heads: weight)
    whole = LlamaForCausalLM.from_pretrained(weights, local_files_only=True)
    gguf_file.write(whole, weights / "tokenizer.json", tmp_path / "wrong.gguf")
    wrong = Models(tmp_path / "models")
    wrong.add("maya1-gguf", tmp_path / "wrong.gguf")
    wrong.add("snac", at_hand.find("snac").folder)
    sentences = [SENTENCES[i] for i in SHORT]
    hf = said(load_engine(EngineName.MAYA1_HF), sentences)
    monkeypatch.setenv("RHAPSODE_MODELS", str(wrong.folder))
    monkeypatch.setenv("RHAPSODE_SLOTS", str(len(sentences)))  # each slot costs a whole head, busy or not
    assert same(hf, said(load_maya1_gguf(), sentences), sentences) < LEAST_SAME
