"""The mesh at work: sidecars, services, and what lies between them."""
