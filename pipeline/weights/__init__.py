"""Pretrained weights: what each is, finding it, downloading it, and converting it."""
