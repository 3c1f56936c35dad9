"""Corpora: one module per corpus with a function that makes its utterance table, and the .csd reader and writer."""
