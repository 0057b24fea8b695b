"""Thin Prefect wrappers: one call of a stage, a cache key, retries. No logic."""
