"""Every error that Rhapsode raises on purpose.

    RhapsodeError                 1
    ├── BadInput                  2   what the user gave cannot be used as it is
    │   ├── BadRequest                a setting or an argument
    │   ├── LexiconError              the user's lexicon file
    │   └── BookError                 the EPUB
    │       ├── NotAnEpub             no EPUB at all: another format, a torn zip
    │       ├── BookTooLarge          a zip bomb, or a book beyond the limits
    │       ├── BookEncrypted         DRM over text
    │       ├── BookDamaged           an EPUB whose text cannot be read whole
    │       └── WordsLost             the word ledger does not close
    ├── EngineError               3
    │   ├── EngineUnavailable         not installed, no weights, no such voice
    │   ├── WeightsDamaged            the model's digest is not the pinned one
    │   └── SynthesisFailed           the engine failed on named chunks
    ├── StoreError                4
    │   ├── NotInLibrary              no such book, edition, chunk or object
    │   ├── ObjectDamaged             stored audio whose checksum is wrong
    │   ├── EvidenceDamaged           a Parquet or JSON file that cannot be read
    │   └── LibraryUnreachable        the file system or the store does not answer
    ├── AudioError                5
    │   ├── EncodeFailed              ffmpeg failed; its last lines are in the message
    │   ├── ReadBackMismatch          the finished file is not what was sent to the encoder
    │   └── GateFailed                the finished book is not what it should be; it is not published
    ├── RunIncomplete             6   some ranges failed; what is done is kept, nothing is published
    └── NotGoodEnough             7   takes were heard to be bad: most of the first, or one that no retake mended

The number is the exit code of the command line. Each error is one line (what is wrong, and where) and one remedy (what
to do). Only `LibraryUnreachable`, `MemoryError` and `OSError` are worth a retry: the others fail in the same way again.
"""

from __future__ import annotations


class RhapsodeError(Exception):
    """Base of all: `message` says what is wrong and where, `remedy` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        # Both stay positional in `args`, so that the error survives pickling between processes.
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class BadInput(RhapsodeError):
    exit_code = 2


class BadRequest(BadInput):
    pass


class LexiconError(BadInput):
    pass


class BookError(BadInput):
    pass


class NotAnEpub(BookError):
    pass


class BookTooLarge(BookError):
    pass


class BookEncrypted(BookError):
    pass


class BookDamaged(BookError):
    pass


class WordsLost(BookError):
    pass


class EngineError(RhapsodeError):
    exit_code = 3


class EngineUnavailable(EngineError):
    pass


class WeightsDamaged(EngineError):
    pass


class SynthesisFailed(EngineError):
    """`key` is the utterance that could not be spoken, so that the session's others can go on without it.

    `chunks` are those of a job, when it ends.
    """

    def __init__(self, message: str, remedy: str = "", key: str = "", chunks: tuple[int, ...] = ()) -> None:
        super().__init__(message, remedy)
        self.args = (message, remedy, key, chunks)
        self.key = key
        self.chunks = chunks


class StoreError(RhapsodeError):
    exit_code = 4


class NotInLibrary(StoreError):
    pass


class ObjectDamaged(StoreError):
    pass


class EvidenceDamaged(StoreError):
    pass


class LibraryUnreachable(StoreError):
    pass


class AudioError(RhapsodeError):
    exit_code = 5


class EncodeFailed(AudioError):
    pass


class ReadBackMismatch(AudioError):
    pass


class GateFailed(AudioError):
    pass


class RunIncomplete(RhapsodeError):
    exit_code = 6


class NotGoodEnough(RhapsodeError):
    exit_code = 7
