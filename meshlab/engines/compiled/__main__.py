"""``python -m meshlab.engines.compiled``: compile the rules now, so that nobody waits for them
later.
"""

import sys

from meshlab.model.extras import advice
from meshlab.model.notices import tell

USER_ERROR = 2


def main() -> int:
    """Compile, unless that is done, or nothing can be kept. Exit status 2 without numba."""
    try:
        from meshlab.engines.compiled.jit import CACHE
        from meshlab.engines.compiled.warm import is_cold, warm
    except ModuleNotFoundError as error:
        if not advice(error):
            raise
        tell(f"python -m meshlab.engines.compiled: {advice(error)}")
        return USER_ERROR
    trouble = CACHE.trouble() if is_cold() else ""
    if trouble:
        tell(f"python -m meshlab.engines.compiled: nothing is compiled ({trouble})")
    else:
        warm()
    return 0  # runs work all the same, and so does an installation that asks for this


if __name__ == "__main__":
    sys.exit(main())
