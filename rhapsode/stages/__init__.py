"""What a task does, in plain Python: tested without Prefect."""
