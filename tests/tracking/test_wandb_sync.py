"""`wandb sync` of a resumed offline run, to a server just good enough for it."""

import gzip
import json
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from aiwave.tracking import WandbTracker

pytestmark = pytest.mark.slow


class _Server(BaseHTTPRequestHandler):
    """Keeps the lines of every run's history at the offsets where they are sent, as W&B's server does."""

    history: ClassVar[dict[str, dict[int, dict]]] = {}

    def log_message(self, *arguments):
        pass

    def reply(self, answer):
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.reply({})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        asked = json.loads(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        if not self.path.endswith("file_stream"):
            self.reply({"data": self.answer(asked)})
            return
        kept = self.history.setdefault(self.path.split("/")[-2], {})
        sent = (asked.get("files") or {}).get("wandb-history.jsonl", {"offset": 0, "content": []})
        for place, line in enumerate(sent["content"], sent["offset"]):
            assert place not in kept, "overwritten"
            kept[place] = json.loads(line)
        self.reply({})

    def answer(self, asked):
        (name,) = re.findall(r"(?:query|mutation) (\w+)", asked["query"]) or ["?"]
        run = (asked.get("variables") or {}).get("name")
        project = {"id": "p", "name": "proj", "entity": {"id": "e", "name": "me"}}
        bucket = {"id": f"id_{run}", "name": run, "displayName": "x", "config": "{}", "project": project}
        if name == "RunResumeStatus":
            lines = list(self.history.get(run, {}).values())
            known = {"historyLineCount": len(lines), "eventsLineCount": 0, "logLineCount": 0, "eventsTail": "[]"}
            known |= {"wandbConfig": '{"t": 1}', "tags": [], "summaryMetrics": json.dumps(lines[-1] if lines else {})}
            known["historyTail"] = json.dumps([json.dumps(line) for line in lines[-1:]])
            return {"model": project | {"bucket": bucket | known if lines else None}}
        if name == "UpsertBucket":
            return {"upsertBucket": {"bucket": bucket, "inserted": run not in self.history}}
        if name == "CreateRunFiles":
            return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": []}}
        return {}


def test_the_parts_are_one_history_and_none_overwrites_another(tmp_path, monkeypatch):
    import wandb

    monkeypatch.setenv("WANDB_MODE", "offline")
    for part in range(3):
        tracker = WandbTracker("proj", None)
        logger = tracker.open(tmp_path / "run", "exp", "stage", "train", [], {})
        for step in range(4):
            logger.log_metrics({"loss": float(10 * part + step)}, step=4 * part + step)
        tracker.close("ok")
        wandb.teardown()
        time.sleep(1.1)  # the folders are named by the second
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    account = {"WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}", "WANDB_API_KEY": "0123456789" * 4}
    folders = {"WANDB_CONFIG_DIR": str(tmp_path / "config"), "WANDB_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "wandb", "sync", str(tmp_path / "run/wandb")]
    environment = known | account | folders
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    server.shutdown()
    assert done.returncode == 0, done.stdout + done.stderr
    (history,) = _Server.history.values()
    assert [(place, line["_step"], line["loss"]) for place, line in sorted(history.items())] == [
        (number, number, 10 * (number // 4) + number % 4) for number in range(12)
    ]
