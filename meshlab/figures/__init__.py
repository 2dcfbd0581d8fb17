"""Figures: what a run gave, as plotly figures. Each states its finding and says itself in words."""

from meshlab.figures.bars import bars, worlds
from meshlab.figures.curves import curves
from meshlab.figures.delays import delay_histogram, delay_parts
from meshlab.figures.distribution import buckets, histogram
from meshlab.figures.graph import Flow, flows, mesh_graph, plan
from meshlab.figures.intervals import intervals
from meshlab.figures.lanes import lanes, most_at_once, spells
from meshlab.figures.observed import observed_flows
from meshlab.figures.regions import regions
from meshlab.figures.strips import strips, two_boards
from meshlab.figures.style import LOOK, summary_of
from meshlab.figures.timeline import lines_by, timeline
from meshlab.figures.waterfall import waterfall

__all__ = [
    "LOOK",
    "Flow",
    "bars",
    "buckets",
    "curves",
    "delay_histogram",
    "delay_parts",
    "flows",
    "histogram",
    "intervals",
    "lanes",
    "lines_by",
    "mesh_graph",
    "most_at_once",
    "observed_flows",
    "plan",
    "regions",
    "spells",
    "strips",
    "summary_of",
    "timeline",
    "two_boards",
    "waterfall",
    "worlds",
]
