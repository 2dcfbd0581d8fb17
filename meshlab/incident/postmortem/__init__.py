"""The run's own post-mortem, beside the one that was written: for a terminal, as JSON, as a page.

    Result --read_report--> Report --show--> tables
                              +----to_json--> text for machines
                              +----write_page--> one HTML file that needs nothing else

    report    the milestones, what it cost, and a verdict: plain data
    tables    the report in a terminal
    page      the report, the player and figures as a page to share

The words of the post-mortem come from data/incident_postmortem.csv, everything beside them from
what the run recorded.
"""

from meshlab.incident.postmortem.report import Report as Report
from meshlab.incident.postmortem.report import read_report as read_report
from meshlab.incident.postmortem.report import to_json as to_json
from meshlab.incident.postmortem.tables import show as show
