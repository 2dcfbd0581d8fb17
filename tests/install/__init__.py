"""What a stranger gets who installs meshlab and has no clone, and what a terminal may do to it."""
