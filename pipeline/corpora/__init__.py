"""One module per corpus, each with a function that prepares its utterance table; the .csd reader and writer."""
