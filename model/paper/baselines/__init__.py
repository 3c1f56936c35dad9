"""The baselines of the paper, on the same tables and with the same protocol.

In their original papers most of them process the words of an utterance as a sequence. Here the sequence is that of the
utterance means of a video, because the tables have no word-level features (see docs/paper_tables.md).
"""
