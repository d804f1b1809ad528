"""Presets on the Hugging Face Hub: addresses such as hf://user/name, download and upload.

A repository of a preset holds `preset.yaml`, the weights file that it names, and a model card. Only the first two are
downloaded. Nothing in them is code: see docs/threat_model.md.
"""

import contextlib
import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo import __version__
from ganzoo.config import MOST_BYTES, load_config
from ganzoo.errors import GanzooError, first_line, in_one_line, missing_package
from ganzoo.files import LARGEST_WEIGHTS

SCHEME = "hf://"
# The weights files that `save_to_preset` and `publish` write; those of earlier versions leave the newest commit.
WEIGHTS_FILES = "weights-*.npz"
# The hub's own rule for the names of users and repositories; a revision is a branch, a tag or a commit.
_PART = r"[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?"
_ADDRESS = re.compile(rf"hf://(?P<repository>{_PART}/{_PART})(?:@(?P<revision>\w[\w./-]{{0,200}}))?", re.ASCII)
_LOGIN = "run `hf auth login`, or set HF_TOKEN"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Address:
    """The parts of hf://user/name@revision.

    Attributes:
        repository: "user/name".
        revision: a branch, a tag or a commit; None for the main branch.
    """

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{SCHEME}{self.repository}" + (f"@{self.revision}" if self.revision else "")


def is_address(name: object) -> bool:
    """Whether a name means a preset on the hub."""
    return str(name).startswith(SCHEME)


def parse(address: object) -> Address:
    """The parts of an address.

    Raises:
        GanzooError: not of the form hf://user/name or hf://user/name@revision.

    Example:
        from ganzoo.hub import parse

        parse("hf://ana/digits@v2").revision  # "v2"
        parse("hf://ana")  # GanzooError
    """
    found = _ADDRESS.fullmatch(str(address))
    if not found or any(twice in str(address)[len(SCHEME) :] for twice in ("..", "--", "//")):
        raise GanzooError(
            f"'{in_one_line(address)}' is not an address of the hub: write hf://USER/NAME or hf://USER/NAME@REVISION"
        )
    return Address(found["repository"], found["revision"])


def fetch(address: object, file: str) -> Path:
    """Downloads a preset: its YAML file and the weights file named in it, and no other file.

    Files that are in the hub's cache are not downloaded again. Without a connection, or with HF_HUB_OFFLINE=1, those
    of the cache are used.

    Args:
        address: e.g. "hf://user/name".
        file: name of the YAML file.

    Returns:
        The path of the YAML file in the cache; the weights file lies beside it.

    Raises:
        GanzooError: an invalid address, no such repository, revision or file, no connection, a file that is too
            large, or a YAML file that is not a valid config.
    """
    asked = parse(address)
    _library(str(asked))
    with _explained(asked):
        path = _downloaded(asked, file, MOST_BYTES)
        config = load_config(path, str(asked))
        if config.weights is not None:
            # Of the same commit, whatever is pushed meanwhile: the cache has a folder for each.
            pinned = Address(asked.repository, path.parent.name)
            _downloaded(pinned, config.weights.file, LARGEST_WEIGHTS)
    return path


def check_login(address: object) -> None:
    """Checks an address, and that a token of the hub is stored or set, without connecting.

    Raises:
        GanzooError: an invalid address, or not logged in.
    """
    asked = parse(address)
    if not _library(str(asked)).get_token():
        raise GanzooError(f"cannot push to {asked}: you are not logged in to the hub: {_LOGIN}")


def upload(address: object, files: Mapping[str, bytes], private: bool = False) -> str:
    """Writes files to a repository of the hub in one commit; the repository and the branch are created if necessary.

    Weights files of earlier versions are removed in the same commit; the repository's history keeps them.

    Args:
        address: e.g. "hf://user/name", or "hf://user/name@branch".
        files: {name: content}.
        private: create the repository as private. An existing public one is refused.

    Returns:
        The URL of the commit.

    Raises:
        GanzooError: not logged in, no such user, no permission, or no connection.
    """
    asked = parse(address)
    check_login(address)
    library = _library(str(asked))
    api = library.HfApi(library_name="ganzoo", library_version=__version__)
    with _explained(asked, pushing=True):
        user = api.whoami()["name"]
    with _explained(asked, pushing=True, user=user):
        api.create_repo(asked.repository, private=private, exist_ok=True)
        if private and not api.model_info(asked.repository).private:
            raise GanzooError(
                f"{SCHEME}{asked.repository} exists and is public: choose another name, or make it private in its "
                "settings on the hub first"
            )
        if asked.revision:
            api.create_branch(asked.repository, branch=asked.revision, exist_ok=True)
        operations: list[Any] = [library.CommitOperationAdd(name, content) for name, content in files.items()]
        stored = api.list_repo_files(asked.repository, revision=asked.revision)
        old = [name for name in fnmatch.filter(stored, WEIGHTS_FILES) if name not in files]
        operations += [library.CommitOperationDelete(name) for name in old]
        commit = api.create_commit(
            asked.repository, operations, commit_message="Preset of ganzoo", revision=asked.revision
        )
    return str(commit.commit_url)


def _library(purpose: str) -> Any:
    """The package huggingface_hub, imported when first needed."""
    try:
        import huggingface_hub
    except ImportError:
        raise missing_package("huggingface_hub", "hub", purpose) from None
    return huggingface_hub


def _downloaded(asked: Address, name: str, most_bytes: int) -> Path:
    """The path in the cache of a file of a repository; its size is checked before and after the download."""
    import huggingface_hub as library
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    options: dict[str, Any] = {"revision": asked.revision, "library_name": "ganzoo", "library_version": __version__}
    revision = asked.revision or "main"
    path: str | None = None
    if _COMMIT.fullmatch(revision):
        # The files of a commit never change.
        with contextlib.suppress(LocalEntryNotFoundError):
            path = library.hf_hub_download(asked.repository, name, local_files_only=True, **options)
    if path is None:
        failure: Exception | None = None
        try:
            url = library.hf_hub_url(asked.repository, name, revision=revision)
            size = library.get_hf_file_metadata(url).size
        except EntryNotFoundError:
            raise GanzooError(f"{asked} has no file {name}: it is not a preset of ganzoo") from None
        except Exception as error:
            # The hub's own answers are final; without a connection, the cache may have the file.
            if _status(error) in (401, 403, 404):
                raise
            failure, size = error, 0
        if size is None:
            raise GanzooError(f"{asked}: the hub does not say how large {name} is: not downloaded")
        _check_size(asked, name, size, most_bytes)
        try:
            path = library.hf_hub_download(asked.repository, name, local_files_only=failure is not None, **options)
        except LocalEntryNotFoundError as error:
            raise failure or error from None
    # The links of the cache lead from a commit's folder to the files' contents; one that leaves the cache is not the
    # hub's.
    real = Path(path).resolve()
    if not real.is_relative_to(Path(library.constants.HF_HUB_CACHE).resolve()):
        raise GanzooError(f"{asked}: {name} is a link that leads out of the hub's cache: remove {Path(path).parent}")
    _check_size(asked, name, real.stat().st_size, most_bytes)
    return Path(path)


def _check_size(asked: Address, name: str, size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise GanzooError(f"{asked}: {name} has {size:,} bytes, more than the {most_bytes:,} that are accepted")


def _status(error: Exception) -> int | None:
    """The HTTP status of an error of huggingface_hub, or None if there was no answer."""
    return getattr(getattr(error, "response", None), "status_code", None)


@contextlib.contextmanager
def _explained(asked: Address, pushing: bool = False, user: str = "") -> Iterator[None]:
    """Context manager that turns errors of huggingface_hub, which have many types and lines, into a `GanzooError`."""
    try:
        yield
    except GanzooError:
        raise
    except Exception as error:
        raise GanzooError(_explanation(error, asked, pushing, user)) from None


def _explanation(error: Exception, asked: Address, pushing: bool, user: str) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RevisionNotFoundError,
    )

    status, repository = _status(error), f"{SCHEME}{asked.repository}"
    if isinstance(error, RevisionNotFoundError):
        return f"{repository} has no revision '{asked.revision or 'main'}'"
    if isinstance(error, GatedRepoError):
        return f"{repository} is gated: ask for access on its page of the hub, then {_LOGIN}"
    if pushing and status == 401:
        return f"cannot push to {asked}: the hub does not accept your token: {_LOGIN}"
    if pushing and status in (403, 404):
        return (
            f"cannot push to {asked}: no such user or organization, or '{in_one_line(user)}', as whom you are logged "
            "in, may not write there (the token needs write access)"
        )
    if status in (401, 403, 404):
        return f"the hub has no model {repository}, or it is private: check the name; if it is private, {_LOGIN}"
    if status is not None:
        reason = in_one_line(first_line(getattr(error, "server_message", None) or error), 200)
        return f"{asked}: the hub answered with an error ({status}): {reason}"
    if isinstance(error, OfflineModeIsEnabled) or constants.HF_HUB_OFFLINE:
        if pushing:
            return f"cannot push to {asked}: HF_HUB_OFFLINE is set"
        return f"{asked} is not in the hub's cache, and HF_HUB_OFFLINE is set: load it once without"
    if isinstance(error, (LocalEntryNotFoundError, OSError)) or "http" in type(error).__module__:
        return f"cannot reach the hub for {asked}: check the connection ({in_one_line(first_line(error), 200)})"
    return f"{asked}: {in_one_line(first_line(error), 300)}"
