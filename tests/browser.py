"""Headless Chromium through its own driver, without another library: the few commands the tests need."""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager

AVAILABLE = bool(shutil.which("chromedriver") and (shutil.which("chromium") or shutil.which("google-chrome")))
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


class Browser:
    """One window."""

    def __init__(self, server):
        self.server = server
        self.session = ""

    def command(self, method, path, **body):
        """One command of the WebDriver protocol; returns its value."""
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self.server}{self.session}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, address):
        """Load a page."""
        self.command("POST", "/url", url=address)

    def size(self, width, height):
        """Make the page so many pixels wide; narrower than a window can be, too."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("POST", "/goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=metrics)

    def run(self, script):
        """Return value of a script."""
        return self.command("POST", "/execute/sync", script=script, args=[])

    def click(self, selector):
        """A real click on the first element that a CSS selector finds."""
        self.command("POST", f"/element/{self._find(selector)}/click")

    def press(self, selector, keys):
        """Keys typed into an element."""
        self.command("POST", f"/element/{self._find(selector)}/value", text=keys)

    def problems(self):
        """Console messages since the previous call."""
        return [entry["message"] for entry in self.command("POST", "/se/log", type="browser")]

    def picture(self):
        """The window as a PNG."""
        return base64.b64decode(self.command("GET", "/screenshot"))

    def _find(self, selector):
        (element,) = self.command("POST", "/element", using="css selector", value=selector).values()
        return element


@contextmanager
def browser(folder, port):
    """A browser with its profile in the empty `folder`, driven through a local port."""
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    window = Browser(f"http://127.0.0.1:{port}")
    try:
        for _ in range(100):
            try:
                window.command("GET", "/status")
                break
            except OSError:
                time.sleep(0.1)
        binary = shutil.which("chromium") or shutil.which("google-chrome")
        options = {"args": [*FLAGS, f"--user-data-dir={folder}"], "binary": binary}
        wishes = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        session = window.command("POST", "/session", capabilities=wishes)["sessionId"]
        window.session = f"/session/{session}"
        yield window
        window.command("DELETE", "")
    finally:
        driver.terminate()
        driver.wait(30)
