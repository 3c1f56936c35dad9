"""The HTML report of one video: templates, scripts, styles, and the modules that prepare their data."""
