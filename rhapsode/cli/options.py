"""The options of the commands, each with its help."""

from __future__ import annotations

from typing import Annotated

import typer

Epub = Annotated[str, typer.Argument(metavar="BOOK.epub", help="Path or URL of an EPUB file without DRM.")]
Book = Annotated[
    str,
    typer.Argument(metavar="BOOK", help="A converted book: its EPUB file, its title, or its folder in the library."),
]
Library = Annotated[
    str | None,
    typer.Option(
        envvar="RHAPSODE_LIBRARY",
        metavar="FOLDER",
        help="Where everything is kept, a folder or an s3:// URL. [dim]Default: library[/dim]",
        show_default=False,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who speaks; [i]rhapsode voices[/i] lists them. [dim]Default: auto[/dim]"),
]
VoiceName = Annotated[
    str | None, typer.Option(metavar="NAME", help="A voice of the engine. [dim]Default: its first[/dim]")
]
Speed = Annotated[float | None, typer.Option(metavar="FACTOR", help="0.5 to 2; 1 is the voice's own pace.")]
FootnotesChoice = Annotated[
    str | None,
    typer.Option(metavar="skip|inline|end-of-chapter", help="When footnotes are read. [dim]Default: skip[/dim]"),
]
LexiconFile = Annotated[
    str | None, typer.Option(metavar="FILE", help='Respellings, a TOML file of lines such as: Siobhan = "shi-VAWN"')
]
FormatChoice = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="m4b|mp3|flac", help="m4b: one file; mp3, flac: a file a chapter. [dim]Default: m4b[/dim]"
    ),
]
Loudness = Annotated[float | None, typer.Option(metavar="LUFS", help="Loudness of the book. [dim]Default: -19[/dim]")]
Ceiling = Annotated[float | None, typer.Option(metavar="DBTP", help="Highest true peak. [dim]Default: -3[/dim]")]
Bitrate = Annotated[int | None, typer.Option(metavar="KBPS", help="kbit/s of m4b and mp3. [dim]Default: 64[/dim]")]
Workers = Annotated[
    int | None, typer.Option(metavar="N", help="Ranges spoken at once. [dim]Default: what suits the engine[/dim]")
]
ListenTo = Annotated[
    str | None,
    typer.Option(
        metavar="auto|all|sample|none",
        help="Which takes a recogniser hears. [dim]Default: auto, all of Maya1 and a sample of others[/dim]",
    ),
]
RecogniserName = Annotated[
    str | None,
    typer.Option(
        "--recogniser",
        metavar="NAME|FOLDER",
        help="Who listens: a Whisper model of [i]rhapsode models[/i], or its folder. [dim]Default: tiny.en[/dim]",
    ),
]
SecondOpinion = Annotated[
    str | None,
    typer.Option(metavar="NAME|FOLDER", help="A larger one that hears what the recogniser is not sure of."),
]
StrictnessChoice = Annotated[
    str | None,
    typer.Option("--strictness", metavar="low|normal|high", help="How takes are judged. [dim]Default: normal[/dim]"),
]
MostTakes = Annotated[
    int | None, typer.Option(metavar="1-8", help="Of a chunk whose takes are bad, at most. [dim]Default: 4[/dim]")
]
PolicyChoice = Annotated[
    str | None,
    typer.Option(
        metavar="report|strict",
        help="A chunk that no take is good of is published by name, or stops the book. [dim]Default: report[/dim]",
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show what Prefect and the libraries say, too.")]
