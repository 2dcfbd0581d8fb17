"""Many runs: grids of scenarios and seeds, their store, and what many runs prove."""
