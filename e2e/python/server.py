"""Starts the real server for a test, as `support/server.mjs` does for the tests in Node."""

import json
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

APP_ID = "1001"
KEY = "resound-python-key"
SECRET = "resound-python-secret"

# How long a test waits for something that must happen.
DEADLINE_SECONDS = 20

_ROOT = Path(__file__).resolve().parents[2]
_BINARY = Path(os.environ.get("RESOUND_BIN", _ROOT / "target/debug/resound")).resolve()


class Server:
    """A running `resound start` on a free port."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="resound-e2e-")
        (Path(self._directory.name) / "resound.toml").write_text(
            "shutdown_grace_seconds = 1\n"
            f'[[apps]]\nid = "{APP_ID}"\nkey = "{KEY}"\nsecret = "{SECRET}"\n'
        )
        self._process = subprocess.Popen(
            [_BINARY, "start", "--port", "0", "--log", "json"],
            cwd=self._directory.name,
            env={"PATH": os.environ["PATH"], "HOME": self._directory.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._log = []
        self._listening = threading.Event()
        self.port = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._listening.wait(DEADLINE_SECONDS) or self.port is None:
            self._process.kill()
            raise AssertionError("the server did not start:\n" + "".join(self._log))

    def stop(self):
        """Ends the server and fails the test if it ended badly."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        self._process.stderr.close()
        self._directory.cleanup()
        log = "".join(self._log)
        assert code == 0, f"the server ended with {code}:\n{log}"
        assert "panicked at" not in log, log

    def _read(self):
        for line in self._process.stderr:
            self._log.append(line)
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("message") == "listening":
                self.port = int(entry["address"].rpartition(":")[2])
                self._listening.set()
        self._listening.set()
