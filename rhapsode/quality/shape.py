"""What a waveform looks like where it is no speech: flat tops, holes, cuts, noise, drones, the wrong speed.

Nothing here listens to words. Each measure is one number that clean takes keep within bounds and some defect does not;
how far out is too far is judged elsewhere, against the book. All of them are linear in the length of the take and run
in blocks; what grows with it is four numbers for each 10 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import fft

from rhapsode.model import Audio, Samples, ShapeMeasures
from rhapsode.quality.level import FULL_SCALE, HOPS_A_BLOCK, PAUSE_DB, SILENT, blocks, hop_of, levels_of, speech_level
from rhapsode.quality.pitch import pitches
from rhapsode.quality.signal import FLOOR_DBFS, WINDOW_S

Float = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FLAT_TOP = 0.05
"""Of full scale. Samples that stand at the take's own extreme are a flat top from here up; below, they are rest."""

LOUD_DB = -20.0
"""Below the speech: what is quieter is no part of a jump, a noise or a drone."""

NOISY = 0.5
"""Flatness of a spectrum, 0 to 1, from which on it is noise. White noise has 0.8 to 0.9 in these bands, vowels 0.1."""

BRIDGED_S = 0.03
"""Noise that is interrupted for no longer than this is one stretch: syllables stand out of noise."""

JUMP_DB = 8.0
"""Mean change of the bands within 20 ms from which on it is a jump: the burst of a plosive, or a splice."""

STILL_DB = 2.0
STILL_S = 0.16
"""A drone changes less than this from one such time to the next. Twice the length of a codec frame, so that a sound
that repeats with each frame is a drone too."""

_FLOOR_DB = -45.0  # of a band, below white noise of the level of the speech
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 24, 100.0, 10_000.0
_STILL = round(STILL_S / WINDOW_S)
_CONTEXT = 2 * _STILL  # hops


@dataclass(frozen=True, slots=True)
class _Hops:
    """Of each frame of 20 ms, one every 10 ms: shape (hops,).

    Attributes:
        level: Mean square, 1 is full scale.
        flatness: 0 to 1, of the bands; the highest of the tilts of white, pink and brown noise.
        jump: Mean absolute change of the bands within 20 ms, dB.
        change: The same between the last `STILL_S` and those before, dB.
    """

    level: Float
    flatness: Float
    jump: Float
    change: Float


def shape_of(audio: Audio) -> ShapeMeasures:
    """Measures one take of any length, also an empty one."""
    samples, rate = audio.samples, audio.sample_rate_hz
    hop = hop_of(rate)
    dc = float(np.mean(samples, dtype=np.float64)) if len(samples) else 0.0
    levels = levels_of(samples, hop, dc)
    speech = speech_level(levels)
    head, tail = (_mean_square(part, dc) for part in (samples[: 3 * hop], samples[-3 * hop :]))
    hops = _hops(samples, rate, dc, speech)
    loud = hops.level > max(speech * 10 ** (LOUD_DB / 10), SILENT)
    lately = loud | np.concatenate((loud[:2], loud[:-2]))
    pitch = pitches(samples, rate, dc / FULL_SCALE, speech * 10 ** (LOUD_DB / 10)) if speech else np.zeros(0)
    return ShapeMeasures(
        clipped_samples=_flat_top(samples),
        dc=dc / FULL_SCALE,
        internal_silence_s=_longest_gap(levels >= max(SILENT, speech * 10 ** (PAUSE_DB / 10))) * WINDOW_S,
        cut_dbfs=_db(_mean_square(samples[-hop:], dc)),
        head_db=_db(head / speech) if speech else FLOOR_DBFS,
        tail_db=_db(tail / speech) if speech else FLOOR_DBFS,
        noise_s=_longest([_bridged(loud & (hops.flatness > NOISY))]) * WINDOW_S,
        drone_s=_drone_s(loud, hops.change),
        jumps_per_s=_jumps(hops.jump, lately) / (WINDOW_S * max(1, int(loud.sum()))),
        pitch_hz=float(np.median(pitch)) if len(pitch) else None,
    )


def _mean_square(part: Samples, dc: float) -> float:
    wave = part.astype(np.float64) - dc
    return float(wave @ wave) / (max(1, len(wave)) * FULL_SCALE**2)


def _hops(samples: Samples, rate: int, dc: float, speech: float) -> _Hops:
    """Frames that would reach beyond the end are left out; of a take shorter than one nothing is left."""
    hop = hop_of(rate)
    window = np.hanning(2 * hop).astype(np.float32)
    floor = np.float32(max(speech, SILENT) * 10 ** (_FLOOR_DB / 10) * (window @ window))
    edges, tilts = _bands(rate, hop)
    past = np.full((_CONTEXT, len(edges) - 1), floor, np.float32)
    parts: list[tuple[Float, ...]] = [(np.zeros(0, np.float32),) * 4]
    for start in range(0, len(samples) - 2 * hop + 1, hop * HOPS_A_BLOCK):
        block = samples[start : start + hop * (HOPS_A_BLOCK + 1)]
        wave = (block.astype(np.float32) - np.float32(dc)) / np.float32(FULL_SCALE)
        frames = np.lib.stride_tricks.sliding_window_view(wave, 2 * hop)[::hop]
        power = np.square(np.abs(fft.rfft(frames * window)))
        bands = (np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1) / np.diff(edges)).astype(np.float32)
        history = np.concatenate((past, np.maximum(bands, floor)))
        level = np.einsum("ij,ij->i", frames, frames) / np.float32(2 * hop)
        parts.append((level, _flatness(bands, tilts), *_changes(history)))
        past = history[-_CONTEXT:]
    return _Hops(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@lru_cache(maxsize=8)
def _bands(rate: int, hop: int) -> tuple[npt.NDArray[np.intp], Float]:
    """Bins where bands begin, and end, evenly spaced on the mel scale; and what makes noise of three tilts flat."""
    highest_hz = min(_HIGHEST_HZ, 0.42 * rate)
    mel = np.linspace(np.log1p(_LOWEST_HZ / 700), np.log1p(highest_hz / 700), _BANDS + 1)
    edges = np.unique(np.rint(700 * np.expm1(mel) * 2 * hop / rate).astype(np.intp))
    centres = (edges[:-1] + edges[1:]) / 2
    return edges, np.stack([centres**tilt for tilt in range(3)]).astype(np.float32)


def _flatness(bands: Float, tilts: Float) -> Float:
    """Geometric over arithmetic mean of the bands, tilted so that they are flattest: (hops, bands) -> (hops,)."""
    bands = bands + np.float32(1e-12)
    geometric = np.log(bands).mean(axis=1)[:, None] + np.log(tilts).mean(axis=1)
    flat: Float = (np.exp(geometric) / (bands @ tilts.T / np.float32(bands.shape[1]))).max(axis=1)
    return flat


def _changes(history: Float) -> tuple[Float, Float]:
    """Jump and change of each hop after the first `_CONTEXT`: (context + hops, bands) -> twice (hops,), in dB."""
    db = 10 * np.log10(history)
    jump: Float = np.abs(db[_CONTEXT:] - db[_CONTEXT - 2 : -2]).mean(axis=1)
    sums = np.concatenate((np.zeros((1, history.shape[1])), np.cumsum(history, axis=0, dtype=np.float64)))
    lately = 10 * np.log10(sums[_STILL:] - sums[:-_STILL])  # of the _STILL hops that end at a hop
    change: Float = np.abs(lately[_STILL:] - lately[:-_STILL]).mean(axis=1).astype(np.float32)
    return jump, change[1:]


def _jumps(jump: Float, loud: Mask) -> int:
    """Peaks of the change over time; one splice is one peak."""
    if len(jump) < 3:
        return 0
    inner = jump[1:-1]
    peak = (inner > JUMP_DB) & (inner >= jump[:-2]) & (inner > jump[2:]) & loud[1:-1]
    return int(peak.sum())


def _drone_s(loud: Mask, change: Float) -> float:
    """The first hop that did not change ends two stretches that are alike: those count too."""
    counts = np.concatenate((np.zeros(_CONTEXT), np.cumsum(loud, dtype=np.float64)))
    heard = counts[_CONTEXT:] - counts[:-_CONTEXT] >= 0.75 * _CONTEXT
    longest = _longest([heard & (change < STILL_DB)])
    return (longest + _CONTEXT - 1) * WINDOW_S if longest else 0.0


def _flat_top(samples: Samples) -> int:
    """Clipped speech is cut off at one level, which later gain moves below full scale: so the take's own extremes."""
    if not len(samples):
        return 0
    extremes = [int(samples.max()), int(samples.min())]
    return max(
        (
            _longest(block == extreme for block in blocks(samples, 1 << 18))
            for extreme in extremes
            if abs(extreme) >= FLAT_TOP * FULL_SCALE
        ),
        default=0,
    )


def _longest(blocks: Iterable[Mask]) -> int:
    """Length of the longest run of true values in a mask that comes in blocks."""
    longest = carried = 0
    for mask in blocks:
        breaks = np.flatnonzero(~mask)
        if not len(breaks):
            carried += len(mask)
            continue
        inner = int(np.diff(breaks).max(initial=1)) - 1
        longest = max(longest, carried + int(breaks[0]), inner)
        carried = len(mask) - 1 - int(breaks[-1])
    return max(longest, carried)


def _longest_gap(heard: Mask) -> int:
    """The longest run of false values between two true ones."""
    return int(np.diff(np.flatnonzero(heard)).max(initial=1)) - 1


def _bridged(mask: Mask) -> Mask:
    """The mask with its short gaps filled."""
    filled = mask.copy()
    for last, following in pairwise(np.flatnonzero(mask)):
        if following - last <= round(BRIDGED_S / WINDOW_S) + 1:
            filled[last:following] = True
    return filled


def _db(power: float) -> float:
    return max(float(10 * np.log10(max(power, 1e-30))), FLOOR_DBFS)
