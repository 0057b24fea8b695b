"""Voices that no engine here has: espeak-ng, from the wheel of espeakng-loader, which carries the library and its data.

Its flutter cannot be seeded, but is the same at the start of every process: so each text has a process of its own,
and the same audio every time. `python -m bench.espeak VOICE` reads a text and writes 16-bit PCM.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

from rhapsode.model import Audio

SAMPLE_RATE_HZ = 24_000
ITS_RATE_HZ = 22_050

VOICES = (
    "en-us", "en-us+f2", "en-us+f4", "en-us+m3", "en-us+m7", "en-us+croak",
    "en", "en+f3", "en+m1", "en-GB-scotland", "en-GB-x-rp+f1", "en-029",
)  # fmt: skip

_SYNCHRONOUS, _UTF8, _CHARACTERS = 2, 1, 1  # of speak_lib.h

_Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.c_void_p)


def espeak(text: str, voice: str) -> Audio:
    """The text as espeak-ng says it, at 24 kHz."""
    command = [sys.executable, "-m", "bench.espeak", voice]
    root = Path(__file__).resolve().parents[1]
    said = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True, cwd=root).stdout
    from scipy import signal  # noqa: PLC0415 - the other process does without: it takes a second

    wave = signal.resample_poly(np.frombuffer(said, np.int16).astype(np.float64), SAMPLE_RATE_HZ, ITS_RATE_HZ)
    return Audio(np.rint(np.clip(wave, -32768, 32767)).astype(np.int16), SAMPLE_RATE_HZ)


def main() -> None:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    if rate_hz != ITS_RATE_HZ:
        raise SystemExit(f"espeak-ng starts with {rate_hz}, not at {ITS_RATE_HZ} Hz")

    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # of some voices' breath

    @_Heard
    def heard(samples: Any, count: int, _events: int) -> int:
        if samples and count:
            sys.stdout.buffer.write(ctypes.string_at(samples, 2 * count))
        return 0

    library.espeak_SetSynthCallback(heard)
    if library.espeak_SetVoiceByName(sys.argv[1].encode()):
        raise SystemExit(f"espeak-ng has no voice {sys.argv[1]!r}")
    text = sys.stdin.buffer.read()
    library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, _CHARACTERS, 0, _UTF8, None, None)


if __name__ == "__main__":
    main()
