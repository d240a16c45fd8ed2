"""Everything that builds a bank of hard negatives; training imports none of it.

A build passes through the rooms in this order: `sources` reads images, class names and captions;
`embed` turns images into vectors and finds the class centroids; `plan` decides which pairs of image
and target are made; `diffusion` makes images, at exact noise ratios; `generate` runs GeNIe-Ada
(Algorithm 1) and makes rows of them; `store` keeps the bank's folder while it is built; `report`
shows what came out. `build` calls them, as `python -m index.build`. Beside them are `convert`, from
disk to disk, `demo` and `train`, the embedded models, and the commands `verify`, `leakage` and
`invert`.
"""
