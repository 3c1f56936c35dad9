"""The paper's study: its systems and baselines, Tables 2 to 8, the figures, and tests between runs."""
