"""The foundation below the rooms: version, exception root, file writing.

It imports nothing of ours, so every room may import it.
"""
