"""What is heard, and who hears it."""

from __future__ import annotations

import pytest

from rhapsode import recipe
from rhapsode.engines.registry import load_engine, sampling_of, voice_of
from rhapsode.model import Audio
from rhapsode.quality.recogniser import Recogniser, load_recogniser
from rhapsode.settings import EngineName

SENTENCES = (
    "The clock on the tower struck four.",
    "Nobody had been inside for many years, and yet it kept the time of the tide.",
    "She walked along the harbour with a lantern in her hand.",
    "The old fisherman told her to come back in the morning.",
)


@pytest.fixture(scope="session")
def spoken() -> list[Audio]:
    engine = load_engine(EngineName.HIBARI)
    voice, sampling, stack = voice_of(engine, ""), sampling_of(engine, None), engine.stack
    asked = [recipe.utterance(text, voice, sampling, stack.weights_digest, "int8", take=1) for text in SENTENCES]
    with engine.session() as session:
        takes = {take.utterance.text: take.audio for take in session.speak(asked)}
    return [audio for text in SENTENCES if (audio := takes[text])]


@pytest.fixture(scope="session")
def ear() -> Recogniser:
    return load_recogniser()
