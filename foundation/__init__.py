"""Shared basics: version, exceptions, atomic writing, folders, memory.

It imports no other package of mtmm_video, so every package may import it.
"""
