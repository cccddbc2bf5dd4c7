# SPDX-License-Identifier: MIT
"""A headless chromium that tests drive as a person would: it is read, clicked and typed into, and
says what a screen reader is told. It speaks the DevTools protocol over two pipes."""
import base64
import fcntl
import html.parser
import json
import os
import re
import select
import subprocess
import time

OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--disable-dev-shm-usage", "--remote-debugging-pipe"]
COMMANDS, EVENTS = 3, 4  # the descriptors that chromium reads and writes
WAIT_S = 20
POLL_S = 0.05
KEYS = {"Tab": 9, "Enter": 13}
# All that was said is there: the console has an answer, and nothing on the page is under way.
IS_READY = """document.querySelector('.token, .is-live, .is-lost') !== null
    && !document.querySelector('main').textContent.includes('Loading …')"""


class Page(html.parser.HTMLParser):
    """What is on a page: its words as one line, and its elements."""

    def __init__(self, source):
        super().__init__()
        self.elements = []
        self.pieces = []
        self.title = ""
        self.feed(source)
        self.text = re.sub(r"\s+", " ", " ".join(self.pieces))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "title" and self.title == "":
            self.title = data
        self.pieces.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def has(self, words):
        """The words in this order, whatever elements they are in."""
        return words.replace(" ", "") in self.text.replace(" ", "")


def _pipe():
    """Its ends stay clear of the descriptors that chromium is to have."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved


class Browser:
    """One process; each page that is opened is a tab of its own, without a past."""

    def __init__(self, folder):
        commands, to_browser = _pipe()
        from_browser, events = _pipe()

        def place():
            os.dup2(commands, COMMANDS)
            os.dup2(events, EVENTS)

        self.process = subprocess.Popen(
            ["chromium", *OPTIONS, f"--user-data-dir={folder}", "about:blank"], preexec_fn=place,
            pass_fds=(COMMANDS, EVENTS), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(events)
        self.to_browser, self.from_browser = to_browser, from_browser
        self.bytes = b""
        self.number = 0
        self.events = []

    def close(self):
        """Ends the process."""
        self.process.terminate()
        self.process.wait(timeout=WAIT_S)
        os.close(self.to_browser)
        os.close(self.from_browser)

    def _read(self, end):
        while b"\0" not in self.bytes:
            ready, _, _ = select.select([self.from_browser], [], [], end - time.monotonic())
            read = os.read(self.from_browser, 1 << 16) if ready else b""
            assert read, "the browser does not answer"
            self.bytes += read
        text, _, self.bytes = self.bytes.partition(b"\0")
        return json.loads(text)

    def call(self, method, session=None, **params):
        """The result of a command; what happens meanwhile is kept among the events."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + WAIT_S
        while True:
            answer = self._read(end)
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def open(self, url, width=1280, is_dark=False):
        """A new tab with the page, when it has shown what the service said."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank",
                           browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session, context)
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            tab.call(f"{domain}.enable")
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=width < 600)
        tab.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}])
        tab.call("Page.navigate", url=url)
        tab.wait_for(IS_READY)
        return tab


class Tab:
    """A page, and what a person does with it."""

    def __init__(self, browser, session, context):
        self.browser = browser
        self.session = session
        self.context = context

    def close(self):
        """It asks the service no more."""
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def call(self, method, **params):
        """A command for this page."""
        return self.browser.call(method, self.session, **params)

    def value_of(self, expression):
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression):
        """Until a JavaScript expression is true."""
        end = time.monotonic() + WAIT_S
        while not self.value_of(f"Boolean(document.readyState === 'complete' && ({expression}))"):
            assert time.monotonic() < end, f"not within {WAIT_S} s: {expression}"
            time.sleep(POLL_S)

    def wait_until_ready(self):
        """Until the page says what the service said."""
        self.wait_for(IS_READY)

    def page(self):
        """What is on it now."""
        return Page(self.value_of("document.documentElement.outerHTML"))

    def click(self, selector):
        """As with the mouse, and waits for what it brings."""
        self.value_of(f"document.querySelector({json.dumps(selector)}).click()")
        self.wait_until_ready()

    def press(self, key):
        """A key, down and up."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, text):
        """Where the focus is."""
        self.call("Input.insertText", text=text)

    def focused(self):
        """The words of what has the focus."""
        return self.value_of("document.activeElement.textContent.trim()")

    def tab_to(self, words, presses=60):
        """Goes on with the tabulator until what has these words has the focus."""
        for _ in range(presses):
            self.press("Tab")
            if self.focused() == words:
                return
        raise AssertionError(f"the tabulator does not lead to “{words}”")

    def rows(self, table):
        """A table's cells by their column's head, a dictionary for each row."""
        return self.value_of(f"""(() => {{
            const table = document.querySelector('table[aria-label={json.dumps(table)}]');
            const heads = [...table.querySelectorAll('th')].map((head) => head.textContent);
            return [...table.querySelectorAll('tbody tr')].map((row) => Object.fromEntries(
                [...row.cells].map((cell, index) =>
                    [heads[index], cell.textContent.replace(/\\s+/g, ' ')])));
        }})()""")

    def told(self):
        """What a screen reader is told: (role, name) of everything that is not passed over."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", ""))
                for node in nodes if not node["ignored"]]

    def complaints(self):
        """What the browser has against the page: exceptions, violated policies, files that are not
        there. That the service refuses a question is no fault of the page."""
        self.value_of("0")  # what was on its way is here now
        said = [event["params"] for event in self.browser.events
                if event.get("sessionId") == self.session
                and event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled",
                                        "Log.entryAdded")]
        return [params for params in said if "/v1/" not in params.get("entry", {}).get("url", "")]

    def picture(self, path):
        """The whole page as a PNG file."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        image = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                          clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"],
                                "scale": 1})
        path.write_bytes(base64.b64decode(image["data"]))
