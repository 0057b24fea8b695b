"""EPUB file -> Book, and the word ledger."""
