"""A mesh in trouble, told in a terminal: one scenario, and a report that fits any scenario.

    demo_scenario() --mesh.run--> Result --read_report--> Report --show--> tables
                                                            +----to_json--> text for machines

Nothing in the report is written beforehand. Each line is read from what the run recorded: counters,
histograms and the ledger.
"""

from meshlab.cli.demo.report import Report as Report
from meshlab.cli.demo.report import read_report as read_report
from meshlab.cli.demo.report import to_json as to_json
from meshlab.cli.demo.scenario import demo_scenario as demo_scenario
from meshlab.cli.demo.tables import show as show
