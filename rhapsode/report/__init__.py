"""Whatever a person looks at: the chapter table, the estimate, the summary."""
