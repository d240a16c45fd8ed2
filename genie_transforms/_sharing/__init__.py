"""A bank for other programs: exported to layouts that they read, or shared from a hub or bucket.

Works on rows and folders, not on an opened bank, so that `Bank` may offer it as methods.
"""

from .export import export_image_folder, export_webdataset
from .hub import download_bank, push_bank
from .uri import fetch_bank

__all__ = [
    "download_bank",
    "export_image_folder",
    "export_webdataset",
    "fetch_bank",
    "push_bank",
]
