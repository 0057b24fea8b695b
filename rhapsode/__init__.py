"""Rhapsode turns EPUB books into audiobooks. The domain: importing it imports neither prefect nor torch."""

__version__ = "0.1.0"
