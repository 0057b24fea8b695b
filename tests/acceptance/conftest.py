from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.settings import ConvertRequest, EngineName


@pytest.fixture
def request_(booklet: Path, tmp_path: Path) -> ConvertRequest:
    return ConvertRequest(epub=str(booklet), library=str(tmp_path / "library"), engine=EngineName.TONE, speed=2.0)
