"""What is checked of a whole book before it is published, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from rhapsode.model.measures import Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, or could not be told, at one place of the book.

    Attributes:
        verdict: FAIL, or INCONCLUSIVE where nobody can tell.
        chapter: Its number; 0 for what belongs to no chapter.
        start_s: Where the chapter begins in the whole book.
    """

    verdict: Verdict
    reason: str
    chapter: int = 0
    title: str = ""
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One check of the gate.

    Attributes:
        summary: What was looked at and found, in one line.
        findings: In the order of the book; none for a check that is passed.
    """

    name: str
    summary: str
    findings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The gravest of the findings."""
        found = {finding.verdict for finding in self.findings}
        return next((verdict for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) if verdict in found), Verdict.PASS)


@dataclass(frozen=True, slots=True)
class GateReport:
    """All checks, in order. Levels were measured on the finished files, decoded."""

    checks: tuple[GateCheck, ...]
    loudness_lufs: float
    true_peak_dbtp: float
