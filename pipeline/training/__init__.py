"""How the shipped weights are made: every stage from the corpora to the checkpoint."""
