"""A JupyterLab of one's own for a test: its own port, token, settings and folders."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from tests.conftest import PATIENCE


@dataclass(frozen=True, slots=True)
class Server:
    """A JupyterLab that runs: where, and the word that opens it."""

    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """Where a browser finds JupyterLab, in a workspace that nobody else has."""
        return f"{self.url}/lab/workspaces/tests?token={self.token}"


@contextmanager
def jupyterlab(root: Path, home: Path) -> Iterator[Server]:
    """Serve the folder ``root``; everything that JupyterLab writes goes below ``home``."""
    server = Server(_free_port(), secrets.token_hex(16))
    with subprocess.Popen(
        _command(server, root), env=_environment(home), stderr=subprocess.PIPE, text=True
    ) as process:
        reader = Thread(target=deque, args=(process.stderr, 0))
        try:
            _wait_until_ready(process)
            reader.start()  # somebody has to, or the log's pipe runs full
            yield server
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE / 1000)
            reader.join()


def _command(server: Server, root: Path) -> list[str]:
    return [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={server.port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={server.token}",
        "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip


def _environment(home: Path) -> dict[str, str]:
    folders = {
        name: str(home / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "IPYTHONDIR",
        )
    }
    return {**os.environ, **folders}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    """Read the log until the server says that it runs."""
    said = []
    for line in process.stderr or ():
        said.append(line)
        if "is running at" in line:
            return
    raise RuntimeError("JupyterLab did not start:\n" + "".join(said))
