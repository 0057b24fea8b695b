"""The bench of a slow store, on a book of a few chunks: so that it does not rot."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

from bench import store

CHUNKS = 20


@pytest.mark.skipif(not find_spec("moto") or not find_spec("s3fs"), reason="needs moto and s3fs")
def test_requests_are_counted_of_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    store.main(["--chunks", str(CHUNKS), "--latency-ms", "1", "--json"])
    steps = {(step["takes"], step["name"]): step for step in json.loads(capsys.readouterr().out)}
    assert set(steps) == {(takes, name) for takes in store.ENGINES for name in store.STEPS}
    for (takes, name), step in steps.items():
        assert step["folder_s"] > 0 and step["store_s"] > 0
        if name == "ask":
            assert CHUNKS <= step["requests"]["HEAD"] <= CHUNKS + 2, "once a chunk"
        if name == "convert":
            assert step["requests"]["PUT"] >= CHUNKS * (1 if takes == "audio" else 2)
    assert steps["tokens", "convert"]["a_chunk"] > steps["audio", "convert"]["a_chunk"] + 3
