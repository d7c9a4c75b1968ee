"""Stories for ``restorebot demo --script``: played as people would, printed as they happen."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.markup import escape

from restorebot.sandbox.programs import NotStarted
from restorebot.sandbox.stage import ALICE, BOB, CAROL, ERIN, Stage, StoryBroken, stage

SPEED = 2.0
"""Portal seconds per real second: a restore of 20 s takes 10."""


async def happy(stage: Stage) -> None:
    """Ask, approve, and see the restore completed."""
    await stage.ask()
    await stage.click(BOB, "approve")
    await stage.until(lambda: stage.said("has been restored"), "the restore completes")
    await stage.until(lambda: stage.said("dead, as it must be"), "the look afterwards")
    await stage.until(lambda: stage.said("completed", "edit"), "the card says completed")
    _expect(await stage.started() == 1, "the portal is asked once")


async def denied(stage: Stage) -> None:
    """Ask, and deny with a reason."""
    await stage.ask()
    await stage.click(BOB, "deny")
    await stage.until(lambda: stage.count("view_opened") > 1, "the modal asks why not")
    view = (await stage.slack(f"views?user={BOB}", "GET"))["views"][-1]
    stage.tell("bob", "gives the reason “not before the nightly backup”, submits")
    await stage.slack(
        "submit", user=BOB, view_id=view["id"], values={"reason": "not before the nightly backup"}
    )
    await stage.until(lambda: stage.said("Denied by"), "the thread says who denied")
    await stage.until(lambda: stage.said("denied", "edit"), "the card says denied")
    _expect(await stage.started() == 0, "the portal is asked nothing")


async def failed(stage: Stage) -> None:
    """Restore a broken archive."""
    stage.tell("portal", "its archive is broken; nobody knows yet")
    await stage.portal("faults", "PATCH", archive_broken=True)
    await stage.ask()
    await stage.click(BOB, "approve")
    await stage.until(
        lambda: stage.said("The backup file is invalid."), "the thread has the portal's own words"
    )
    await stage.until(lambda: stage.said("failed", "edit"), "the card says failed")
    _expect(await stage.started() == 1, "the portal is asked once")
    _expect(not stage.said("has been restored"), "nothing is called restored")


async def restart(stage: Stage) -> None:
    """Kill the bot in the middle of a restore and start it again."""
    await stage.ask()
    await stage.click(BOB, "approve")
    await stage.until(lambda: stage.said("locked and the data is going in"), "the data goes in")
    if stage.programs.bot:
        stage.tell("somebody", "kills the bot (SIGKILL)")
        await stage.programs.bot.kill()
    stage.tell("somebody", "starts the bot again")
    await stage.start_bot()
    await stage.until(lambda: stage.said("has been restored"), "the restore is watched to its end")
    await stage.until(lambda: stage.said("dead, as it must be"), "the look afterwards")
    await stage.until(lambda: stage.said("completed", "edit"), "the card says completed")
    _expect(await stage.started() == 1, "the portal is asked once, however often the bot starts")


async def quorum(stage: Stage) -> None:
    """Approve twice where two approvals are needed."""
    await stage.ask()
    await stage.click(BOB, "approve")
    await stage.until(
        lambda: stage.said("Approved so far by", "edit"), "the card says who said yes so far"
    )
    _expect(await stage.started() == 0, "one yes is not enough")
    await stage.click(ERIN, "approve")
    await stage.until(
        lambda: stage.said("has been restored"), "the restore completes after the second yes"
    )
    _expect(await stage.started() == 1, "the portal is asked once")


async def break_glass(stage: Stage) -> None:
    """Start a restore alone."""
    await stage.ask(CAROL, alone=["alone"], alone_phrase="restore acme without approval")
    await stage.until(
        lambda: stage.said("starts a restore of `acme` alone"), "the channel is told loudly"
    )
    await stage.until(lambda: stage.said("has been restored"), "the restore completes")
    await stage.until(lambda: stage.said("by nobody"), "the thread says that nobody approved")


async def void(stage: Stage) -> None:
    """Change the backup after the approval."""
    await stage.ask(starts=_soon())
    await stage.click(BOB, "approve")
    await stage.until(lambda: stage.said("It starts", "edit"), "the card says when it starts")
    backup = await stage.newest()
    stage.tell("portal", f"its backup {backup['fileName']} is written anew; nobody knows yet")
    await stage.portal(
        "backups",
        "POST",
        id=backup["id"],
        createdOn=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    await stage.until(
        lambda: stage.said("The backup has changed since"), "the thread says why it is void"
    )
    await stage.until(lambda: stage.said("void", "edit"), "the card says void")
    _expect(await stage.started() == 0, "the portal is asked nothing")


async def safety_backup(stage: Stage) -> None:
    """Make a backup before the restore."""
    await stage.ask()
    await stage.click(BOB, "approve")
    await stage.until(lambda: stage.said("makes a safety backup first"), "the backup is begun")
    _expect(await stage.started() == 0, "nothing is restored before the backup is made")
    await stage.until(lambda: stage.said("The safety backup is made"), "the thread has its name")
    await stage.until(
        lambda: stage.said("the safety backup acme"), "the restore completes and says the way back"
    )
    _expect(await stage.started() == 1, "the portal is asked once")


async def planned(stage: Stage) -> None:
    """Plan a restore for later."""
    starts = _soon()
    await stage.ask(starts=starts)
    await stage.click(BOB, "approve")
    await stage.until(lambda: stage.said("It starts", "edit"), "the card says when it starts")
    _expect(await stage.started() == 0, "nothing starts before its time")
    await stage.until(
        lambda: stage.said("has been restored"), "the restore starts by itself and completes"
    )
    _expect(datetime.now(UTC) > starts, "it did not start before its time")
    _expect(await stage.started() == 1, "the portal is asked once")


async def dead_key(stage: Stage) -> None:
    """Store a new API key after a restore has killed the old one."""
    await happy(stage)
    await stage.type(ALICE, "list")
    await stage.until(
        lambda: stage.said("make a new one", "private"), "/restore says that a new key is needed"
    )
    stage.tell("somebody", "makes a new API key in DocSpace")
    key = (await stage.portal("keys", "POST"))["key"]
    said = await stage.command("key", "set", given=key)
    _expect(key not in said, "the key is not shown")
    await stage.type(ALICE, "list")
    await stage.until(
        lambda: stage.said("backups of", "private"), "the bot uses the new key at once"
    )


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=6)


STORIES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "happy": happy,
    "denied": denied,
    "failed": failed,
    "restart": restart,
    "quorum": quorum,
    "break-glass": break_glass,
    "void": void,
    "safety-backup": safety_backup,
    "planned": planned,
    "dead-key": dead_key,
}

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "quorum": {"RESTOREBOT_APPROVERS": f"{BOB},{ERIN}", "RESTOREBOT_APPROVALS_NEEDED": "2"},
    "break-glass": {"RESTOREBOT_BREAK_GLASS": CAROL},
    "safety-backup": {
        "RESTOREBOT_SAFETY_BACKUP": (
            '{"storageType": 5, "module": "s3", "bucket": "acme", "region": "eu-west-1"}'
        )
    },
    "dead-key": {"RESTOREBOT_ENCRYPTION_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode()},
}
"""What a story needs beside the usual settings."""


async def play(name: str, speed: float = SPEED) -> int:
    """Play a story, and return 0 if it ended as it should, else 1."""
    console = Console(soft_wrap=True)
    console.rule(f"restorebot demo: {name}")
    try:
        async with stage(console, speed, SETTINGS.get(name, {})) as set_stage:
            try:
                await STORIES[name](set_stage)
            except StoryBroken as error:
                console.print(f"[bold red]The story broke:[/] {escape(str(error))}")
                console.print(set_stage.programs.log[-3000:], style="dim", markup=False)
                return 1
    except (StoryBroken, NotStarted) as error:
        console.print(f"[bold red]The stage could not be set:[/] {escape(str(error))}")
        return 1
    console.rule("[green]the story ended as it should")
    return 0


def _expect(met: bool, what: str) -> None:
    if not met:
        raise StoryBroken(f"not so: {what}")
