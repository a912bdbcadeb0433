"""Programs at work: engines, rows, threads and workers."""
