"""A bank as a whole: merged with others, exported, checked, sent to the hub and fetched."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genie_transforms._sharing import (
    download_bank,
    export_image_folder,
    export_webdataset,
    push_bank,
)
from genie_transforms.format import (
    DEFAULT_KEEP,
    Layout,
    Manifest,
    Provenance,
    Row,
    merge_banks,
    verify_bank,
)

if TYPE_CHECKING:
    from typing import Self  # of Python 3.11


class WholeBank(ABC):
    """What is done with the whole of a bank: it looks into no row.

    Attributes:
        path: Its folder.
    """

    path: Path

    @classmethod
    @abstractmethod
    def open(cls, path: str | os.PathLike[str], keep: str | None = DEFAULT_KEEP) -> Self:
        """Open the bank in a folder."""

    @property
    @abstractmethod
    def manifest(self) -> Manifest:
        """What `genie.json` says."""

    @abstractmethod
    def __iter__(self) -> Iterator[Row]:
        """Yield the rows that the filter kept, in order."""

    @classmethod
    def merge(cls, paths: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str]) -> Self:
        """Write all rows of several banks into a new one, and open that.

        Classes are matched by name, so labels may change; a row is dropped if an earlier one has
        the same source, target class and image. The new bank knows the sources of all. Their
        index, which `index.leakage` needs, is merged by `python -m index.convert merge` only.

        Args:
            paths: Folders of the banks.
            out: The new folder.

        Raises:
            FolderInUseError: `out` is not empty; it is a FileExistsError.
            BankError: A bank cannot be read.
        """
        merge_banks([Path(path) for path in paths], Path(out).absolute())
        return cls.open(out)

    @classmethod
    def from_hub(
        cls,
        repo_id: str,
        revision: str | None = None,
        keep: str | None = DEFAULT_KEEP,
        **options: Any,
    ) -> Self:
        """Download a bank from the Hugging Face Hub into its cache, and open it.

        Args:
            repo_id: Such as `"user/birds-genie"`.
            revision: Branch, tag or commit; only a commit always returns the same bank.
            keep: Which rows to keep, as in `open`.
            options: For `huggingface_hub.snapshot_download`, such as `token` and `cache_dir`.

        Raises:
            MissingPackageError: The extra `hub` is not installed; it is an ImportError.
            BankError: The repository holds no bank.
        """
        return cls.open(download_bank(repo_id, revision, **options), keep)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        revision: str | None = None,
        data_license: str | None = None,
        source_data: str | None = None,
        source_license: str | None = None,
        token: str | None = None,
        endpoint: str | None = None,
    ) -> str:
        """Upload the whole bank with a card in one commit, also the rows that the filter left out.

        Args:
            repo_id: Such as `"user/birds-genie"`; created as a dataset if it does not exist.
            private: Whether a new repository is private.
            revision: The branch to commit to, which must exist; "main" if not given.
            data_license: Licence of the generated images, as the hub names it ("cc-by-4.0").
            source_data: What the source images are, for the card.
            source_license: Their licence, for the card.
            token: Access token; the one that `hf auth login` stored if not given.
            endpoint: Address of your own hub; huggingface_hub before 1.0 wants it in HF_ENDPOINT,
                too.

        Returns:
            The address of the commit.

        Raises:
            MissingPackageError: The extra `hub` is not installed; it is an ImportError.
        """
        about = Provenance(data_license, source_data, source_license)
        return push_bank(
            self.path, repo_id, about,
            private=private, revision=revision, token=token, endpoint=endpoint,
        )  # fmt: skip

    def verify(self) -> list[str]:
        """Check every file, row and image on disk; return a line for each problem."""
        return verify_bank(self.path)

    def export(self, out: str | os.PathLike[str], layout: Layout) -> Path:
        """Write the rows that the filter kept in a layout that other programs read.

        Images are copied as they are stored. "imagefolder" writes one folder for each class, and
        `metadata.jsonl` with the columns; "webdataset" writes tar files with an image, its `.cls`
        and its `.json` for each row. `python -m index.convert import` reads both back, with what
        judges said and people rejected; sweeps are not exported.

        A class without rows has a folder, too, or class numbers would be others: read such an
        export with ``ImageFolder(out, allow_empty=True)``. torchvision numbers classes by their
        sorted names, whatever the order in the bank.

        Args:
            out: The new folder.
            layout: "imagefolder" or "webdataset".

        Raises:
            ValueError: There is no such layout, or a class name cannot be a folder.
            FolderInUseError: `out` is not empty; it is a FileExistsError.
        """
        writers: dict[Layout, Any] = {
            "imagefolder": export_image_folder,
            "webdataset": export_webdataset,
        }
        if layout not in writers:
            raise ValueError(f"layout must be one of {', '.join(writers)}, got {layout!r}")
        folder: Path = writers[layout](iter(self), self.path, self.manifest, Path(out).absolute())
        return folder
