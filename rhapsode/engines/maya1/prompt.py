"""What Maya1 is fed: a described voice, a text with emotion tags, and the frame of ids that the model was trained on.

    SOH BOS  <description="..."> text  EOT EOH SOA CODE_START        (transformers_inference.py of maya-research/maya1)

The ids are put together here and never by tokenising one long string, which is how a second BOS gets in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.errors import BadRequest, WeightsDamaged

Tokenize = Callable[[str], Sequence[int]]
"""Text -> ids, with each emotion tag as one id and without BOS, EOS or any other frame."""

EMOTIONS = (
    *("angry", "appalled", "chuckle", "cry", "curious", "disappointed", "excited", "exhale", "gasp", "giggle"),
    *("gulp", "laugh", "laugh_harder", "mischievous", "sarcastic", "scream", "sigh", "sing", "snort", "whisper"),
)
TAG = re.compile(f"<({'|'.join(sorted(EMOTIONS, key=len, reverse=True))})>")
CLOSED_TAG = re.compile(TAG.pattern.replace("<", "</", 1))

MIN_DESCRIPTION_WORDS = 8
MIN_FRAMES = math.ceil(28 / v.FRAME_TOKENS)  # the official minimum is 28 tokens

# Narration runs at about 14 characters a second. Twice that time, and a start, is far beyond any healthy take and keeps
# a model that cannot stop from filling its whole context.
BUDGET_START_S = 3.0
BUDGET_S_PER_CHARACTER = 2 / 14
BUDGET_S_PER_TAG = 3.0


def check_description(description: str) -> None:
    """Refuses a description that the model would read aloud or that would break out of its quotes.

    Raises:
        BadRequest: It is short, does not end with a full stop, or has quotes, angle brackets or line breaks in it.
    """
    if len(description.split()) < MIN_DESCRIPTION_WORDS or not description.endswith("."):
        raise BadRequest(
            f"The voice description {description!r} may be spoken aloud.",
            f"Write at least {MIN_DESCRIPTION_WORDS} words that end with a full stop.",
        )
    if re.search(r'["<>\n\r]', description):
        raise BadRequest(
            f"The voice description {description!r} has a double quote, an angle bracket or a line break in it.",
            "Write it in plain words.",
        )


def check_tokenizer(tokenize: Tokenize) -> None:
    """Proves once, at load, that a tokenizer has emotion tags and adds nothing of its own.

    Raises:
        WeightsDamaged: It does not: it belongs to another model, or it lost its added tokens.
    """
    if not any(is_whole(name, tokenize) for name in EMOTIONS):
        raise WeightsDamaged(
            "The tokenizer splits every emotion tag, such as <laugh>, into pieces.",
            "Use the tokenizer that comes with the Maya1 weights.",
        )
    if added := _special(tokenize("A plain line.")):
        raise WeightsDamaged(f"The tokenizer adds the control tokens {added} to plain text.", "Turn that off.")


def is_whole(emotion: str, tokenize: Tokenize) -> bool:
    """Whether a tokenizer has the tag of this emotion as one token; in pieces it would be read aloud."""
    return len(tokenize(f"<{emotion}>")) == 1


def build_prompt(text: str, description: str, tokenize: Tokenize) -> tuple[int, ...]:
    """Builds the ids of one prompt.

    Args:
        text: What is said, with emotion tags such as `<laugh>` where they are heard.
        description: What the voice is like; see `check_description`.
        tokenize: The tokenizer of the weights; see `check_tokenizer`.

    Raises:
        BadRequest: The text is empty, closes a tag, has one that these weights do not know or spells out a control
            token, or the description is refused.
    """
    check_description(description)
    if not text.strip():
        raise BadRequest("There is no text to speak.", "Leave empty chunks out of the plan.")
    closed = CLOSED_TAG.search(text)
    if closed:
        raise BadRequest(
            f"The text closes the emotion tag {closed[0]}.", "Tags mark a point and are never closed: remove it."
        )
    tags = set(TAG.findall(text))
    split = {name for name in tags if not is_whole(name, tokenize)}
    if split:
        raise BadRequest(f"The emotion tags {sorted(split)} are no single tokens in these weights.", "Remove them.")
    ids = tuple(tokenize(f'<description="{description}"> {with_final_stop(text)}'))
    known = {tokenize(f"<{name}>")[0] for name in tags}
    if control := _special(ids, but=known):
        raise BadRequest(
            f"The text spells out the control tokens {control}: {text[:60]!r}.",
            "Leave what is in angle brackets out, but for emotion tags such as <laugh>.",
        )
    return (v.SOH, v.BOS, *ids, v.EOT, v.EOH, v.SOA, v.CODE_START)


def _special(ids: Sequence[int], but: Collection[int] = ()) -> list[int]:
    """The ids that stand for no text: those of Llama (`<|end_of_text|>`), of Maya1 and of the codec."""
    return sorted({token for token in ids if token >= v.BOS and token not in but})


def with_final_stop(text: str) -> str:
    """Ends a line with a full stop where it has no final punctuation: the model tends to say such a line twice."""
    text = text.strip()
    bare = TAG.sub("", text).rstrip(" \"'”’)]»")
    return text if bare.endswith((".", "!", "?", "…", ";", ":", "—", "-")) else f"{text}."


def frame_budget(text: str) -> int:
    """The frames after which a take of this text is given up: twice its time at the usual pace, and a start."""
    tags = len(TAG.findall(text))
    seconds = BUDGET_START_S + BUDGET_S_PER_TAG * tags + BUDGET_S_PER_CHARACTER * len(TAG.sub("", text))
    return math.ceil(seconds / v.FRAME_DURATION_S)
