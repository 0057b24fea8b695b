"""Where books and libraries lie: paths and URLs, never with credentials in them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from rhapsode.errors import BadRequest


def _any_case(words: str) -> str:
    """JSON schemas have no flag for it."""
    return re.sub("[a-z]", lambda letter: f"[{letter[0]}{letter[0].upper()}]", words)


_NAMES = "~(secret|token|signature|credential|passw|pwd|(access|account|api|private|shared)[_-]?key)~|key|sig|auth"
_SECRETS = (
    r"://[^/?#]*@",
    # A secret may hold a slash, and then what seems to be the host or bucket is the key's name, a colon, its beginning.
    r"://[^/?#:\[]*:(?!:|[0-9]*([/?#]|::|$))",
    r"[sS]3[aA]?://[^/?#]*:",
    r"[sS]3[aA]?://[^?#]*@[^?#]*/",
    rf"://[\s\S]*[?&;#]({_any_case(_NAMES).replace('~', '[^=&;#/]*')})=",
)
NO_SECRETS = rf"^(?![\s\S]*({'|'.join(_SECRETS)}))"
"""What a path or URL matches that holds no credentials: a regular expression of Python's and of JSON schemas."""


def refuse_secrets(place: str) -> str:
    """The path or URL as it is. What is refused is not repeated.

    Raises:
        BadRequest: It holds credentials, which would stand in the logs, and in the database of Prefect.
    """
    if not re.match(NO_SECRETS, place):
        raise BadRequest(
            "A URL must not hold credentials.",
            "Give them in the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
        )
    return place


Place = Annotated[str, AfterValidator(refuse_secrets), Field(json_schema_extra={"pattern": NO_SECRETS})]
"""A path or fsspec URL. With the pattern in its schema, Prefect's server refuses credentials before it keeps them."""
