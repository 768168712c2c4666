"""A server that my_chat_model.py can talk to: it takes {"prompt"} and gives {"text"}, and is no model at all."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        text = '{"city": "Oslo"}' if "schema" in asked else "Hello."
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"text": text}).encode())

    def log_message(self, *_):
        pass


@contextmanager
def served():
    """Within, the server runs; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
