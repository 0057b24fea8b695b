"""The listening report as one HTML page: no other file, no network, readable without scripts.

What comes from a book or a recogniser is escaped wherever it is written, and a Content-Security-Policy allows nothing
but the one style and the one script below, by their digests: markup that slipped through would still do nothing.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from rhapsode.model import Audio
from rhapsode.report.listening.chunks import WORDS_OF_GROUP, command, escape, markup_of
from rhapsode.report.listening.clips import Clip, clips_of
from rhapsode.report.listening.plots import plots_of
from rhapsode.report.listening.report import Group, ListeningReport, ReportChunk, ReportTake
from rhapsode.report.summary import clock

AUDIO_BYTES = 16_000_000
"""The most that all audio in a page may take: 40 minutes of takes, and a page that a phone still opens."""
NAMED = 200
"""The most chunks of a kind that the top of the page links to, one by one."""


def write_report(
    target: Path, report: ListeningReport, load: Callable[[ReportTake], Audio], audio_bytes: int = AUDIO_BYTES
) -> None:
    """Writes the page.

    Args:
        load: Reads the audio of a take; called for failed, inconclusive and retaken chunks, until the bound is reached.
        audio_bytes: The most bytes of audio, as base64, in the page.

    Raises:
        EncodeFailed: ffmpeg failed.
        ObjectDamaged, NotInLibrary: Whatever `load` raises.
    """
    clips = clips_of(report, load, audio_bytes)
    style, unscripted, script = _text("page.css"), _text("unscripted.css"), _text("page.js")
    above, below = (
        Template(_text("page.html"))
        .substitute(
            _summary(report, clips),
            policy=f"default-src 'none'; media-src data:; style-src {_digest(style)} {_digest(unscripted)}; "
            f"script-src {_digest(script)}; base-uri 'none'; form-action 'none'",
            style=style,
            unscripted=unscripted,
            script=script,
            plots=plots_of(report),
            filters=_filters(report),
            chapters=_chapters(report),
        )
        .split("<!-- chunks -->")
    )
    with target.open("w", encoding="utf-8", newline="\n") as page:
        page.write(above)
        for chunk in report.worst_first:
            page.write(markup_of(report, chunk, clips))
        page.write(below)


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    """As a Content-Security-Policy names an inline style or script."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _summary(report: ListeningReport, clips: Mapping[tuple[int, str], Clip]) -> dict[str, str]:
    """What the top of the page says, as HTML."""
    total = len(report.chunks)
    facts = {
        "chunks": f"{total:,}",
        "passed": f"{len(report.of(Group.PASS)) + len(report.of(Group.RETAKEN)):,}",
        "inconclusive": f"{len(report.of(Group.INCONCLUSIVE)):,}",
        "failed": f"{len(report.of(Group.FAIL)):,}",
        "spoken again": f"{report.retaken:,}",
        "transcribed": f"{report.listened:,}",
        "loudness": f"{report.loudness_lufs:.1f} <small>LUFS</small>".replace("-", "−"),
        "true peak": f"{report.true_peak_dbtp:.1f} <small>dBTP</small>".replace("-", "−"),
    }
    by = ", ".join(report.authors)
    return {
        "title": escape(report.title),
        "byline": escape(
            f"{by + ' · ' if by else ''}edition {report.edition} · read by {report.voice} ({report.engine}) · "
            f"{clock(report.duration_s)}"
        ),
        "outcome": _outcome(report),
        "facts": "".join(f"<div><dt>{name}</dt><dd>{figure}</dd></div>" for name, figure in facts.items()),
        "audio": _audio_note(report, clips),
    }


def _outcome(report: ListeningReport) -> str:
    """What matters most, first: the exceptions and what is worth a listen, by name, or that there are none."""
    failed, doubtful = report.of(Group.FAIL), report.of(Group.INCONCLUSIVE)
    told = ""
    if failed:
        told += (
            f'<p class="outcome fail"><strong>{_of(failed, report)} failed</strong> '
            f"and could not be repaired. Named exceptions, by chunk:</p>{_named(failed)}{command(report, failed)}"
        )
    if doubtful:
        told += (
            f'<p class="outcome inconclusive"><strong>{"" if failed else "Nothing failed; "}{_of(doubtful, report)} '
            f"{'is' if len(doubtful) == 1 else 'are'} inconclusive</strong>: worth a listen. By chunk:</p>"
            f"{_named(doubtful)}"
        )
    passed = '<p class="outcome pass"><strong>No defect was found</strong>, and no chunk is a named exception.</p>'
    return told or passed


def _named(chunks: tuple[ReportChunk, ...]) -> str:
    """Links to chunks."""
    links = "".join(f'<li><a href="#chunk-{chunk.number}">{chunk.number}</a></li>' for chunk in chunks[:NAMED])
    more = f"<li>and {len(chunks) - NAMED:,} more</li>" if len(chunks) > NAMED else ""
    return f'<ul class="named">{links}{more}</ul>'


def _of(chunks: tuple[ReportChunk, ...], report: ListeningReport) -> str:
    return f"{len(chunks):,} of {len(report.chunks):,} chunks"


def _audio_note(report: ListeningReport, clips: Mapping[tuple[int, str], Clip]) -> str:
    """What can be heard here, and what cannot."""
    wanted = len(report.chunks) - len(report.of(Group.PASS))
    held = len({chunk for chunk, _ in clips})
    megabytes = sum(len(clip.uri) for clip in clips.values()) / 1e6
    if not wanted:
        return "No chunk failed, is inconclusive or was spoken again, so this page carries no audio."
    kinds = "failed, inconclusive and retaken chunks"
    those = f"all {wanted:,}" if held == wanted else f"the worst {held:,} of {wanted:,}"
    return (
        f"This page carries the audio of {those} {kinds} ({megabytes:.1f} MB), every take as the engine spoke it. "
        "For every other chunk it gives the place in the book."
    )


def _filters(report: ListeningReport) -> str:
    """One switch a group of chunks that there is."""
    return "".join(
        f'<label class="switch {group}"><input type="checkbox" name="group" value="{group}" checked> '
        f"{WORDS_OF_GROUP[group]} <b>{len(report.of(group)):,}</b></label>"
        for group in Group
        if report.of(group)
    )


def _chapters(report: ListeningReport) -> str:
    titles = {chunk.chapter: chunk.chapter_title for chunk in report.chunks}
    return "".join(f'<option value="{number}">{number}. {escape(title)}</option>' for number, title in titles.items())
