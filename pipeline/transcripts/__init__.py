"""Transcripts of the user's own in place of recognition."""
