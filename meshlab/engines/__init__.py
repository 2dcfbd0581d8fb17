"""Runs a scenario: with which engine, whether it is too large, and thinned if asked."""
