"""Push a bank to the Hugging Face Hub, and download one: the extra `hub`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from genie_transforms._errors import MissingPackageError
from genie_transforms.format import (
    CARD,
    Manifest,
    Provenance,
    bank_files,
    dataset_card,
    is_bank_file,
    read_evaluation,
    read_json,
)

from .neutral import check_source_ids, local_paths, neutral_files, without_paths


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
    """Upload a bank to a dataset repository in one commit, so that it is never half there.

    What an older bank had there and this one does not is deleted by the same commit. The decoded
    cache and the sheets of `preview/` stay here, and so do the folders of this machine: where
    recipe or report name a local path, its last part is uploaded. `embeddings/` goes along, which
    `index.leakage` needs.

    Args:
        folder: The bank.
        repo_id: The repository; created if there is none.
        about: What the card says beside the manifest.
        private: Whether a new repository is private.
        revision: The branch to commit to; "main" if not given. It must exist.
        token: Access token; the one that `hf auth login` stored if not given.
        endpoint: Address of the hub, if it is your own.

    Returns:
        The address of the commit.

    Raises:
        MissingPackageError: `huggingface_hub` is not installed.
        BankError: The bank is unfinished or damaged.
        UserError: Its rows name their sources by absolute paths.
    """
    hub = _hub()
    manifest = Manifest.read(folder)
    files = bank_files(folder, manifest)
    check_source_ids(folder, manifest)
    builds = [read_json(folder, "build.json")] if "build.json" in files else []
    paths = local_paths(manifest.recipe, manifest.fingerprint, *builds)
    changed = neutral_files(folder, files, paths)
    manifest = replace(
        manifest,
        recipe=without_paths(manifest.recipe, paths),
        fingerprint=without_paths(manifest.fingerprint, paths),
    )
    api = hub.HfApi(endpoint=endpoint, token=token)
    api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
    card = dataset_card(manifest, repo_id, about, read_evaluation(folder))
    there = api.list_repo_files(repo_id, repo_type="dataset", revision=revision)
    outdated = [name for name in there if is_bank_file(name) and name not in files]
    commit = api.create_commit(
        repo_id,
        [
            *(hub.CommitOperationDelete(name) for name in outdated),
            *(
                hub.CommitOperationAdd(name, changed.get(name, str(folder / name)))
                for name in files
            ),
            hub.CommitOperationAdd(CARD, card.encode()),
        ],
        commit_message=f"Upload a bank of {manifest.num_rows} hard negatives",
        repo_type="dataset",
        revision=revision,
    )
    return str(commit.commit_url)


def download_bank(repo_id: str, revision: str | None = None, **options: Any) -> Path:
    """Download a bank into the hub's cache, and return its folder.

    Args:
        repo_id: The repository.
        revision: Branch, tag or commit.
        options: For `huggingface_hub.snapshot_download`: `token`, `cache_dir`, `endpoint`, …

    Raises:
        MissingPackageError: `huggingface_hub` is not installed.
    """
    return Path(
        _hub().snapshot_download(repo_id, repo_type="dataset", revision=revision, **options)
    )


def _hub() -> Any:
    """Import the hub's client, or say how to get it."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingPackageError(
            "banks on the Hugging Face Hub need its client: pip install 'genie-transforms[hub]'"
        ) from error
    return huggingface_hub
