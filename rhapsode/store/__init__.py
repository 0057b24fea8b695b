"""Where artifacts lie, and the Parquet evidence beside them.

library.py    a root (folder or fsspec URL) and all-or-nothing reads and writes below it
remote.py     how a store that is no folder is opened, and what its errors mean
contested.py  one winner among writers who race for a name of such a store
listing.py    what a listing tells of a file
durable.py    how one file of a local folder is written so that a crash leaves the old one or the new one
sealed.py     canonical JSON and Parquet that prove on reading that they are whole
objects.py    content-addressed audio, verified on read
tokens.py     what an engine with a codec said, beside the audio made of it
evidence.py   one row a take, in immutable Parquet files
sql.py        SQL over the evidence of one book, locked in
shelf.py      the folder of one book, and how it is found
readings.py   the evidence of one reading of a book
editions.py   what is published
"""
