"""Book -> spoken text -> chunks."""
