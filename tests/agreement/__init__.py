"""Both engines on the same scenarios: every byte alike."""
