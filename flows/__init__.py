"""The top floor: Prefect flows and the command line. Thin: wraps, never computes."""
