"""``python -m meshlab.engines.compiled``: compile the rules now, so that nobody waits for them
later.
"""

from meshlab.engines.compiled.warm import warm

if __name__ == "__main__":
    warm()
