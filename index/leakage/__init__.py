"""Has the held-out set leaked into a bank? `python -m index.leakage BANK --test DIR`.

A bank may be used for training if its sources share no image with those that the result is
measured on. Equal images are found by their content key, nearly equal ones by the embeddings of
the bank's own backbone. As in the paper's appendix A.2, the distances between training and test
images are set beside those between generated and test images: generated ones should not be nearer.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .command import main
from .config import LeakageConfig

if TYPE_CHECKING:
    from .check import Report, check_leakage
else:
    __getattr__ = lazy_members(__name__, {"check": ["Report", "check_leakage"]})

__all__ = ["LeakageConfig", "Report", "check_leakage", "main"]
