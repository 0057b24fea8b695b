"""Order, fan-out, failure policy, artifacts. One flow a file, named as the flow; two of them end in publish_book.py."""
