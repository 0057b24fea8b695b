"""The gate of a book: from what was found in the finished files to a report, before anything is published.

It convicts files, not takes: a take that says something else is for the judge to find. So what a recogniser does not
understand at a chapter mark is no fault of the file as long as the sound there is that of the accepted take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rhapsode.audio.likeness import ALIKE, Likeness
from rhapsode.audio.loudness import Gain
from rhapsode.errors import GateFailed, WordsLost
from rhapsode.model import Book, Chunk, Finding, Flaw, GateCheck, Placed, Verdict
from rhapsode.quality.alignment import FORGIVEN, align
from rhapsode.quality.words import words_of
from rhapsode.text.plan import check_words

MARK_TOLERANCE_S = 0.05
LOUDNESS_TOLERANCE_LU = 3.0  # MP3 of 24 kbit/s takes 1.5 LU off the softest book that can be asked for
LEVEL_TOLERANCE_DB = 2.0
PEAK_NOTED_DB, PEAK_BROKEN_DB = 1.0, 4.5
"""Over the ceiling. AAC and MP3 of 24 kbit/s end 0.2 dB above it for speech, and 3.2 dB for takes that were clipped:
such a file is as good as its takes, so it is published and the peak is named."""
FIRST_WORDS = 6
HEARD_WORDS = 0.6  # of the first words: 4 of 6
STRAY_WORDS = 2  # that a recogniser may make of the silence before the first word
MOST_QUOTED = 60

WORDS, TAKES, FILES, LOUDNESS, PEAK, MARKS, OPENINGS = (
    "words", "takes", "files", "loudness", "true peak", "chapter marks", "chapter openings",
)  # fmt: skip
_AGAIN = (
    "Nothing is published. Convert the book again, which repeats only the last step; "
    "if it says the same, please report it with this line."
)
_REMEDIES = {
    TAKES: "Nothing is published. Convert the book again: only what is missing is spoken.",
    PEAK: "Nothing is published. Ask for a lower --ceiling or a higher --bitrate.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chapter begins.

    Attributes:
        start_s: Where it should begin in its file.
        mark_s: Where its mark stands there; None if it has none.
        book_start_s: Where it begins in the whole book, for people.
    """

    chapter: int
    title: str
    start_s: float
    mark_s: float | None
    book_start_s: float


@dataclass(frozen=True, slots=True)
class Opening:
    """What was found in a finished file at the mark of a chapter.

    Attributes:
        said: What is to be heard in the seconds that were decoded; empty if the chapter has no good take.
        heard: What a recogniser understood; None if nobody listened.
        likeness: Of what lies there to the first good take of the chapter, after gain and limiter; None if that is
            silent or there is none.
    """

    place: Place
    said: str
    heard: str | None
    likeness: Likeness | None


def check_ledger(book: Book, chunks: Sequence[Chunk]) -> GateCheck:
    """Every word of the book is narrated or in a named skip, and every narrated one is in a chunk."""
    findings = [
        Finding(
            Verdict.FAIL,
            f"the ledger of {line.document} does not close: {line.narrated} + {line.skipped} words of {line.words}",
        )
        for line in book.ledger
        if line.words != line.narrated + line.skipped
    ]
    skipped = sum(line.skipped for line in book.ledger)
    if skipped != (named := sum(skip.words for skip in book.skips)):
        findings.append(Finding(Verdict.FAIL, f"{skipped} words are skipped, but {named} are in named skips"))
    try:
        check_words(book.text, chunks)
    except WordsLost as error:
        findings.append(Finding(Verdict.FAIL, error.message))
    narrated = sum(line.narrated for line in book.ledger)
    return GateCheck(WORDS, f"{narrated} words are narrated, {skipped} are in named skips", tuple(findings))


def check_takes(
    chunks: Sequence[Chunk], accepted: Mapping[int, str], placed: Sequence[Placed], exceptions: Sequence[Flaw]
) -> GateCheck:
    """Every chunk has an accepted take or is a named exception, and what is laid out is what was accepted.

    Args:
        accepted: Chunk number -> sha256 of its take.
        placed: Of all chapters, in order.
    """
    named = {flaw.chunk for flaw in exceptions}
    findings = [
        Finding(Verdict.FAIL, f"chunk {chunk.number} has no accepted take and is no named exception", chunk.chapter)
        for chunk in chunks
        if chunk.number not in accepted and chunk.number not in named
    ]
    laid_out = [(place.number, place.sha256) for place in placed]
    for want, got in zip_longest(sorted(accepted.items()), laid_out):
        if want != got:
            number = (want or got or (0, ""))[0]
            findings.append(Finding(Verdict.FAIL, f"chunk {number} is not laid out as it was accepted"))
            break
    summary = (
        f"{len(accepted)} of {len(chunks)} chunks have an accepted take, {len(named)} are named exceptions; "
        "the sha256 of each is checked when it is rendered"
    )
    return GateCheck(TAKES, summary, tuple(findings))


def check_files(files: Sequence[tuple[str, int, int]]) -> GateCheck:
    """The files are those that were decoded and read back.

    Args:
        files: Name, bytes when it was read back, bytes now.
    """
    findings = tuple(
        Finding(Verdict.FAIL, f"{name} had {before} bytes when it was read back, and has {now}")
        for name, before, now in files
        if before != now
    )
    return GateCheck(FILES, f"decoded whole, {sum(now for _, _, now in files)} bytes", findings)


def check_marks(places: Sequence[Place], surplus: int) -> GateCheck:
    """Each chapter has its mark, where it should begin.

    Args:
        surplus: Marks in the file beyond those of the chapters.
    """
    findings = [_finding(place, reason) for place in places if (reason := _misplaced(place))]
    if surplus:
        findings.append(Finding(Verdict.FAIL, f"the file has {surplus} marks more than the book has chapters"))
    return GateCheck(MARKS, f"{len(places)} chapters begin at their marks", tuple(findings))


def _misplaced(place: Place) -> str:
    if place.mark_s is None:
        return "it has no mark"
    off_s = place.mark_s - place.start_s
    return f"its mark is off by {off_s:+.2f} s" if abs(off_s) > MARK_TOLERANCE_S else ""


def check_openings(openings: Sequence[Opening], unheard: str = "") -> GateCheck:
    """At each mark lies the first good take of the chapter, as loud as it should be, and who listens understands it.

    Args:
        unheard: Why nobody listened, if so.
    """
    findings = tuple(finding for opening in openings if (finding := _opening(opening)))
    listened = sum(opening.heard is not None for opening in openings)
    alike = sum(opening.likeness is not None and opening.likeness.correlation >= ALIKE for opening in openings)
    heard = f"{listened} were listened to" if not unheard else f"nobody listened: {unheard}"
    return GateCheck(OPENINGS, f"{alike} of {len(openings)} chapters begin with their first take; {heard}", findings)


def _opening(opening: Opening) -> Finding | None:
    if not opening.said:
        return _finding(opening.place, "it has no good take", Verdict.INCONCLUSIVE)
    understood = opening.heard is not None and begins_with(opening.heard, opening.said)
    said = f"its first words, {_quoted(opening.said)},"
    heard = "" if opening.heard is None else f" (a recogniser heard {_quoted(opening.heard)})"
    if opening.likeness is not None:
        if opening.likeness.correlation < ALIKE:
            return _finding(opening.place, f"{said} are not at its mark{heard}")
        if abs(opening.likeness.level_db) > LEVEL_TOLERANCE_DB:
            return _finding(opening.place, f"it begins {opening.likeness.level_db:+.1f} dB off the level of its take")
    if understood or (opening.heard is None and opening.likeness is not None):
        return None
    why = "its first take is silent" if opening.likeness is None else "the sound is that of its accepted take"
    return _finding(opening.place, f"{said} were not understood{heard}; {why}", Verdict.INCONCLUSIVE)


def begins_with(heard: str, said: str) -> bool:
    """Whether most of the first words of `said` are heard in order, and next to nothing before them."""
    words, found = words_of(said), words_of(heard)
    first = min(FIRST_WORDS, len(words))
    # What was decoded ends somewhere in the text: far more of it than was heard would only loosen the alignment.
    pieces = align(words[: len(found) + FIRST_WORDS], found).pieces
    kept = [piece for piece in pieces if piece.kind in FORGIVEN and piece.said_start < first]
    if not kept:
        return False
    stray = kept[0].heard_start - kept[0].said_start
    return stray <= STRAY_WORDS and sum(min(p.said_end, first) - p.said_start for p in kept) >= HEARD_WORDS * first


def check_loudness(loudness_lufs: float, gain: Gain) -> GateCheck:
    """The files are as loud as the gain was to make them; of what the limiter took, only the most is known."""
    asked_lufs = gain.loudness_lufs_after
    least_lufs = asked_lufs - gain.limiter_db - LOUDNESS_TOLERANCE_LU
    findings: tuple[Finding, ...] = ()
    if not least_lufs <= loudness_lufs <= asked_lufs + LOUDNESS_TOLERANCE_LU:
        findings = (Finding(Verdict.FAIL, f"{loudness_lufs:.1f} LUFS instead of {asked_lufs:.1f}"),)
    return GateCheck(LOUDNESS, f"{loudness_lufs:.1f} LUFS, the gain was to make {asked_lufs:.1f}", findings)


def check_peak(true_peak_dbtp: float, ceiling_dbtp: float) -> GateCheck:
    """No peak of the files is above the ceiling, but for what an encoder adds."""
    over_db = true_peak_dbtp - ceiling_dbtp
    findings: tuple[Finding, ...] = ()
    if over_db > PEAK_NOTED_DB:
        verdict = Verdict.FAIL if over_db > PEAK_BROKEN_DB else Verdict.INCONCLUSIVE
        findings = (Finding(verdict, f"{true_peak_dbtp:.1f} dBTP, above the ceiling of {ceiling_dbtp:.1f}"),)
    return GateCheck(PEAK, f"{true_peak_dbtp:.1f} dBTP under a ceiling of {ceiling_dbtp:.1f}", findings)


def refuse_failed(checks: Sequence[GateCheck]) -> None:
    """Lets pass what no check failed.

    Raises:
        GateFailed: Names the first failure and counts the others.
    """
    failures = [(check, finding) for check in checks for finding in check.findings if finding.verdict is Verdict.FAIL]
    if failures:
        check, first = failures[0]
        others = f"; {len(failures) - 1} more" if len(failures) > 1 else ""
        where = f"chapter {first.chapter} ({first.title}), at {first.start_s:.1f} s: " if first.title else ""
        raise GateFailed(
            f"The finished book fails the check of its {check.name}: {where}{first.reason}{others}.",
            _REMEDIES.get(check.name, _AGAIN),
        )


def _finding(place: Place, reason: str, verdict: Verdict = Verdict.FAIL) -> Finding:
    return Finding(verdict, reason, place.chapter, place.title, place.book_start_s)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}…")
