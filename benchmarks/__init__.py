"""Speed and memory beside limits and peers: `python -m benchmarks.run --help`."""
