"""What a run recorded, for other tools: Prometheus, Grafana, OpenTelemetry."""
