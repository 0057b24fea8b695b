"""The listening report of an edition: what was heard of each chunk, as a page beside its files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from rhapsode import recipe
from rhapsode.model import Audio, Chunk, Reading, Reference, Sampling
from rhapsode.quality.alignment import align
from rhapsode.quality.words import words_of
from rhapsode.report.listening import ListeningReport, ReportChunk, ReportTake, pieces_of, write_report
from rhapsode.settings import Verification
from rhapsode.stages.plan import load_plan
from rhapsode.stages.verdicts import Judged, judge_takes, reference_for
from rhapsode.stages.verify import listening_of
from rhapsode.store.editions import Edition, edition_path, load_chunks
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import open_library
from rhapsode.store.objects import get_audio
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from rhapsode.text.pace import estimate_s

NAME = "report.html"


def publish_report(
    reading: Reading, edition: Edition, verification: Verification, judged: Sequence[Judged] | None = None
) -> str | None:
    """Writes the page beside the files of the edition, anew if it is there; its path in the library.

    None where nobody has checked the takes: there is nothing to report.

    Args:
        judged: All takes of the reading, of a caller who has judged them already; None: they are judged here.

    Raises:
        NotInLibrary, ObjectDamaged: The audio of a doubtful take has gone.
        EncodeFailed: ffmpeg failed.
    """
    library = open_library(reading.library)
    shelf = Shelf(library, reading.shelf)
    report = report_of(reading, edition, verification, judged)
    if report is None:
        return None

    def load(take: ReportTake) -> Audio:
        return get_audio(library, take.key, take.sha256)

    path = edition_path(shelf, edition.number, NAME)
    with TemporaryDirectory(prefix="rhapsode-") as folder:
        page = Path(folder, NAME)
        write_report(page, report, load)
        library.put_file(page, path)
    return path


def report_is_there(reading: Reading, edition: Edition, verification: Verification) -> bool:
    """Whether the page lies beside the edition, or there is to be none."""
    library = open_library(reading.library)
    path = edition_path(Shelf(library, reading.shelf), edition.number, NAME)
    return listening_of(reading, verification) is None or library.exists(path)


def report_of(
    reading: Reading, edition: Edition, verification: Verification, judged: Sequence[Judged] | None = None
) -> ListeningReport | None:
    """What there is to say of the edition; None where nobody has checked the takes."""
    listening = listening_of(reading, verification)
    if listening is None:
        return None
    shelf = Shelf(open_library(reading.library), reading.shelf)
    reference = reference_for(reading, listening)
    if judged is None:
        judged = judge_takes(reading, listening, verification.strictness)
    of_chunk: dict[int, list[Judged]] = defaultdict(list)
    for one in judged:
        of_chunk[one.row.chunk].append(one)
    rows = load_chunks(shelf, edition.number).select(["chunk", "key", "book_start_s"]).to_pylist()
    published = {row["chunk"]: row for row in rows}
    titles = {chapter.number: chapter.title for chapter in edition.chapters}
    manners = manners_of(reading)
    chunks = []
    for chunk in load_plan(reading).chunks:
        row = published.get(chunk.number, {})
        takes = tuple(
            _take(one, row.get("key"), reference, manners.get(one.row.key, ())) for one in of_chunk[chunk.number]
        )
        place = (chunk.number, chunk.chapter, titles.get(chunk.chapter, ""), row.get("book_start_s"))
        chunks.append(ReportChunk(*place, chunk.source, chunk.spoken, takes))
    metadata = shelf.load_book(reading.book).metadata
    return ListeningReport(
        title=edition.title,
        authors=tuple(metadata.authors),
        book=reading.shelf,
        library=reading.library,
        edition=edition.number,
        engine=reading.engine,
        voice=reading.voice.name,
        duration_s=edition.duration_s,
        loudness_lufs=edition.loudness_lufs,
        true_peak_dbtp=edition.true_peak_dbtp,
        chunks=tuple(chunks),
    )


def manners_of(reading: Reading) -> dict[str, tuple[str, ...]]:
    """Key of every retake -> how it was spoken otherwise than a first take; () if only the dice differ."""
    chunks = load_plan(reading).chunks
    rows = ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key).read_takes()
    return {row.key: tuple(_manner(reading, chunks[row.chunk - 1], row)) for row in rows if row.round > 0}


def _manner(reading: Reading, chunk: Chunk, row: TakeRow) -> Iterator[str]:
    sampling = Sampling(**json.loads(row.sampling))
    whole = recipe.utterance(row.spoken, reading.voice, sampling, row.weights_digest, row.precision, row.take)
    if row.key != whole.key:  # no column tells of parts, but the key is that of all ingredients
        yield "in parts"
    if row.spoken != chunk.spoken:
        yield "respelt"
    if row.engine != reading.engine:
        yield f"by {row.engine}"
    usual = asdict(reading.sampling)
    for name, value in asdict(sampling).items():
        if value is not None and value != usual[name]:
            yield f"{name.replace('_', ' ')} {value:g}"


def _take(one: Judged, accepted: str | None, reference: Reference, manner: tuple[str, ...]) -> ReportTake:
    row, measures = one.row, one.row.measures
    said, heard = words_of(row.text), words_of(measures.transcript.text if measures.transcript else "")
    alignment = align(said, heard, reference.spellings) if measures.transcript else None
    expected_s, heard_s = estimate_s(row.text) * reference.pace, measures.signal.heard_s
    return ReportTake(
        number=row.take,
        key=row.key,
        sha256=row.sha256,
        duration_s=measures.signal.duration_s,
        verdict=one.judgement.verdict,
        reasons=one.judgement.reasons,
        score=one.judgement.score,
        accepted=row.key == accepted,
        wer=alignment.wer if alignment else None,
        pace=expected_s / heard_s if heard_s and expected_s else None,
        transcript=measures.transcript.text if measures.transcript else None,
        pieces=pieces_of(
            row.text,
            measures.transcript.text,
            [
                (piece.kind.value, said[piece.said_start : piece.said_end], heard[piece.heard_start : piece.heard_end])
                for piece in alignment.pieces
            ],
        )
        if alignment and measures.transcript
        else (),
        second=measures.second.text if measures.second else None,
        manner=manner,
    )
