"""Measurements against the usual tools, each run as ``python -m benchmarks.NAME``; the last line is one JSON object."""
