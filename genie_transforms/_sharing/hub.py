"""Push a bank to the Hugging Face Hub, and download one: the extra `hub`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genie_transforms.format import MANIFEST, Manifest, Provenance, dataset_card

_FILES = ("state.json", "dataset_info.json", "build.json", "preview.png", "report.html")


_FOLDERS = ("index", "stats")


def push_bank(
    folder: Path,
    repo_id: str,
    about: Provenance,
    *,
    private: bool | None = None,
    revision: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
) -> str:
    """Upload a bank to a dataset repository in one commit, so that it is never there by halves.

    Shards of an older bank that this one does not have are deleted by the same commit. The
    decoded cache and the sheets of `preview/` stay here.

    Args:
        folder: The bank.
        repo_id: The repository; made if it is not there.
        about: What the card says beside the manifest.
        private: Whether a new repository is private.
        revision: The branch to commit to; "main" if not given. It must be there.
        token: Access token; the one that `hf auth login` stored if not given.
        endpoint: Address of the hub, for one of your own.

    Returns:
        The address of the commit.

    Raises:
        ImportError: `huggingface_hub` is not installed.
        BankError: The bank is unfinished or damaged.
    """
    hub = _hub()
    manifest = Manifest.read(folder)
    api = hub.HfApi(endpoint=endpoint, token=token)
    api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
    card = dataset_card(manifest, repo_id, about)
    files = files_of_bank(folder, manifest)
    there = api.list_repo_files(repo_id, repo_type="dataset", revision=revision)
    outdated = [
        name for name in there if name.startswith("data-") and name.endswith(".arrow")
        and name not in files
    ]  # fmt: skip
    commit = api.create_commit(
        repo_id,
        [
            *(hub.CommitOperationDelete(name) for name in outdated),
            *(hub.CommitOperationAdd(name, str(folder / name)) for name in files),
            hub.CommitOperationAdd("README.md", card.encode()),
        ],
        commit_message=f"Upload a bank of {manifest.num_rows} hard negatives",
        repo_type="dataset",
        revision=revision,
    )
    return str(commit.commit_url)


def download_bank(repo_id: str, revision: str | None = None, **options: Any) -> Path:
    """Download a bank into the hub's cache; give its folder.

    Args:
        repo_id: The repository.
        revision: Branch, tag or commit.
        options: For `huggingface_hub.snapshot_download`: `token`, `cache_dir`, `endpoint`, …

    Raises:
        ImportError: `huggingface_hub` is not installed.
    """
    return Path(
        _hub().snapshot_download(repo_id, repo_type="dataset", revision=revision, **options)
    )


def files_of_bank(folder: Path, manifest: Manifest) -> list[str]:
    """List the files that make a bank, relative to its folder."""
    names = [shard["name"] for shard in manifest.shards] + [MANIFEST]
    names += [name for name in _FILES if (folder / name).is_file()]
    for part in _FOLDERS:
        found = sorted(path for path in (folder / part).rglob("*") if path.is_file())
        names += [path.relative_to(folder).as_posix() for path in found]
    return names


def _hub() -> Any:
    """Import the hub's client, or say how to get it."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError(
            "banks on the Hugging Face Hub need its client: pip install 'genie-transforms[hub]'"
        ) from error
    return huggingface_hub
