"""Transcripts supplied by the user, as an alternative to speech recognition."""
