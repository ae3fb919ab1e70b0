"""The server under test: a thread for each connection, and one that changes what they run. Prints its port."""

import http.server
import json
import sys
import traceback
import urllib.parse

import churn
import heap
import work
from clinker import jit


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        path, _, query = self.path.partition("?")
        try:
            if path == "/status":
                answer = json.dumps(status(self.server))
            elif path == "/stop":
                self.server.churn.stopped.set()
                self.close_connection = True
                answer = "stopped"
            else:
                number = int(urllib.parse.parse_qs(query)["number"][0])
                answer = work.ROUTES[path[1:]](number)
                self.server.answered += 1
        except Exception:
            self.answer(500, traceback.format_exc())
        else:
            self.answer(200, answer)
            if path == "/stop":
                # The process ends then, and with it this thread.
                self.server.stopped = True

    def answer(self, code, text):
        data = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    stopped = False
    answered = 0

    def handle_error(self, request, address):
        # A client that is gone is no error of the server's.
        if not isinstance(sys.exception(), ConnectionError):
            self.churn.wrong.append(traceback.format_exc())


def status(server):
    thread = server.churn
    # What another thread goes on with has to be copied at once.
    return {"answered": server.answered, "changes": dict(thread.counts), "events": thread.events,
            "wrong": thread.wrong[:20], "in_use": heap.in_use(), "compilation": (jit.stats() or {}).get("compilation")}


def main():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.churn = churn.Churn(int(sys.argv[1]))
        server.churn.start()
        print(server.server_port, flush=True)
        server.timeout = 1
        while not server.stopped:
            server.handle_request()
        server.churn.join()


if __name__ == "__main__":
    main()
