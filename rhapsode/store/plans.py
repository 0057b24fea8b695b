"""A plan as a file: one row a chunk, sealed Parquet.

write_plan(plan: Plan) -> bytes
read_plan(data: bytes, where: str) -> Plan
read_chunks(data: bytes, where: str) -> pa.Table          for SQL: the rows, and in `plan` which plan they are of
"""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from rhapsode.errors import EvidenceDamaged
from rhapsode.model import Chunk, Plan
from rhapsode.store import sealed

PLAN = "plan/1"

PLAN_SCHEMA = pa.schema(
    [
        pa.field("number", pa.int32(), nullable=False),
        pa.field("chapter", pa.int32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("spoken", pa.string(), nullable=False),
        pa.field("char_start", pa.int64(), nullable=False),
        pa.field("char_end", pa.int64(), nullable=False),
        pa.field(
            "spans",
            pa.list_(
                pa.struct(
                    [
                        pa.field("char_start", pa.int64(), nullable=False),
                        pa.field("char_end", pa.int64(), nullable=False),
                        pa.field("spoken_start", pa.int64(), nullable=False),
                        pa.field("spoken_end", pa.int64(), nullable=False),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field("boundary", pa.string(), nullable=False),
    ]
)
CHUNKS_SCHEMA = PLAN_SCHEMA.append(pa.field("plan", pa.string()))
_CHUNKS = TypeAdapter(tuple[Chunk, ...])


def write_plan(plan: Plan) -> bytes:
    table = pa.Table.from_pylist([asdict(chunk) for chunk in plan.chunks], schema=PLAN_SCHEMA)
    return sealed.write_table(PLAN, table, digest=plan.digest, range_size=str(plan.range_size))


def read_plan(data: bytes, where: str) -> Plan:
    """Raises:
    EvidenceDamaged: Torn, altered, or of another version; `where` names it.
    """
    table, notes = sealed.read_table(PLAN, data, where)
    try:
        chunks = _CHUNKS.validate_python(sealed.rows_of(table))
    except ValidationError as error:
        raise EvidenceDamaged(f"{where} does not have the fields of a plan.", sealed.REMEDY) from error
    return Plan(notes["digest"], chunks, int(notes["range_size"]))


def read_chunks(data: bytes, where: str) -> pa.Table:
    """Raises:
    EvidenceDamaged: As for `read_plan`.
    """
    table, notes = sealed.read_table(PLAN, data, where)
    return table.append_column("plan", pa.array([notes["digest"][:8]] * len(table), pa.string()))
