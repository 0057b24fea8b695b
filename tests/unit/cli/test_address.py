"""Where `rhapsode up` listens: who finds it, what a stale file is worth, and that a silent one is told of."""

from __future__ import annotations

import json
import os
import socket
import time

import pytest

from rhapsode.cli import address
from rhapsode.cli.address import forget_address, found_address, leave_address, state_folder
from rhapsode.cli.checks import Finding, Mark, check_server
from rhapsode.errors import RhapsodeError
from tests.unit.cli.conftest import AnswersAsPrefect


def test_an_address_is_found_until_it_is_forgotten(server: str) -> None:
    assert found_address() is None
    leave_address(server)
    assert found_address() == server
    forget_address()
    assert found_address() is None
    assert not list(state_folder().iterdir())


def test_what_another_has_said_is_not_forgotten(server: str) -> None:
    said = json.dumps({"url": server, "pid": os.getppid()})
    leave_address(server)
    (state_folder() / "up.json").write_text(said)
    forget_address()
    assert (state_folder() / "up.json").read_text() == said


@pytest.mark.parametrize(
    "stale",
    [
        '{"url": "http://127.0.0.1:9/api", "pid": 4194305}',  # beyond the largest process id of Linux
        '{"url": "http://127.0.0.1:9/api", "pid": OURS}',
        '{"url": "file:///etc/passwd", "pid": OURS}',
        '{"url": "http://127.0.0.1:9/api", "pid": -1}',
        '{"url": "http://',
        "[]",
        "",
    ],
)
def test_a_stale_file_counts_as_none(stale: str, server: str) -> None:
    leave_address(server)
    (state_folder() / "up.json").write_text(stale.replace("OURS", str(os.getpid())))
    assert found_address() is None


def test_a_server_whose_process_is_gone_counts_as_none(server: str) -> None:
    leave_address(server)
    (state_folder() / "up.json").write_text(json.dumps({"url": server, "pid": 4194305}))
    assert found_address() is None


def test_a_slow_server_is_waited_for(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_address(server)
    monkeypatch.setattr(AnswersAsPrefect, "delay_s", 3.5)
    began = time.monotonic()
    assert found_address() == server
    assert time.monotonic() - began >= 3.5


def test_one_that_runs_and_is_silent_is_not_passed_over(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where it takes the question and does not answer, nor where it does not even take it."""
    monkeypatch.setattr(address, "ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        leave_address(f"{url}/api")
        for _ in range(4):  # they fill what it has room for
            with pytest.raises(
                RhapsodeError, match=rf"^`rhapsode up` at {url} .process {os.getpid()}. gives no answer"
            ):
                found_address()
            finding = check_server("")
            assert finding.mark is Mark.BROKEN and str(state_folder() / "up.json") in finding.remedy


def test_the_doctor_asks_the_one_that_prefects_settings_name(server: str) -> None:
    leave_address("http://127.0.0.1:9/api")
    assert check_server(server).mark is Mark.GOOD
    assert check_server(server.replace("/api", "/elsewhere")).mark is Mark.BROKEN
    assert check_server("http://127.0.0.1:9/api").mark is Mark.BROKEN


def test_the_doctor_finds_the_one_that_runs(server: str) -> None:
    none = check_server("")
    assert none.mark is Mark.GOOD and "temporary" in none.fact
    leave_address(server)
    assert check_server("") == Finding("Prefect server", Mark.GOOD, f"{server} answers")


def test_the_doctor_knows_what_is_no_prefect(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnswersAsPrefect, "answer", b"<html>")
    found = check_server(server)
    assert (
        found.mark is Mark.BROKEN and "is no Prefect server" in found.fact and "unset PREFECT_API_URL" in found.remedy
    )
