"""Where artifacts lie, and the Parquet evidence beside them."""
