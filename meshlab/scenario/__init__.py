"""What is run, as data: services, edges, load, faults, changes; the shop, and files."""
