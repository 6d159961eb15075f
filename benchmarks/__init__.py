"""What archtool costs, in seconds and bytes, beside the tools that answer the same question: `python -m benchmarks`."""
