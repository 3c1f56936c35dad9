"""The HTML page of one video: its template, scripts and styles, and what they are filled with."""
