"""How an emotion tag comes into a prompt: by `redo --text`, and by nothing that a book prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.prompt import build_prompt
from rhapsode.errors import BadRequest
from rhapsode.settings import ConvertRequest, EngineName, RedoRequest
from rhapsode.stages.jobs import OpenJob
from rhapsode.stages.plan import parse_book, plan_chunks
from rhapsode.stages.redo import plan_redo
from tests.fixtures.booklet import bind
from tests.fixtures.voice import DESCRIPTION
from tests.fixtures.voice.expansion import WEIGHTS
from tests.fixtures.voice.layout import TAGS

LAUGH = TAGS["<laugh>"]


def prompts(folder: Path, printed: str, text: str = "") -> list[tuple[int, ...]]:
    """What Maya1 would be fed for chunk 1 of a book; with a text, after `redo --text`."""
    bind(folder / "book.epub", {"one": f"<p>{printed}</p>"})
    request = ConvertRequest(epub=str(folder / "book.epub"), library=str(folder / "library"), engine=EngineName.TONE)
    plan_chunks(request, parse_book(request))
    redo = plan_redo(RedoRequest(book="lamps", library=request.library, chunks="1", text=text))
    (job,) = redo.jobs
    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))

    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    said = OpenJob(redo.reading, job).utterances.values()
    return [build_prompt(one.text, DESCRIPTION, tokenize) for one in said]


def test_a_tag_of_redo_reaches_the_prompt_as_one_id(tmp_path: Path) -> None:
    (prompt,) = prompts(tmp_path, "She slept.", "She slept. <laugh> Then she woke.")
    assert prompt.count(LAUGH) == 1
    assert [token for token in prompt[2:-4] if token >= v.BOS] == [LAUGH]


def test_a_control_token_of_redo_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=str(v.CODE_END)):
        prompts(tmp_path, "She slept.", "She slept. <custom_token_2>")


def test_what_a_book_prints_in_brackets_is_no_tag_and_no_control_token(tmp_path: Path) -> None:
    (prompt,) = prompts(tmp_path, "She typed &lt;laugh&gt; and &lt;custom_token_2&gt; and &lt;|eot_id|&gt;.")
    assert not [token for token in prompt[2:-4] if token >= v.BOS]
