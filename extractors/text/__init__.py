"""Text features: GloVe means and sentence embeddings."""
