"""JupyterLab, driven as a user would."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Locator, Page

from fmnist_clustering.progress import ARTIFACTS_VARIABLE

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

SECOND = 1000
"""playwright counts milliseconds."""

NOT_OURS = re.compile("net::ERR_")
"""What is in the console where JupyterLab asks other servers, without a network."""


class Server(NamedTuple):
    """A running JupyterLab.

    Attributes
    ----------
    address : str
        Where it listens.
    token : str
        The password.
    root : Path
        The folder that it shows.
    """

    address: str
    token: str
    root: Path


def find_chromium() -> str:
    """Return the path of a browser."""
    for name in CHROMIUM_NAMES:
        path = shutil.which(name)
        if path:
            return path
    expected = "on Debian or Ubuntu: apt install chromium"
    raise FileNotFoundError(f"found none of {CHROMIUM_NAMES}; {expected}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def jupyter_lab(root: Path, log: Path) -> Iterator[Server]:
    """Yield what `make lab` starts, without the settings of who runs the tests."""
    port = free_port()
    token = secrets.token_hex(16)
    names = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"]
    environment = {**os.environ, "IPYTHONDIR": str(log.parent)}
    environment |= {name: str(log.parent / name) for name in names}
    # What says to the other tests that nobody sits there.
    environment.pop(ARTIFACTS_VARIABLE, None)
    choose_settings(log.parent / names[0] / "lab/user-settings/@jupyterlab")
    options = [
        "--no-browser",
        "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=",
        "--ContentsManager.pre_save_hook=fmnist_clustering.runner.clean.before_saving",
    ]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, env=environment, cwd=root, stdout=stream, stderr=stream
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", token, root)
            wait_for_answer(f"{server.address}/api/status?token={token}")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def choose_settings(folder: Path) -> None:
    """Ask for no news, which would lie over the notebook; save only when told to."""
    settings = {
        "apputils-extension/notification": {"fetchNews": "false"},
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
    """A notebook that is open in JupyterLab.

    Attributes
    ----------
    path : Path
        Its file.
    errors : list of str
        What the console of the browser says about errors.
    """

    def __init__(self, page: Page, server: Server, name: str) -> None:
        self.page = page
        self.path = server.root / name
        self.errors: list[str] = []
        page.on("console", self._note_error)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{server.address}/lab/tree/{name}?token={server.token}&reset")
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

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

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

    def show_explorer(self) -> None:
        """Scroll to the explorer, and wait for its picture."""
        self.scroll_to_explorer()
        self.picture.wait_for(timeout=60 * SECOND)
        self.picture.scroll_into_view_if_needed()

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
    def picture(self) -> Locator:
        return self.page.locator(".widget-html img")

    @property
    def sentence(self) -> Locator:
        return self.page.locator(".widget-html [role=alert]")

    @property
    def slider(self) -> Locator:
        return self.page.locator(".widget-slider .noUi-handle")

    def wait_for_other(self, source: str) -> float:
        """Wait until another picture than this is there; return the seconds."""
        started = time.perf_counter()
        self.page.wait_for_function(
            """old => {
                const image = document.querySelector('.widget-html img');
                return image && image.complete && image.src != old;
            }""",
            arg=source,
            polling=5,
        )
        return time.perf_counter() - started

    def press(self, key: str) -> float:
        """Press a key; return the seconds until another picture is there."""
        source = self.picture.get_attribute("src") or ""
        self.page.keyboard.press(key)
        return self.wait_for_other(source)
