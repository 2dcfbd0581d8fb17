"""What a run stands on: a clock, a queue of events, and random numbers by name."""
