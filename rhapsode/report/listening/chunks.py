"""One chunk of the report as HTML: its figures, its takes side by side, its words, its command."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterable, Mapping
from html import escape

from rhapsode.model import Verdict
from rhapsode.report.listening.clips import BARS, HALF, Clip
from rhapsode.report.listening.plots import point_of
from rhapsode.report.listening.report import Difference, Group, ListeningReport, Piece, ReportChunk, ReportTake
from rhapsode.report.locate import PLAIN
from rhapsode.report.summary import clock

__all__ = ["WORDS_OF_GROUP", "command", "escape", "markup_of"]

WORDS_OF_GROUP = {
    Group.FAIL: "Failed",
    Group.INCONCLUSIVE: "Inconclusive",
    Group.RETAKEN: "Passed, retaken",
    Group.PASS: "Passed",
}
_WORDS_OF_VERDICT = {Verdict.FAIL: "Failed", Verdict.INCONCLUSIVE: "Inconclusive", Verdict.PASS: "Passed"}


def markup_of(report: ListeningReport, chunk: ReportChunk, clips: Mapping[tuple[int, str], Clip]) -> str:
    """The chunk; open if it wants attention, else a line that opens."""
    start = clock(chunk.book_start_s) if chunk.book_start_s is not None else "not in the book"
    figures = f"{_manner(chunk, chunk.kept)} {_figures(chunk.kept)}" if chunk.kept else ""
    excerpt = "" if chunk.group is not Group.PASS else f'<span class="excerpt">{escape(chunk.source[:120])}</span>'
    heard = any((chunk.number, take.key) in clips for take in chunk.takes)
    several = " several" if len(chunk.takes) > 1 else ""
    takes = "".join(_take(chunk, take, clips.get((chunk.number, take.key))) for take in chunk.takes)
    return (
        f'<article class="chunk {chunk.group}" id="chunk-{chunk.number}" tabindex="-1" data-group="{chunk.group}" '
        f'data-number="{chunk.number}" data-chapter="{chunk.chapter}" data-point="{_point(report, chunk)}">'
        f"<details{'' if chunk.group is Group.PASS else ' open'}><summary>"
        f'<span class="badge {chunk.group}">{WORDS_OF_GROUP[chunk.group]}</span> <h3>Chunk {chunk.number}</h3> '
        f'<span class="where"><span class="chapter" dir="auto">{chunk.chapter}. {escape(chunk.chapter_title)}</span> '
        f'<span class="start">{start}</span></span> {figures} {excerpt}</summary>'
        f"{_source(chunk)}"
        f'<div class="takes{several}">{takes or "<p>There is no take of it.</p>"}</div>'
        f"{_silent(chunk) if not heard else ''}{command(report, [chunk])}</details></article>\n"
    )


def command(report: ListeningReport, chunks: Iterable[ReportChunk]) -> str:
    """The command that speaks chunks anew, and a button that copies it."""
    line = escape(shlex.join(report.redo(chunks)))
    return f'<p class="redo"><code>{line}</code> <button type="button" class="copy">Copy</button></p>'


def _source(chunk: ReportChunk) -> str:
    """What the book prints, where that is not what was said."""
    if _plain(chunk.source) == _plain(chunk.spoken):
        return ""
    return f'<p class="source" dir="auto"><span class="label">In the book</span> {escape(chunk.source)}</p>'


def _plain(text: str) -> list[str]:
    """Words without typography: quotation marks, ligatures, soft hyphens."""
    return unicodedata.normalize("NFKC", text.replace("\u00ad", "")).translate(PLAIN).split()


def _silent(chunk: ReportChunk) -> str:
    if chunk.book_start_s is None:
        return '<p class="silent">It is not in the book, and this page has no audio of it.</p>'
    return f'<p class="silent">No audio of it in this page; in the book it is heard at {clock(chunk.book_start_s)}.</p>'


def _point(report: ListeningReport, chunk: ReportChunk) -> str:
    """Where it is in the plots, for the script: "x pace wer", with `-` for what it has not."""
    point = point_of(chunk, report.duration_s)
    if point is None:
        return ""
    return " ".join("-" if at is None else f"{at:.1f}" for at in (point.x, point.pace_y, point.wer_y))


def _take(chunk: ReportChunk, take: ReportTake, clip: Clip | None) -> str:
    name = f"take {take.number} of chunk {chunk.number}"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in take.reasons)
    several = len(chunk.takes) > 1
    head = (
        f'<header><h4>Take {take.number}</h4> <span class="badge {take.verdict}">{_WORDS_OF_VERDICT[take.verdict]}'
        f"</span>{'<span class=kept>in the book</span>' if take.accepted else ''} {_named(take.manner)} "
        f"{_figures(take)}</header>"
        if several
        else ""
    )
    return (
        f'<section class="take{" accepted" if take.accepted and several else ""}" aria-label="{name.capitalize()}">'
        f"{head}{_player(name, take, clip) if clip else ''}"
        f"{f'<ul class=reasons>{reasons}</ul>' if reasons else ''}{_words(chunk, take)}</section>"
    )


def _manner(chunk: ReportChunk, take: ReportTake) -> str:
    """Which of several takes it is, and how that was spoken; nothing of a first and only one."""
    return _named((f"take {take.number}" if len(chunk.takes) > 1 else "", *take.manner))


def _named(manner: Iterable[str]) -> str:
    named = ", ".join(filter(None, manner))
    return f'<span class="manner">{escape(named)}</span>' if named else ""


def _figures(take: ReportTake) -> str:
    wer = "not transcribed" if take.wer is None else f"WER {take.wer:.0%}".replace("%", " %")
    pace = "" if take.pace is None else f"<span>pace {take.pace:.2f}×</span>"
    score = f"<span>score {take.score:.1f}</span>" if take.score else ""
    return f'<span class="figures"><span>{take.duration_s:.1f} s</span>{pace}<span>{wer}</span>{score}</span>'


def _player(name: str, take: ReportTake, clip: Clip) -> str:
    """Without scripts it is the browser's own player; with them, a button and a waveform."""
    lasts = f"{take.duration_s:.1f}"
    return (
        f'<div class="player"><button type="button" class="play" aria-label="Play {name}"></button>'
        f'<div class="wave" role="slider" tabindex="0" aria-label="Position in {name}" aria-valuemin="0" '
        f'aria-valuemax="{lasts}" aria-valuenow="0" aria-valuetext="0.0 of {lasts} s">'
        f'<svg viewBox="0 0 {BARS} {2 * HALF}" preserveAspectRatio="none" aria-hidden="true"><path d="{clip.bars}"/>'
        f'</svg></div><span class="time" aria-hidden="true">0.0 / {lasts} s</span>'
        f'<audio controls preload="none" src="{clip.uri}" data-duration="{take.duration_s:.3f}"></audio></div>'
    )


def _words(chunk: ReportChunk, take: ReportTake) -> str:
    """What was said, with what was heard of it."""
    if take.transcript is None:
        return f'<p class="words" dir="auto">{escape(chunk.spoken)}</p>'
    nothing = "" if take.transcript.strip() else '<p class="silent">The recogniser understood nothing.</p>'
    second = "" if take.second is None else _second(take.second)
    return f'{nothing}<p class="words" dir="auto">{"".join(map(_piece, take.pieces))}</p>{second}'


def _second(heard: str) -> str:
    return f'<p class="source" dir="auto"><span class="label">Second opinion</span> {escape(heard) or "nothing"}</p>'


def _piece(piece: Piece) -> str:
    """Each difference is told by colour, by line, by sign and by a word that only screen readers say."""
    said, heard = escape(piece.said.rstrip()), escape(piece.heard.strip())
    space = escape(piece.said[len(piece.said.rstrip()) :])
    match piece.kind:
        case Difference.EQUAL:
            return said + space
        case Difference.ALIKE:
            return f'<span class="alike" title="heard as: {heard}">{said}</span>{space}'
        case Difference.DELETED:
            return f'<del><span class="sr">missing: </span>{said}</del>{space}'
        case Difference.INSERTED:
            return f'<ins><span class="sr">added: </span>{heard}</ins> '
        case Difference.SUBSTITUTED:
            return f'<span class="other"><s>{said}</s><span class="sr"> heard as </span><b>{heard}</b></span>{space}'
