"""``python -m meshlab.compiled``: compile the rules now, so that nobody waits for them later."""

import sys

from meshlab.extras import advice
from meshlab.notices import tell

USER_ERROR = 2


def main() -> int:
    """Compile, unless that is done. Exit status 2, and a line that says why, without numba."""
    try:
        from meshlab.compiled.warm import warm
    except ModuleNotFoundError as error:
        if not advice(error):
            raise
        tell(f"python -m meshlab.compiled: {advice(error)}")
        return USER_ERROR
    warm()
    return 0


if __name__ == "__main__":
    sys.exit(main())
