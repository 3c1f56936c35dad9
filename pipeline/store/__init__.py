"""The artefacts of the steps: on this machine, in a shared tier, and how each noun is written."""
