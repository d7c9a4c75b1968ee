"""The page's server, without a browser: what it refuses, and what it says then."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from itertools import product

import httpx
import pytest
import pytest_asyncio

from restorebot.sandbox.page.server import HEADERS, STATIC, DemoPrograms, create_app
from restorebot.sandbox.portal.profiles import PROFILES
from restorebot.sandbox.programs import programs
from restorebot.sandbox.serve import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[httpx.AsyncClient]:
    """The page without a bot, which nothing here needs; one for all, for it takes a second."""
    async with (
        programs(approvers="U0BOB", speed=1.0) as started,
        httpx.AsyncClient(timeout=10, trust_env=False) as http,
        serving(create_app(DemoPrograms(started, http)), 0) as url,
        httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client,
    ):
        yield client


BAD = [
    ("GET", "/nowhere", None, 404, "There is no /nowhere here."),
    ("GET", "/static/../server.py", None, 404, "There is no /server.py here."),
    ("GET", "/static/nothing.js", None, 404, "There is no /static/nothing.js here."),
    ("DELETE", "/portal/switch", None, 405, "/portal/switch does not take DELETE."),
    ("POST", "/stream?as=alice", "{}", 405, "/stream does not take POST."),
    ("GET", "/stream?as=mallory", None, 422, "The parameter 'as' is one of alice, bob, carol."),
    ("POST", "/portal/switch", "{", 400, "The body is not JSON."),
    ("POST", "/portal/switch", "[]", 400, "The body is not a JSON object."),
    ("POST", "/portal/switch", "{}", 400, "The member 'name' is missing."),
    ("POST", "/portal/switch", '{"name": "away", "on": true}', 400, "The member 'name' is wrong"),
    ("POST", "/portal/speed", '{"takes": true}', 400, "The member 'takes' is wrong"),
    ("POST", "/portal/speed", '{"takes": 0}', 400, "The member 'takes' is wrong"),
    ("POST", "/portal/profile", '{"name": "windows"}', 422, "There is no profile windows"),
    ("POST", "/portal/repair", '{"colour": "red"}', 400, "There is no member 'colour' here."),
    ("POST", "/bot/kill", "{}", 409, "The bot is not running."),
    (
        "POST",
        "/slack/command",
        '{"user": "U0NOBODY", "channel": "C0RESTORES"}',
        404,
        "nobody with the id U0NOBODY",
    ),
    ("POST", "/slack/command", '{"channel": "C0RESTORES"}', 400, "The member 'user' is missing."),
    (
        "POST",
        "/slack/say",
        '{"user": "U0BOB", "channel": "C0RESTORES", "text": " "}',
        422,
        "nothing in this message",
    ),
]


async def test_each_bad_request_gets_a_status_and_a_sentence(page: httpx.AsyncClient) -> None:
    for method, path, body, status, sentence in BAD:
        headers = {"Content-Type": "application/json"} if body else {}
        answer = await page.request(method, path, content=body, headers=headers)
        assert answer.status_code == status, (method, path, body)
        assert sentence in answer.json()["error"]
        assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


async def test_each_button_of_the_drawer_is_taken(page: httpx.AsyncClient) -> None:
    drawer = (STATIC / "index.html").read_text(encoding="utf-8")
    buttons = re.findall(r'data-post="(/(?:portal|slack)/[^"]+)"', drawer)
    assert len(buttons) == 6
    for path in buttons:
        answer = await page.post(path, json={})
        assert answer.status_code == 200, (path, answer.text)


async def test_each_switch_and_profile_of_the_drawer_is_taken(page: httpx.AsyncClient) -> None:
    drawer = (STATIC / "index.html").read_text(encoding="utf-8")
    switches = re.findall(r'data-switch="([^"]+)"', drawer)
    for name, on in product(switches, (True, False)):
        answer = await page.post("/portal/switch", json={"name": name, "on": on})
        assert answer.status_code == 200, (name, answer.text)
    profiles = drawer.partition('<select id="profile">')[2].partition("</select>")[0]
    offered = re.findall(r'value="([^"]+)"', profiles)
    assert offered == list(PROFILES)
    for name in reversed(offered):
        answer = await page.post("/portal/profile", json={"name": name})
        assert answer.status_code == 200, (name, answer.text)


async def test_a_page_of_another_site_can_do_nothing_here(page: httpx.AsyncClient) -> None:
    answer = await page.post("/bot/start", content="{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]) == (415, "Send JSON, as application/json.")
    assert (await page.get("/", headers={"Host": "evil.example"})).status_code == 400


async def test_the_page_comes_with_a_policy_that_loads_nothing_from_elsewhere(
    page: httpx.AsyncClient,
) -> None:
    answer = await page.get("/")
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert "://" not in answer.text


async def test_a_stream_begins_with_what_there_is_and_holds_no_secret(
    page: httpx.AsyncClient,
) -> None:
    async with asyncio.timeout(10), page.stream("GET", "/stream?as=carol") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                break
    snapshot = json.loads(line.removeprefix("data: "))
    assert snapshot["you"] == "U0CAROL"
    assert snapshot["bot"] == {"runs": False, "connected": False}
    assert snapshot["portal"]["history"]
    assert not any(secret in line for secret in ("sk-", "xoxb-", "xapp-"))
