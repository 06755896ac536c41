"""A proxy between follower and node that may change what the node says."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from yuanliu.chain.rawlogs import RawNode

Change = Callable[[str, Any, Any], Any]
"""From method, parameters and result to another result."""


class Proxy:
    """Stands between follower and node, and may change what is answered to `method`."""

    def __init__(self, upstream: str) -> None:
        self.broken = False
        self.change: Change = lambda _method, _params, result: result
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if proxy.broken:
                    self.send_error(503)
                    return
                asked = json.loads(body)
                answer = proxy.ask(body)
                if isinstance(asked, dict) and "result" in answer:
                    answer["result"] = proxy.change(
                        asked["method"], asked["params"], answer["result"]
                    )
                    if isinstance(answer["result"], dict) and "error" in answer["result"]:
                        answer = answer["result"]
                said = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self._node = RawNode(upstream)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def ask(self, body: bytes) -> Any:  # noqa: ANN401 -- JSON
        with self._lock:
            return self._node._post(json.loads(body))

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._node.close()
