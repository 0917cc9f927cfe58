"""The default app and its faces, which `import nuvom` gives as `nuvom.task`, `nuvom.schedules` and so on."""

from __future__ import annotations

from nuvom._app import Nuvom

app = Nuvom()
task = app.task
configure = app.configure
drain = app.drain
job = app.job
jobs = app.jobs
queues = app.queues
schedule = app.schedule
schedules = app.schedules
workers = app.workers
