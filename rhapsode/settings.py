"""Validated settings: what a conversion may be asked for. Unknown keys are refused and the valid ones named.

`ConvertRequest` is the parameter of the flow `convert-book`; Prefect's UI draws its form from these names, types and
descriptions.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from rhapsode.errors import BadRequest
from rhapsode.places import Place, refuse_secrets

DEFAULT_LIBRARY = refuse_secrets(os.environ.get("RHAPSODE_LIBRARY", "library"))
DEFAULT_BOOKS = refuse_secrets(os.environ.get("RHAPSODE_BOOKS", "books"))


def _in_order(schema: dict[str, Any]) -> None:
    """Numbers the fields: PostgreSQL forgets their order, and Prefect's form goes by this."""
    for position, field in enumerate(schema.get("properties", {}).values()):
        field["position"] = position


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, json_schema_extra=_in_order)


class Footnotes(StrEnum):
    SKIP = "skip"
    INLINE = "inline"
    END_OF_CHAPTER = "end-of-chapter"


class Format(StrEnum):
    M4B = "m4b"
    MP3 = "mp3"
    FLAC = "flac"


class EngineName(StrEnum):
    AUTO = "auto"
    MAYA1_HF = "maya1-hf"
    MAYA1_GGUF = "maya1-gguf"
    HIBARI = "hibari"
    TONE = "tone"


class Listen(StrEnum):
    """Which takes a recogniser listens to."""

    AUTO = "auto"
    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


class Strictness(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Policy(StrEnum):
    """What becomes of a book in which a chunk has no good take."""

    REPORT = "report"
    STRICT = "strict"


class FanOut(StrEnum):
    """Who speaks the ranges of a book."""

    INLINE = "inline"
    WORKERS = "workers"


def fan_out_here() -> FanOut:
    """What this environment says, which is that of a command, a worker, or whoever registers the deployments.

    Raises:
        BadRequest: It says something else.
    """
    given = os.environ.get("RHAPSODE_FAN_OUT", FanOut.INLINE)
    if given not in set(FanOut):
        raise BadRequest(f"RHAPSODE_FAN_OUT cannot be {given!r}.", f"Valid: {', '.join(FanOut)}.")
    return FanOut(given)


DEFAULT_FAN_OUT = fan_out_here()


class ChunkBudget(Settings):
    """How much one engine call may be asked to say. Beyond 45-60 s in one call language-model voices skip text."""

    words: int = Field(60, ge=8, le=200, description="Words at most.")
    characters: int = Field(400, ge=60, le=2000, description="Characters at most, as spoken.")
    seconds: float = Field(24.0, ge=4, le=45, description="Seconds of speech at most, by estimate.")


class Pauses(Settings):
    """Seconds of room tone after a chunk, by what follows it in the book."""

    sentence: float = Field(0.35, ge=0, le=10)
    paragraph: float = Field(0.70, ge=0, le=10)
    scene: float = Field(1.80, ge=0, le=10)
    heading: float = Field(1.20, ge=0, le=10)
    chapter: float = Field(2.50, ge=0, le=10)


class AudioSettings(Settings):
    """How the finished audiobook is made."""

    format: Format = Field(Format.M4B, description="m4b: one file with chapters; mp3 and flac: a file a chapter.")
    loudness_lufs: float = Field(
        -19.0, ge=-40, le=-6, description="Integrated loudness of the whole book.", title="Loudness (LUFS)"
    )
    ceiling_dbtp: float = Field(
        -3.0, ge=-20, le=0, description="True peak that is never exceeded.", title="Ceiling (dBTP)"
    )
    bitrate_kbps: int = Field(64, ge=24, le=320, description="Of AAC and MP3.", title="Bitrate (kbit/s)")
    room_tone_dbfs: float = Field(
        -72.0, ge=-96, le=-50, description="Level (rms) of the room tone in the pauses.", title="Room tone (dBFS)"
    )
    pauses: Pauses = Pauses()


class Verification(Settings):
    """How takes are checked before anybody hears them."""

    listen: Listen = Field(
        Listen.AUTO,
        description="all: every take; sample: some, and all that look suspicious; none: nothing is checked. auto: all "
        "takes of voices that are language models, a sample of others.",
    )
    share: float = Field(0.05, ge=0, le=1, description="Part of the takes that a sample has: 0.05 is one in twenty.")
    recogniser: str = Field("tiny.en", description="Name of a Whisper model, or its folder.", min_length=1)
    second_opinion: str = Field(
        "", description="A larger Whisper model, or its folder: it hears what the recogniser is not sure of."
    )
    strictness: Strictness = Field(Strictness.NORMAL, description="high: more false alarms, fewer misses.")
    takes: int = Field(4, ge=1, le=8, description="How often a bad chunk is spoken, at most.")
    policy: Policy = Field(
        Policy.REPORT,
        description="report: chunks without a good take are named, and the book is published; strict: it is not.",
    )

    @field_validator("second_opinion")
    @classmethod
    def _of_another(cls, name: str, others: ValidationInfo) -> str:
        if name and name == others.data.get("recogniser"):
            raise ValueError("it is the recogniser itself")
        return name


class _OneBook(Settings):
    epub: Place = Field(description="Path or fsspec URL of the EPUB file.", title="EPUB", min_length=1)


class Conversion(Settings):
    """How books are converted, whichever they are."""

    library: Place = Field(DEFAULT_LIBRARY, description="Folder or fsspec URL where everything is kept.", min_length=1)
    engine: EngineName = Field(EngineName.AUTO, description="auto: the best voice that this machine can run.")
    voice: str = Field("", description="Name of a voice of the engine; empty: its default.")
    speed: float | None = Field(None, ge=0.5, le=2.0, description="1.0 is the voice's own pace.")
    footnotes: Footnotes = Field(Footnotes.SKIP, description="What to do with footnotes and endnotes.")
    lexicon: Place = Field(
        "", description="Path of a TOML file: word -> respelling. It is read where the run itself is, on the pool cpu."
    )
    workers: int = Field(
        0, ge=0, le=64, description="By one run; 0: as many as suit the engine.", title="Ranges spoken at once"
    )
    fan_out: FanOut = Field(
        DEFAULT_FAN_OUT,
        description="inline: this run speaks; workers: it hands blocks of ranges to those of the pool gpu.",
        title="Who speaks",
    )
    audio: AudioSettings = AudioSettings()
    verify: Verification = Verification()
    budget: ChunkBudget = ChunkBudget()


class ConvertRequest(Conversion, _OneBook):  # pydantic takes fields from the last base first: the book leads the form
    """One book to convert."""


class _Folder(Settings):
    folder: Place = Field(
        DEFAULT_BOOKS, description="Folder or fsspec URL; every EPUB in it and below it is converted.", min_length=1
    )
    at_once: int = Field(2, ge=1, le=64, description="Books converted at once, each in a run of its own.")


class LibraryRequest(Conversion, _Folder):
    """A folder of books to convert: those that are new or changed."""

    def of_book(self, epub: str) -> ConvertRequest:
        """The same for one book."""
        return ConvertRequest(epub=epub, **{name: getattr(self, name) for name in Conversion.model_fields})


class RedoRequest(Settings):
    """Chunks of a converted book to be spoken anew."""

    book: Place = Field(description="Folder name, title, digest or EPUB file of a book in the library.", min_length=1)
    library: Place = Field(DEFAULT_LIBRARY, description="Folder or fsspec URL where everything is kept.", min_length=1)
    chunks: str = Field(
        description='Chunk numbers and ranges, such as "17,120-180"; "failed": those without a good take.'
    )
    text: str = Field("", description="What to say instead, for a single chunk; empty: the planned text.")
    workers: int = Field(
        0, ge=0, le=64, description="By one run; 0: as many as suit the engine.", title="Jobs spoken at once"
    )
    fan_out: FanOut = Field(
        DEFAULT_FAN_OUT, description="inline: this run speaks; workers: those of the pool gpu do.", title="Who speaks"
    )


class DiagnoseRequest(Settings):
    """Chunks of a book in the library, to be spoken under several conditions and compared."""

    book: Place = Field(description="Folder name, title, digest or EPUB file of a book in the library.", min_length=1)
    library: Place = Field(DEFAULT_LIBRARY, description="Folder or fsspec URL where everything is kept.", min_length=1)
    chunks: str = Field(description='Chunk numbers and ranges, such as "1,100,485,486".')
    before: int | None = Field(None, ge=0, description="Predecessors spoken before each at its place; empty: all.")
