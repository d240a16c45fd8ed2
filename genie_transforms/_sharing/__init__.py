"""."""

from .export import export_image_folder, export_webdataset
from .hub import download_bank, push_bank

__all__ = [
    "download_bank",
    "export_image_folder",
    "export_webdataset",
    "push_bank",
]
