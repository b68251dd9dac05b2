import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mailmill import queue
from mailmill.config import Config
from mailmill.db import Database
from mailmill.jobs.importing import Contact, save_contacts
from mailmill.models import Campaign, Job, Segment
from mailmill.worker import Worker


class App:
    def __init__(self, tmp_path):
        self.tmp = tmp_path
        self.config = Config(database_url=f"sqlite:///{tmp_path / 'test.db'}", data_dir=str(tmp_path / "data"),
                             send_per_minute=0, heartbeat_seconds=0.2, poll_seconds=0.05, threads=3)
        self.db = Database(self.config.database_url)
        self.db.create_all()

    def run(self, name, **payload):
        """Run a job to its end; returns the job row."""
        job_id, _ = Worker(self.db, self.config).run_once(name, payload)
        with self.db.read() as session:
            return session.get(Job, job_id)

    def ok(self, name, **payload):
        job = self.run(name, **payload)
        assert job.status == "done", job.last_error
        return job.result

    def enqueue(self, name, payload=None, **options):
        with self.db.write() as session:
            return queue.enqueue(session, name, payload, **options)

    def add(self, *rows):
        with self.db.write() as session:
            session.add_all(rows)
            session.flush()
            return [getattr(row, "id", None) for row in rows]

    def people(self, *contacts):
        with self.db.write() as session:
            save_contacts(session, [c if isinstance(c, Contact) else Contact(c) for c in contacts], "test")

    def campaign(self, **changes):
        """A campaign for everybody, rendered."""
        segment, = self.add(Segment(name="everybody", rules={"all": []}))
        values = dict(name="C", subject="Hi {{ first_name }}", html_template="<p>{{ name }}</p>{{ articles|length }}",
                      text_template="{{ name }} {{ unsubscribe_url }}", segment_id=segment) | changes
        campaign, = self.add(Campaign(**values))
        self.ok("build-segments")
        self.ok("render-campaign", campaign_id=campaign)
        return campaign

    def all(self, query):
        with self.db.read() as session:
            return session.scalars(query).all()


@pytest.fixture
def app(tmp_path):
    app = App(tmp_path)
    yield app
    app.db.engine.dispose()


@pytest.fixture
def server():
    """A local HTTP server; set server.answer = function(method, path, headers, body) -> (status, object)."""
    class Handler(BaseHTTPRequestHandler):
        def _do(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, value = httpd.answer(self.command, self.path, self.headers, body)
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _do

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()
