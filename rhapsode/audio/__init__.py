"""PCM, joins and pauses, loudness, M4B."""
