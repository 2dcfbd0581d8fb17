"""What a run gave, for others: people read words and tables, other tools their own formats.

wording      numbers as they are said, and in which unit
literal      text from anywhere, shown as it is
tables       one table for a terminal, a notebook and a page; fitted to any width
prometheus   a whole run as OpenMetrics, for Prometheus and Grafana
otlp         its traces, for OpenTelemetry
"""
