"""The embedded demo: procedural scenes, and the small models trained on them."""
