"""Replication of the paper: its systems and baselines, Tables 2 to 8, figures, and significance tests."""
