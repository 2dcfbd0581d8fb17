"""Specifications. Named a package, because some library installs one of the same name."""
