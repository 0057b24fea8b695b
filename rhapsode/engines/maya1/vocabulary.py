"""The token ids of Maya1 and the layout of a codec frame. Pure integers: knows no tensor, no text, no model.

Source of the ids and of the layout: constants.py and transformers_inference.py of maya-research/maya1; of the codec's
numbers: the configuration of hubertsiuzdak/snac_24khz. Every other number here follows from those.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rhapsode.errors import SynthesisFailed

TokenIds = npt.NDArray[np.int64]


def exact_div(dividend: int, divisor: int) -> int:
    """Divides two integers that must divide without remainder."""
    quotient, remainder = divmod(dividend, divisor)
    assert remainder == 0, f"{dividend} is no multiple of {divisor}"
    return quotient


# The codec: SNAC at 24 kHz with three codebooks, each twice as fast as the one before it.

SAMPLE_RATE_HZ = 24_000
HOP = 512  # samples of one code of the finest codebook
STRIDES = (4, 2, 1)  # in hops: how long one code of each codebook lasts
CODEBOOK_SIZE = 4096

CODES_PER_FRAME = tuple(exact_div(STRIDES[0], stride) for stride in STRIDES)  # 1, 2, 4
FRAME_TOKENS = sum(CODES_PER_FRAME)
FRAME_SAMPLES = HOP * STRIDES[0]
FRAME_DURATION_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
TOKENS_PER_SECOND = FRAME_TOKENS / FRAME_DURATION_S

# (codebook, which of its codes in the frame) at each position: a coarse code, then the finer ones beneath it.
LAYOUT = ((0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (2, 2), (2, 3))

# The vocabulary: 128,000 ids of text, special ids, then one band of codes for each position in the frame.

BOS = 128_000
EOT = 128_009  # ends the text of the prompt; no stop token
CODE_START = 128_257
CODE_END = 128_258  # the only stop token
SOH, EOH = 128_259, 128_260  # the human's turn
SOA, EOA = 128_261, 128_262  # the assistant's turn
PAD = 128_263
FIRST_CODE = 128_266
LAST_CODE = FIRST_CODE + FRAME_TOKENS * CODEBOOK_SIZE - 1

assert sorted(LAYOUT) == [(book, i) for book, count in enumerate(CODES_PER_FRAME) for i in range(count)]
assert (FRAME_TOKENS, FRAME_SAMPLES, LAST_CODE) == (7, 2048, 156_937)
assert BOS < EOT < CODE_START < CODE_END < PAD < FIRST_CODE


def band(position: int) -> range:
    """The ids that are legal codes at a position (0..6) of a frame."""
    first = FIRST_CODE + position * CODEBOOK_SIZE
    return range(first, first + CODEBOOK_SIZE)


def legal_ids(position: int) -> TokenIds:
    """Every id that may stand at a position of a frame, ascending: its band, and CODE_END where a frame begins."""
    ids = np.arange(band(position).start, band(position).stop, dtype=np.int64)
    return np.concatenate(([CODE_END], ids)) if position == 0 else ids


def pack_frames(books: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Interleaves codes into token ids.

    Args:
        books: For each codebook its codes 0..4095, in time: n, 2n and 4n of them for n frames.

    Raises:
        ValueError: The lengths do not belong to one number of frames, or a code is not in its codebook.
    """
    frames = len(books[0])
    if [len(codes) for codes in books] != [frames * count for count in CODES_PER_FRAME]:
        raise ValueError(f"codebooks of lengths {[len(codes) for codes in books]} are not of one take.")
    if any(not 0 <= code < CODEBOOK_SIZE for codes in books for code in codes):
        raise ValueError(f"a code is outside 0..{CODEBOOK_SIZE - 1}.")
    return tuple(
        band(position).start + int(books[book][frame * CODES_PER_FRAME[book] + i])
        for frame in range(frames)
        for position, (book, i) in enumerate(LAYOUT)
    )


def unpack_frames(token_ids: Sequence[int]) -> tuple[npt.NDArray[np.int64], ...]:
    """Separates token ids into the codes of each codebook: the inverse of `pack_frames`.

    Taking each id modulo 4096 would do as much, and would hide a stream that has slipped: one stray or missing token
    garbles every frame after it. So every id is checked against its band.

    Args:
        token_ids: Whole frames, without CODE_END.

    Returns:
        Codes 0..4095: arrays of n, 2n and 4n for n frames.

    Raises:
        SynthesisFailed: A token is outside the band of its position, or the last frame is not whole.
    """
    ids = np.asarray(token_ids, dtype=np.int64)
    positions = np.arange(len(ids)) % FRAME_TOKENS
    codes = ids - FIRST_CODE - positions * CODEBOOK_SIZE
    strays = np.flatnonzero((codes < 0) | (codes >= CODEBOOK_SIZE))
    if len(strays):
        at = int(strays[0])
        legal = band(at % FRAME_TOKENS)
        raise SynthesisFailed(
            f"Token {at + 1} of the take is {ids[at]}, outside {legal[0]}..{legal[-1]}: the frames have slipped.",
            "Speak it again; `rhapsode diagnose` finds the cause.",
        )
    if len(ids) % FRAME_TOKENS:
        raise SynthesisFailed(
            f"The take has {len(ids)} tokens, which is no multiple of {FRAME_TOKENS}: the last frame is cut.",
            "Speak it again; `rhapsode diagnose` finds the cause.",
        )
    frames = codes.reshape(-1, FRAME_TOKENS)
    columns = ([p for p, (book, _) in enumerate(LAYOUT) if book == of] for of in range(len(STRIDES)))
    return tuple(frames[:, of].reshape(-1) for of in columns)
