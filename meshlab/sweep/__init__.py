"""Many runs: grids of scenarios and seeds, and what many runs prove.

runner          sweep(): every scenario of a grid with every seed, on any executor
grid            what-ifs by name, as scenarios to run
store           results that are kept; fingerprint says when one is still the same
workers         processes of this machine, or an executor that is lent
queueing        what mathematics says of queues, and how runs are judged by it
chisquare       is a difference between counts more than luck?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlab.model.face import face

if TYPE_CHECKING:
    from meshlab.sweep.chisquare import Fit as Fit
    from meshlab.sweep.chisquare import chi_square as chi_square
    from meshlab.sweep.queueing import Comparison as Comparison
    from meshlab.sweep.queueing import erlang_b as erlang_b
    from meshlab.sweep.queueing import erlang_c as erlang_c
    from meshlab.sweep.queueing import judge as judge
    from meshlab.sweep.queueing import mean_wait as mean_wait
    from meshlab.sweep.queueing import pollaczek_khinchine as pollaczek_khinchine
    from meshlab.sweep.queueing import student as student
    from meshlab.sweep.queueing import supermarket as supermarket
    from meshlab.sweep.runner import WorldFailed as WorldFailed
    from meshlab.sweep.runner import means as means
    from meshlab.sweep.runner import sweep as sweep

_HOMES = {
    "meshlab.sweep.chisquare": "Fit chi_square",
    "meshlab.sweep.queueing": (
        "Comparison erlang_b erlang_c judge mean_wait pollaczek_khinchine student supermarket"
    ),
    "meshlab.sweep.runner": "WorldFailed means sweep",
}

if not TYPE_CHECKING:  # for a type checker a misspelled name stays an error
    __getattr__, __dir__, __all__ = face(__name__, _HOMES)
