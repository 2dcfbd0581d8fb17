"""How fast the engine is beside others that do the same: ``python -m tests.benchmarks``."""
