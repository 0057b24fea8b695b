"""`doctor`: what this machine can run, what is missing, and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.text import Text

from rhapsode.cli import checks
from rhapsode.cli.checks import Finding, Mark
from rhapsode.cli.console import screen, shown
from rhapsode.settings import DEFAULT_LIBRARY

STYLES = {Mark.GOOD: "green", Mark.WANTING: "yellow", Mark.BROKEN: "bold red"}


def examine(library: str | None) -> int:
    """The command `doctor`: prints each finding as soon as it is made, for the last ones take seconds.

    Returns:
        The exit code: 1 if something that is needed does not work.
    """
    console = screen()
    broken = 0
    for finding in _findings(library or DEFAULT_LIBRARY):
        broken += finding.mark is Mark.BROKEN
        line = Text(f"{finding.mark.value:7}", style=STYLES[finding.mark])
        line.append(f"{finding.name:16} ", style="bold default").append(
            shown(finding.fact).plain, style="not bold default"
        )
        console.print(line)
        if finding.remedy:
            console.print(f"{'':24}{shown(finding.remedy)}")
    console.print("\nEverything that is needed works." if not broken else f"\n{broken} of these must be mended.")
    return 1 if broken else 0


def _findings(library: str) -> Iterator[Finding]:
    needed: tuple[Callable[[], Finding], ...] = (
        checks.check_python,
        checks.check_machine,
        lambda: checks.check_library(library),
        checks.check_ffmpeg,
        checks.check_voice,
        checks.check_recogniser,
    )
    for check in needed:
        yield check()
    yield from checks.check_prefect()
    yield from checks.check_extras()
