"""FACET-35: face detection and tracking, facial measurements, and their map to the scale of MOSEI's visual columns."""
