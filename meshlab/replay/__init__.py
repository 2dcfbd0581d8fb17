"""The replay: the incident as recorded, frame by frame, and another history beside it.

story       everything that the player shows, worked out once, one value for each scrape
stations    the minutes of the post-mortem, and where each emerged in this run
player      the widget that plays a story; scrubbing asks nothing of Python
panel       the player with sliders and switches: change history, and compare

Only the stations can be had without plotly.
"""

from meshlab.replay.stations import stations as stations
