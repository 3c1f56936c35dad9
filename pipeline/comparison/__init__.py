"""Reports beside people's annotations: which utterance is which, and how far they agree."""
