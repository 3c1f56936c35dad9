"""Transcripts from the user, as an alternative to speech recognition."""
