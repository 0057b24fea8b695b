"""The flow `plan-book`: a book is planned where its engine is."""

from __future__ import annotations

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from rhapsode.engines.registry import choose_engine
from rhapsode.settings import ConvertRequest
from rhapsode.stages.plan import Parsed, plan_chunks
from rhapsode.text.lexicon import Lexicon


@flow(name="plan-book")
def plan_book(request: ConvertRequest, parsed: Parsed, lexicon: dict[str, str]) -> State[None]:
    """Chooses the voice and plans the chunks; the state's message is the key of the reading, which is in the library.

    Args:
        request: As `convert-book` was asked.
        parsed: The book that was read, as it lies in the library.
        lexicon: What the request's lexicon says, word -> respelling: its file may be on another machine.

    Raises:
        RhapsodeError: As for `rhapsode.stages.plan.plan_chunks`.
    """
    get_run_logger().info("Who speaks: %s", choose_engine(request.engine).reason)
    return Completed(message=plan_chunks(request, parsed, Lexicon(tuple(sorted(lexicon.items())))).key)
