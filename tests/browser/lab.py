"""JupyterLab, driven as a user would."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fmnist_clustering.notebook import ARTIFACTS_VARIABLE

TOKEN = "token-of-the-tests"

SECOND = 1000
"""playwright counts milliseconds."""

NOT_OURS = re.compile("net::ERR_")
"""What is in the console where JupyterLab asks other servers, without a network."""


class Server(NamedTuple):
    """Where a running JupyterLab listens, and the folder that it shows."""

    address: str
    root: Path


@contextlib.contextmanager
def jupyter_lab(root: Path, folder: Path) -> Iterator[Server]:
    """Yield what `make lab` starts, without the settings of who runs the tests."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    names = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"]
    environment = {**os.environ, "IPYTHONDIR": str(folder)}
    environment |= {name: str(folder / name) for name in names}
    environment.pop(ARTIFACTS_VARIABLE, None)
    choose_settings(folder / names[0] / "lab/user-settings/@jupyterlab")
    options = [
        "--no-browser",
        "--allow-root",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",
    ]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (folder / "log.txt").open("w") as stream:
        process = subprocess.Popen(
            command, env=environment, cwd=root, stdout=stream, stderr=stream
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", root)
            wait_for_answer(f"{server.address}/api/status?token={TOKEN}")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def choose_settings(folder: Path) -> None:
    """Ask for no news, which would lie over the notebook; save only when told to."""
    settings = {
        "apputils-extension/notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
        "docmanager-extension/plugin": {"autosave": False},
    }
    for name, values in settings.items():
        file = folder / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values), encoding="utf-8")


def wait_for_answer(address: str) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address).close()
            return
        time.sleep(0.2)
    raise TimeoutError("JupyterLab: no answer in a minute")


class Lab:
    """A notebook that is open in JupyterLab, and what the console says of errors."""

    def __init__(self, page: Any, server: Server, name: str) -> None:
        self.page = page
        self.path = server.root / "notebooks" / name
        self.errors: list[str] = []
        page.on("console", self._note_error)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        address = f"{server.address}/lab/tree/notebooks/{name}"
        page.goto(f"{address}?token={TOKEN}&reset")
        self._wait_for_kernel()

    def _note_error(self, message: Any) -> None:
        if message.type == "error" and not NOT_OURS.search(message.text):
            self.errors.append(message.text)

    def _wait_for_kernel(self) -> None:
        """Wait until the notebook is there, and a kernel that answers."""
        self.page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context")
        self.page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
                await panel.sessionContext.session.kernel.info;
            }"""
        )
        idle = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
        self.page.wait_for_selector(idle, timeout=60 * SECOND)

    def command(self, name: str, **arguments: object) -> None:
        """Execute a command of JupyterLab, and wait until it is done."""
        execute = "([name, args]) => window.jupyterapp.commands.execute(name, args)"
        self.page.evaluate(execute, [name, arguments])

    def save(self) -> dict[str, Any]:
        """Save the notebook, and return what is then in the file."""
        before = self.path.stat().st_mtime_ns
        self.command("docmanager:save")
        for _ in range(300):
            if self.path.stat().st_mtime_ns != before:
                break
            time.sleep(0.1)
        else:
            raise TimeoutError(f"{self.path}: not saved in half a minute")
        content: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return content

    def reload(self) -> None:
        self.page.reload()
        self._wait_for_kernel()

    def scroll_to_explorer(self) -> None:
        """Scroll to the cell of the explorer; cells far away are not drawn."""
        self.page.evaluate(
            """async () => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                const index = notebook.widgets.findIndex(cell =>
                    /^explore[.]/m.test(cell.model.sharedModel.getSource()));
                notebook.activeCellIndex = index;
                await notebook.scrollToItem(index, 'smart');
            }"""
        )

    @property
    def picture(self) -> Any:
        return self.page.locator(".widget-html img")

    @property
    def sentence(self) -> Any:
        return self.page.locator(".widget-html [role=alert]")

    def wait_for_sentence(self, start: str) -> None:
        """Wait until the explorer says something that starts so, above a picture."""
        self.page.wait_for_function(
            """start => {
                const said = document.querySelector('.widget-html [role=alert]');
                const image = document.querySelector('.widget-html img');
                return said?.innerText.startsWith(start) && image?.complete;
            }""",
            arg=start,
        )
