"""Reports of an analysis, one module per format."""
