"""Figures: what a run gave, as plotly figures. Each states its finding and says itself in words."""

from meshlab.figures.bars import bars, worlds
from meshlab.figures.distribution import buckets, histogram
from meshlab.figures.graph import Flow, flows, mesh_graph, plan
from meshlab.figures.style import LOOK, summary_of
from meshlab.figures.timeline import lines_by, timeline

__all__ = [
    "LOOK",
    "Flow",
    "bars",
    "buckets",
    "flows",
    "histogram",
    "lines_by",
    "mesh_graph",
    "plan",
    "summary_of",
    "timeline",
    "worlds",
]
