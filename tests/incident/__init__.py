"""The war story: its marks emerge, and nothing of it is scripted but its causes."""
