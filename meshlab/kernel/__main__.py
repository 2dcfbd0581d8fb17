"""``python -m meshlab.kernel``: compile the mesh now, so that nobody waits for that later."""

import sys

from meshlab.model.extras import advice
from meshlab.model.notices import tell

USER_ERROR = 2


def main() -> int:
    """Compile, unless that is done, or nothing can be kept. Exit status 2 without numba."""
    try:
        import meshlab.mesh.mesh  # noqa: F401  every class that is compiled
        from meshlab.kernel.compiler import make_ready
        from meshlab.kernel.where_kept import code_cache, is_cold
    except ModuleNotFoundError as error:
        if not advice(error):
            raise
        tell(f"python -m meshlab.kernel: {advice(error)}")
        return USER_ERROR
    trouble = code_cache().trouble() if is_cold() else ""
    if trouble:
        tell(f"python -m meshlab.kernel: nothing is compiled ({trouble})")
    else:
        make_ready()
    return 0  # runs work all the same, and so does an installation that asks for this


if __name__ == "__main__":
    sys.exit(main())
