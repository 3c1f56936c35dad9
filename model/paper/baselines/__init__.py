"""The systems that the paper compares with, on the same tables and with the same protocol.

Most of them read an utterance word by word in their own papers. Here they read the utterance means of a video one after
the other, since that is what the tables hold; docs/paper_tables.md says so where their figures stand.
"""
