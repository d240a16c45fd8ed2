"""The noise ratios of the protocol: of the pool's sweep, and of arms that take a fixed one."""

from index.config import PAPER_NOISE_RATIOS

POOL_NOISE_RATIOS = (0.3, 0.4, *PAPER_NOISE_RATIOS, 1.0)
"""The sweep of the pool; r = 1 is Txt2Img."""


FIXED = 0.8
"""r of the arm `genie`."""


SAME_CLASS = {"img2img-low": 0.3, "img2img-high": 0.7, "cap2aug": 0.7}
"""r of the arms that make an image again within its class; they differ in nothing else, except that
the prompt of cap2aug is the image's caption."""


INVERTED = {"dafusion": 0.7, "genie+txtinv": FIXED}
"""r of the arms whose prompts have a token that was learned from the episode's own support."""
