"""The engine over a backbone without a model: what it asks the decoder for, what it refuses, what it frees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.engine import Maya1Engine
from rhapsode.engines.maya1.prompt import EMOTIONS
from rhapsode.engines.maya1.sampler import Logits
from rhapsode.engines.maya1.voices import load_voices
from rhapsode.errors import BadRequest, EngineUnavailable, SynthesisFailed, WeightsDamaged
from rhapsode.model import Audio, FinishReason, Stack, Utterance, Voice
from rhapsode.recipe import utterance
from tests.unit.engines.maya1.mock import MockBackbone


class Hum:
    """A codec: one sample a token."""

    def decode(self, token_ids: Sequence[int], seed: int) -> Audio:
        return Audio(np.asarray(token_ids, dtype=np.int64).astype(np.int16), v.SAMPLE_RATE_HZ)


def tokenize(text: str) -> list[int]:
    """A letter an id, an emotion tag one, and a text that spells out a control token gets it."""
    ids: list[int] = []
    while text:
        tag = next((name for name in EMOTIONS if text.startswith(f"<{name}>")), None)
        if tag:
            ids.append(200 + EMOTIONS.index(tag))
            text = text[len(tag) + 2 :]
        elif text.startswith("<end>"):
            ids.append(v.CODE_END)
            text = text[5:]
        else:
            ids.append(ord(text[0]) % 200)
            text = text[1:]
    return ids


class Opened(list[MockBackbone]):
    """Makes backbones and remembers them; there is room for so many slots."""

    def __init__(self, room: int = 64) -> None:
        super().__init__()
        self.room = room

    def __call__(self, slots: int) -> MockBackbone:
        if slots > self.room:
            raise MemoryError("no room")
        self.append(MockBackbone(slots))
        return self[-1]


def engine(opened: Opened | None = None, slots: int = 4, **changes: Any) -> Maya1Engine:
    parts = {
        "stack": Stack("maya1-mock", "w" * 64, "fp32", slots, 1),
        "voices": load_voices(),
        "codec": Hum(),
        "tokenize": tokenize,
        "open_backbone": Opened() if opened is None else opened,
    }
    return Maya1Engine(**parts | changes)


def said(one: Maya1Engine, *texts: str) -> list[Utterance]:
    return [utterance(text, one.voices[0], one.sampling, one.stack.weights_digest, "fp32", 1) for text in texts]


def test_a_take_is_tokens_in_whole_frames() -> None:
    one = engine()
    wanted = said(one, "It rained.", "It rained <laugh> again.", "Nobody came")
    with one.session() as session:
        takes = {take.utterance: take for take in session.speak(wanted)}
    assert set(takes) == set(wanted)
    for take in takes.values():
        assert take.audio is None and take.tokens and take.finish in FinishReason
        frames = len(take.tokens.ids) // 7
        v.unpack_frames(take.tokens.ids)
        assert take.tokens.duration_s == pytest.approx((frames - 1) * 2048 / 24000)
        assert take.tokens.slots == 4 and take.tokens.legal_mass


def test_a_take_depends_on_text_voice_sampling_and_seed() -> None:
    one = engine()
    base = said(one, "It rained.")[0]
    others = [
        base,
        replace(base, text="It snowed."),
        replace(base, voice=one.voices[1]),
        replace(base, seed=base.seed + 1),
        replace(base, sampling=replace(base.sampling, temperature=2.0)),
        replace(base, sampling=replace(base.sampling, top_p=0.3)),
        replace(base, sampling=replace(base.sampling, repetition_penalty=3.0)),
    ]
    tokens = []
    for other in others:
        with one.session() as session:
            tokens += [take.tokens.ids for take in session.speak([other]) if take.tokens]
    assert len(set(tokens)) == len(others)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * *", "Nothing to say"),
        ("", "Nothing to say"),
        ("He <laugh>laughed</laugh>.", "closes the emotion tag"),
        ("He wrote <end> there.", "control tokens"),
        ("word " * 40_000, "a slot holds 100000"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_key_after_all_the_rest(text: str, why: str) -> None:
    one = engine()
    wanted = said(one, text, "It rained.", "It snowed.")
    spoken = []
    with one.session() as session:
        with pytest.raises(SynthesisFailed, match=why) as failure:
            spoken.extend(take.utterance for take in session.speak(wanted))
        assert failure.value.key == wanted[0].key
        assert set(spoken) == set(wanted[1:])
        assert len(list(session.speak(wanted[1:]))) == 2


def test_a_voice_or_a_sampling_that_is_none_of_its_own_is_refused() -> None:
    one = engine()
    base = said(one, "It rained.")[0]
    known = base.sampling
    for wrong in (
        replace(base, voice=Voice("nobody")),
        replace(base, voice=Voice("short", "A woman.")),
        replace(base, sampling=replace(known, speed=1.0)),
        replace(base, sampling=replace(known, top_p=None)),
        replace(base, sampling=replace(known, temperature=-1.0)),
    ):
        with one.session() as session, pytest.raises(BadRequest):
            list(session.speak([wrong]))


def test_a_described_voice_that_is_no_preset_can_speak() -> None:
    """A book that was begun with a voice of the user's file can be finished without the file."""
    one = engine()
    own = Voice("mine", "An old sailor with a hoarse voice who takes his time.")
    with one.session() as session:
        assert list(session.speak([replace(said(one, "It rained.")[0], voice=own)]))


def test_a_session_frees_its_slots_and_is_over() -> None:
    opened = Opened()
    one = engine(opened)
    with pytest.raises(ZeroDivisionError), one.session() as session:
        begun = session.speak(said(one, "It rained.", "It snowed."))
        next(begun)
        raise ZeroDivisionError
    assert opened[0].closed
    for attempt in (lambda: next(begun), lambda: session.speak([])):
        with pytest.raises(RuntimeError, match="is over"):
            attempt()
    with one.session():
        assert len(opened) == 2 and not opened[1].closed


def test_a_call_that_was_overtaken_says_so() -> None:
    one = engine()
    with one.session() as session:
        first = session.speak(said(one, "It rained.", "It snowed."))
        next(first)
        assert len(list(session.speak(said(one, "It hailed.")))) == 1
        with pytest.raises(RuntimeError, match="something else"):
            next(first)


def test_slots_that_do_not_fit_are_halved_until_they_do_and_the_take_says_how_many() -> None:
    opened = Opened(room=3)
    one = engine(opened, slots=16)
    with one.session() as session:
        (take,) = session.speak(said(one, "It rained."))
    assert opened[0].slots == 2 and take.tokens and take.tokens.slots == 2
    with pytest.raises(SynthesisFailed, match="Not even one slot"), engine(Opened(room=0)).session():
        pass


def test_unlike_slots_and_a_foreign_tokenizer_are_refused_before_anything_is_spoken() -> None:
    with pytest.raises(BadRequest, match="6 slots"):
        engine(slots=6)
    with pytest.raises(WeightsDamaged, match="splits every emotion tag"):
        engine(tokenize=lambda text: list(text.encode()))
    with pytest.raises(WeightsDamaged, match="adds the control tokens"):
        engine(tokenize=lambda text: [v.BOS, *tokenize(text)] if not text.startswith("<") else tokenize(text))


class Unlike(MockBackbone):
    """Its last slot rounds otherwise, where there are more than two."""

    def step(self, token_ids: v.TokenIds, position: int) -> Logits:
        scores = super().step(token_ids, position)
        if self.slots > 2:
            scores[-1] += 1e-6
        return scores


def test_on_a_device_that_no_test_has_seen_a_session_proves_that_its_slots_are_alike() -> None:
    opened: list[MockBackbone] = []

    def open_unlike(slots: int) -> MockBackbone:
        opened.append(Unlike(slots))
        return opened[-1]

    new = engine(open_backbone=open_unlike, proven=False)
    with pytest.raises(EngineUnavailable, match=r"slots \[3\] of 4 compute other bits") as refusal, new.session():
        pass
    assert opened[0].closed and refusal.value.remedy == "Set RHAPSODE_SLOTS=2."
    halved = engine(open_backbone=open_unlike, proven=False, slots=2)
    for proofs in (7 + 1, 0):
        with halved.session():
            assert opened[-1].steps == proofs
    with engine(open_backbone=open_unlike).session():
        pass


def test_a_lack_of_memory_is_told_when_a_session_opens_and_while_it_speaks(caplog: pytest.LogCaptureFixture) -> None:
    with engine(Opened(room=3), slots=8).session():
        pass
    assert [record.getMessage() for record in caplog.records] == [
        "Memory lacks for 8 slots of maya1-mock: trying half as many.",
        "Memory lacks for 4 slots of maya1-mock: trying half as many.",
    ]
    caplog.clear()
    opened = Opened()
    one = engine(opened, slots=8)
    with one.session() as session:
        opened[0].fails_at, opened[0].fits = 20, 2
        takes = list(session.speak(said(one, *(f"It rained {day} days." for day in range(12)))))
        session_later = list(session.speak(said(one, "It rained.")))
    assert {take.tokens.slots for take in [*takes, *session_later] if take.tokens} <= {8, 2}
    assert takes[-1].tokens and takes[-1].tokens.slots == 2
    (record,) = caplog.records
    assert record.getMessage() == "Memory ran out with 8 slots: going on with 2; their takes began anew."
