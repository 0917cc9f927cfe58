"""What both type checkers must refuse; an ignore that nothing needs is an error: checked, never run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nuvom import Retry, app, cron, every, lifespan, task


@task
def add(x: int, y: int) -> int:
    return x + y


@task(retries=1)
async def fetch(url: str) -> bytes:
    return url.encode()


def wrong_arguments() -> None:
    add.delay("1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    add.delay(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    add.delay(1, 2, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    add.delay(1, z=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    fetch.delay(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    add.bind("1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    add.bind(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    add.options(queue="q").delay("1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    add.options(queue="q").delay()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    add.options(queue=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    add.options(no_such_option=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def wrong_limits() -> None:
    task(concurrency="5")(add)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    task(rate=5)(add)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    add.options(concurrency=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def wrong_declarations() -> None:
    cron("* * * * *", timeouts=5)(add)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cron("* * * * *", id="x")(add)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cron("* * * * *", queue=1)(add)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    every("15m", timezone_name="UTC")(add)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    every("15m")(len)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


def wrong_times() -> None:
    call = add.bind(1, 2)
    call.schedule()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    call.schedule(at=datetime.now(UTC), interval=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    call.schedule(in_=timedelta(1), cron="* * * * *")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    call.schedule(at="tomorrow")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    call.schedule(at=datetime.now(UTC), timezone_name="UTC")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


def wrong_results() -> None:
    text: str = add.delay(1, 2).result()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    number: int = fetch.delay("u").result()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(text, number)


def wrong_around() -> None:
    Retry(3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Retry(max="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    task(retry=3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    task(on_failure="tell")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    lifespan(len)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    app.hooks.append("hook")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
