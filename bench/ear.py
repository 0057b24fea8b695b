"""Takes measured as in a conversion, and what is dear of it kept by the digest of the audio: no take is heard twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rhapsode.model import Audio, FinishReason, Measures, Transcript
from rhapsode.quality.recogniser import load_recogniser
from rhapsode.quality.shape import shape_of
from rhapsode.quality.signal import measure
from rhapsode.quality.voice import load_voices


class Ear:
    """Attributes:
    heard: How many takes were listened to; the others were known.
    """

    def __init__(self, folder: Path, recogniser: str) -> None:
        self._recogniser = load_recogniser(recogniser)
        self._folder = folder / self._recogniser.name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._voices = load_voices()
        self.heard = 0

    def measures_of(self, audio: Audio) -> Measures:
        """As of a take that ended by itself and came without tokens: what is wrong must be heard."""
        heard = self._known("transcript", audio, lambda: asdict(self._recogniser.hear(audio)))
        voice = self._known("voice", audio, lambda: self._voices.embed(audio))
        return Measures(
            finish=FinishReason.END,
            signal=measure(audio),
            shape=shape_of(audio),
            transcript=Transcript(**heard),
            voice=tuple(voice) if voice else None,
        )

    def _known(self, what: str, audio: Audio, ask: Callable[[], Any]) -> Any:
        file = self._folder / f"{hashlib.sha256(audio.samples.tobytes()).hexdigest()}.{what}.json"
        if not file.exists():
            self.heard += what == "transcript"
            torn = file.with_suffix(".new")
            torn.write_text(json.dumps(ask()))
            torn.replace(file)
        return json.loads(file.read_text())
