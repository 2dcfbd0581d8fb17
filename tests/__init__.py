"""Specifications. A package of its own name, since some library installs one that is called tests."""
