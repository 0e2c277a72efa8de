# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium by its DevTools protocol over two pipes (--remote-debugging-pipe): JSON messages, each ended by
a NUL; no port, no library. https://chromedevtools.github.io/devtools-protocol/

As a program it takes a picture: lib_browser.py FILE.html PICTURE.png [WIDTH [HEIGHT [dark]]]"""
import base64
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-extensions --hide-scrollbars --force-color-profile=srgb
--remote-debugging-pipe""".split()


class Browser:
    def __init__(self):
        self.home = tempfile.TemporaryDirectory(prefix="weir-browser-", ignore_cleanup_errors=True)
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        # The browser reads descriptor 3 and writes descriptor 4. It gets a session of its own, to be ended as one.
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "-", "chromium", *FLAGS,
             f"--user-data-dir={self.home.name}", "about:blank"],
            pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "HOME": self.home.name, "XDG_RUNTIME_DIR": self.home.name})
        os.close(to_browser)
        os.close(from_browser)
        self.pending, self.number, self.session, self.events = b"", 0, None, []
        target = next(t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        self.home.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def message(self, deadline):
        """The next message, or None at the deadline."""
        while b"\0" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.into], [], [], left)[0]:
                return None
            data = os.read(self.into, 1 << 20)
            if not data:
                raise RuntimeError("the browser has gone")
            self.pending += data
        one, self.pending = self.pending.split(b"\0", 1)
        return json.loads(one)

    def send(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        deadline = time.monotonic() + 120
        while (answer := self.message(deadline)) is not None:
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)
        raise RuntimeError(f"{method}: no answer")

    def wait(self, method, seconds=120):
        """The first event of this name that has come since the last wait for it."""
        deadline = time.monotonic() + seconds
        while True:
            for i, event in enumerate(self.events):
                if event.get("method") == method:
                    return self.events.pop(i)
            event = self.message(deadline)
            if event is None:
                raise RuntimeError(f"{method} did not come")
            self.events.append(event)

    def gathered(self, method):
        self.evaluate("0")  # what the browser had to say before this answer has been read with it
        return [event["params"] for event in self.events if event.get("method") == method]

    def evaluate(self, code):
        """The value of a JavaScript expression; promises are waited for."""
        answer = self.send("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", str(answer)))
        return answer["result"].get("value")

    def eventually(self, condition):
        """Whether the expression becomes true, within ten seconds."""
        return self.evaluate(f"""new Promise(done => {{
            const until = performance.now() + 10000;
            const look = () => {{
                const holds = Boolean({condition});
                if (holds || performance.now() > until) done(holds); else setTimeout(look, 50);
            }};
            look();
        }})""")

    def size(self, width, height, mobile=False):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.send("Emulation.setTouchEmulationEnabled", enabled=mobile)

    def media(self, **features):
        """media(prefers_color_scheme="dark")"""
        self.send("Emulation.setEmulatedMedia", features=[
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def open(self, path):
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.navigate", url="file://" + os.path.abspath(path))
        self.wait("Page.loadEventFired")
        self.settle()

    def settle(self):
        """Two frames: what was asked for is drawn."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def key(self, key, text=None):
        codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
                 "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36}
        text = text or (key if len(key) == 1 else "\r" if key == "Enter" else None)
        common = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0]))}
        self.send("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)
        self.settle()

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def picture(self, path, whole=False):
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                         **({"clip": {**{k: v for k, v in self.send("Page.getLayoutMetrics")["cssContentSize"].items()},
                                      "scale": 1}} if whole else {}))
        with open(path, "wb") as out:
            out.write(base64.b64decode(shot["data"]))


def main():
    page, picture, *more = sys.argv[1:]
    with Browser() as browser:
        width, height = [int(n) for n in more[:2]] + [1280, 900][len(more[:2]):]
        browser.size(width, height, width < 600)
        browser.media(prefers_color_scheme="dark" if "dark" in more else "light")
        browser.open(page)
        for event in browser.gathered("Runtime.exceptionThrown") + browser.gathered("Log.entryAdded"):
            print(json.dumps(event)[:2000])
        browser.picture(picture, "whole" in more)


if __name__ == "__main__":
    main()
