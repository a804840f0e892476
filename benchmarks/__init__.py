"""Measurements of this project on real work; `python -m benchmarks NAME --json`."""
