"""What is written about an analysis, one module per format."""
