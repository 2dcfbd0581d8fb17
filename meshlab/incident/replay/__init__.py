"""The replay: the incident as recorded, frame by frame, and another history beside it.

story       everything that the player shows, worked out once, one value for each scrape
player      the widget that plays a story; scrubbing asks nothing of Python
panel       the player with sliders and switches: change history, and compare
"""
