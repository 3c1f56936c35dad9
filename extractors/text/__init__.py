"""Words to vectors: GloVe means and the sentence encoder."""
