"""Diffusion: families of models, exact noising and the batched sweep over noise ratios."""
