"""Downloading a model from the Hugging Face hub: the files that are used, of one commit, checked when they are here."""

from __future__ import annotations

from fnmatch import fnmatch

from rhapsode.engines.maya1.sources import SUBFOLDER, source_of
from rhapsode.engines.maya1.weights import Manifest, Models, Progress
from rhapsode.errors import EngineUnavailable


def fetch(models: Models, name: str, progress: Progress = lambda _: None) -> Manifest:
    """Downloads what is missing of a model, with a bar on standard error, and writes its manifest.

    Large files must have the sha256 that the hub declares for them at this commit.

    Raises:
        BadRequest: No model has this name.
        EngineUnavailable: The hub's package is not installed, or the hub does not give the files.
        WeightsDamaged: A file came out other than it was declared.
    """
    source = source_of(name)
    wanted = [*source.files, *(f"{SUBFOLDER}/{pattern}" for pattern in source.files)]
    try:
        from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415 - not in every installation
        from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415
    except ImportError as error:
        raise EngineUnavailable(f"Models cannot be fetched: {error}.", "pip install 'rhapsode[maya1]'") from error
    target = models.folder / name
    try:
        about = HfApi().model_info(source.repository, revision=source.revision, files_metadata=True)
        snapshot_download(
            source.repository,
            revision=source.revision,
            allow_patterns=wanted,
            local_dir=target,
        )
    except (OSError, *HfHubHTTPError.__bases__) as error:  # the latter: what the HTTP client beneath raises itself
        raise EngineUnavailable(
            f"{source.repository} cannot be fetched: {str(error).splitlines()[0].rstrip('.')}.",
            f"Try again, or take a copy of your own: rhapsode models fetch {name} --from FOLDER",
        ) from error
    declared = {
        file.rfilename: file.lfs.sha256
        for file in about.siblings or ()
        if file.lfs and any(fnmatch(file.rfilename, pattern) for pattern in wanted)
    }
    origin = f"{source.repository}@{source.revision}"
    return models.add(name, target, origin, declared | dict(source.sha256), progress)
