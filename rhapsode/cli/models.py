"""`models`: what Maya1 needs and what listens better than tiny.en, what of it is here, and how it gets here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from rhapsode.cli.console import screen, shown, table
from rhapsode.engines.machine import machine_settings
from rhapsode.engines.maya1.fetch import fetch
from rhapsode.engines.maya1.sources import SOURCES, source_of
from rhapsode.engines.maya1.weights import Manifest, Models, files_of
from rhapsode.engines.maya1.weights import Progress as Tell
from rhapsode.errors import BadRequest, EngineError
from rhapsode.quality.whispers import FETCHED

GB = 1e9


def list_models() -> None:
    """The command `models`."""
    models = _models()
    made = table("model", "size", "what", "here", right=("size",))
    for name, source in SOURCES.items():
        try:
            manifest = models.find(name) if models.knows(name) else None
            size, here = _about(manifest) if manifest else (source.size_bytes, f"no: rhapsode models fetch {name}")
        except EngineError as error:
            size, here = source.size_bytes, str(error)
        made.add_row(name, _gigabytes(size), source.what, shown(here))
    screen().print(made)
    larger = [name for name in FETCHED if models.knows(name)]
    screen().print(
        "\nA second opinion on what tiny.en is not sure of:  "
        f"rhapsode convert BOOK.epub --second-opinion {larger[-1] if larger else 'NAME'}"
        + ("" if larger else f", once one is fetched of {', '.join(FETCHED)}"),
        soft_wrap=True,
    )


def fetch_models(names: Sequence[str], path: str | None) -> None:
    """The command `models fetch`.

    Raises:
        BadRequest: No such model, or one path for several of them.
        EngineUnavailable: The hub does not give it.
        WeightsDamaged: A file is not what it should be.
    """
    for name in names:
        source_of(name)
    if path and len(names) > 1:
        raise BadRequest("One path cannot be several models.", "Fetch them one by one.")
    models, console = _models(), screen()
    for name in names:
        if path:
            given = Path(path).expanduser().absolute()
            total = sum(file.stat().st_size for file in files_of(name, given))
            with _bar(console, f"Hashing {name}", total) as tell:
                manifest = models.add(name, given, progress=tell)
        else:
            source = source_of(name)
            console.print(f"Fetching {source.repository} at {source.revision[:12]}, {_gigabytes(source.size_bytes)}")
            with _bar(console, f"Hashing {name}", source.size_bytes) as tell:
                manifest = fetch(models, name, tell)
        console.print(f"{name}: {_gigabytes(manifest.size_bytes)} in {manifest.folder}, digest {manifest.digest[:12]}")


def verify_models(names: Sequence[str]) -> None:
    """The command `models verify`.

    Raises:
        BadRequest: No such model.
        EngineUnavailable: It is not here.
        WeightsDamaged: A file is not what it was.
    """
    models, console = _models(), screen()
    for name in names:
        source_of(name)
    here = [name for name in SOURCES if models.knows(name)]
    for name in names or here:
        with _bar(console, f"Hashing {name}", models.find(name).size_bytes) as tell:
            manifest = models.verify(name, tell)
        console.print(f"{name}: {len(manifest.files)} files are what they were, digest {manifest.digest[:12]}")
    if not names and not here:
        console.print("There are no models on this machine.")


def _models() -> Models:
    return Models(machine_settings().models)


def _about(manifest: Manifest) -> tuple[int, str]:
    return manifest.size_bytes, f"{manifest.folder} ({manifest.origin or 'your own'})"


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / GB:.2f} GB"


@contextmanager
def _bar(console: Console, name: str, total: int) -> Iterator[Tell]:
    """A bar that moves with the bytes that are told of; nothing where there is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        row = bar.add_task(name, total=total, visible=False)
        yield lambda count: bar.update(row, advance=count, visible=True)
