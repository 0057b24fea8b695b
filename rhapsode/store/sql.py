"""SQL over the evidence of one book, locked in.

    query(library, name: str, sql: str, listenings) -> tuple[list[str], list[tuple[object, ...]]]    column names, rows

`name` is that of the book's folder (`find_shelf(library, what).name`).

Tables: `takes` (every take and every failed attempt; the column `reading` says in which reading), `heard` (what was
measured of them, likewise, by the listening that applies and not by older ones), `chunks` (chunks.parquet of the latest
edition, if there is one) and `plan` (the chunks of every plan). They are loaded into memory first; then DuckDB's access
to files, network, extensions, Python variables and its own settings is switched off, and only a single SELECT (or
DESCRIBE, EXPLAIN, SUMMARIZE, ...) is run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from rhapsode.errors import BadRequest
from rhapsode.store import evidence, hearings
from rhapsode.store.editions import latest_edition, load_chunks
from rhapsode.store.library import Library
from rhapsode.store.shelf import Shelf

LOCKS = {
    "temp_directory": "''",  # never spill to disk
    "memory_limit": "'2GB'",
    "TimeZone": "'UTC'",
    "enable_external_access": "false",  # files, network, extensions, Python variables
    "lock_configuration": "true",  # last
}
REMEDY = "Ask with one SELECT over the tables takes, heard, chunks and plan; `describe takes` lists the columns."

log = logging.getLogger(__name__)


def query(
    library: Library, name: str, sql: str, listenings: Mapping[str, str] | None = None
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Runs one SELECT.

    Args:
        listenings: Folder of a reading -> name of the listening that applies to it; None: nobody listens. What others
            have heard is left out, and the log says so where nothing else was heard.

    Raises:
        BadRequest: Not a SELECT, or DuckDB refuses it.
        EvidenceDamaged: A file of the book cannot be read.
    """
    tables = _tables(library, Shelf(library, name), listenings or {})
    with duckdb.connect(":memory:") as connection:
        for table_name, table in tables.items():
            connection.register("arriving", table)
            connection.execute(f"create table {table_name} as select * from arriving")  # noqa: S608  our own names
            connection.unregister("arriving")
        for setting, value in LOCKS.items():
            connection.execute(f"set {setting} = {value}")
        try:
            statements = connection.extract_statements(sql.encode(errors="replace").decode())
            if [s.type for s in statements] not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
                raise BadRequest("Only a single SELECT can be run over a book.", REMEDY)
            result = connection.execute(statements[0])
            return [column[0] for column in result.description], result.fetchall()
        except duckdb.Error as error:
            raise BadRequest(" ".join(str(error).split("\n\nLINE ")[0].split()), REMEDY) from error


def _tables(library: Library, shelf: Shelf, listenings: Mapping[str, str]) -> dict[str, pa.Table]:
    left_out, read = Counter[str](), set[str]()
    takes, heard = [_of_reading("", evidence.SCHEMA.empty_table())], [_of_reading("", hearings.SCHEMA.empty_table())]
    for path in library.list(shelf.path("evidence")):
        reading = path.removeprefix(shelf.path("evidence")).split("/")[1]
        if path.endswith((evidence.TAKES, evidence.FAILURES)):
            takes.append(_of_reading(reading, evidence.read_table(library, path)))
        elif reading in listenings and path.endswith(f".{listenings[reading]}{hearings.HEARD}"):
            heard.append(_of_reading(reading, hearings.read_table(library, path)))
            read.add(reading)
        elif path.endswith(hearings.HEARD):
            left_out[reading] += 1
    for reading in left_out.keys() - read:
        log.warning(
            "heard lacks reading %s: what was heard of it (files: %d) is of another version or asked for otherwise. "
            "Convert the book again: nothing is spoken anew.",
            reading,
            left_out[reading],
        )
    tables = {"takes": pa.concat_tables(takes), "heard": pa.concat_tables(heard), "plan": shelf.plan_table()}
    if edition := latest_edition(shelf):
        tables["chunks"] = load_chunks(shelf, edition.number)
    return tables


def _of_reading(reading: str, table: pa.Table) -> pa.Table:
    return table.append_column("reading", pa.array([reading] * len(table), pa.string()))
