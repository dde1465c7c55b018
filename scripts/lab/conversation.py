"""The conversation of `scripts/try`: Bob has any Matrix client, Alice any mail program. Each step is checked."""

from lab.lab import MAIL_DOMAIN, Lab, puppet_of
from lab.matrix import Chat, Room
from lab.processes import Failed
from lab.relay import Caught
from lab.samples import document, picture
from lab.screen import Screen

ALICE = "alice@example.org"
PUPPET = puppet_of(ALICE)
FIRST = "Hello Alice, this is Bob. Are you in town this weekend?"
FORMATTED = "There is the lake, and the old mill. I would love to see both."
FORMATTED_HTML = "There is <strong>the lake</strong>, and <em>the old mill</em>. I would love to see both."
# How plain text has always marked strong and emphasised words.
FORMATTED_PLAIN = "There is *the lake*, and _the old mill_. I would love to see both."
ANSWER = "What a sky! Yes, I am here until Sunday.\nThe timetable is attached."
BACK = "Perfect, then the 10:12 on Saturday."
SUBJECT = "Concert on Saturday"
OPENING = "Dear Bob,\nI have two tickets for Saturday evening. Would you like to come?"
ACCEPT = "Gladly! When does it begin?"


class Conversation:
    """One run through it; raises `Failed` at the first thing that is not seen."""

    def __init__(self, lab: Lab, screen: Screen):
        self._lab = lab
        self._screen = screen
        self._program = lab.mail_program("Alice Example", ALICE)
        self.bob: Chat
        self.password = ""

    def play(self) -> None:
        """All of it, in order."""
        self.bob, self.password = self._lab.person("bob", "Bob", self._screen.event)
        room = self._bob_opens_a_chat()
        first = self._mail_leaves()
        answered = self._alice_answers(first, room)
        self._bob_goes_on(room, first, answered)
        second, opening = self._alice_opens_a_chat()
        self._bob_accepts(second, opening)
        self._puppet_knows_its_chats([room.id, second.id])

    def _check(self, holds: object, what: str) -> None:
        if not holds:
            raise Failed(f"this does not hold: {what}")
        self._screen.seen(what)

    def _mails(self, count: int) -> list[Caught]:
        """Waits until the relay holds this many emails for Alice."""
        waiting = f"{count} email(s) for {ALICE} at the relay"
        return self._lab.until(lambda: (mails := self._lab.relay.to(ALICE))[count - 1 :] and mails, waiting)

    def _message(self, room: Room, saying: str) -> dict:
        """Waits for a message of Alice's puppet with this text in it."""

        def see() -> list[dict]:
            return [event for event in room.messages(PUPPET) if saying in event["content"].get("body", "")]

        return self._lab.until(see, f"a message of {PUPPET} with {saying!r}")[0]

    def _bob_opens_a_chat(self) -> Room:
        self._screen.say(f"Bob starts a direct chat with {ALICE} in his client, and writes at once.")
        client = self.bob.client
        room_id = client.create_room(preset="trusted_private_chat", is_direct=True, invite=[PUPPET])
        client.text(room_id, FIRST)
        room = self._lab.until(lambda: self.bob.rooms.get(room_id), "the new room in Bob's sync")
        joined = lambda: room.content("m.room.member", PUPPET).get("membership") == "join"  # noqa: E731
        self._lab.until(joined, "the puppet joining")
        self._check(True, "the puppet joined by itself")
        client.text(room_id, FORMATTED, FORMATTED_HTML)
        sky = picture()
        uri = client.upload(sky.data, sky.name, sky.type)
        info = {"mimetype": sky.type, "size": len(sky.data), "w": 240, "h": 160}
        client.send(room_id, {"msgtype": "m.image", "body": sky.name, "url": uri, "info": info})
        return room

    def _mail_leaves(self) -> list[Caught]:
        """What Bob wrote arrives as email: one, or more when the machine was slow."""

        def complete() -> list[Caught]:
            mails = self._lab.relay.to(ALICE)
            return mails if any(mail.attachments() for mail in mails) else []

        mails = self._lab.until(complete, f"an email with Bob's picture for {ALICE}")
        first, text = mails[0], "\n".join(mail.body("plain") for mail in mails)
        html = "\n".join(mail.body("html") for mail in mails)
        files = [file for mail in mails for file in mail.attachments()]
        self._check(FIRST in text, "the first message, written before the puppet joined, is in the email")
        self._check(FORMATTED_PLAIN in " ".join(text.split()), "so is the text with formatting, as plain text")
        self._check("<strong>the lake</strong>" in html and "<em>the old mill</em>" in html, "and as HTML")
        sky = picture()
        self._check(
            [(file.name, file.type, file.data) for file in files] == [(sky.name, sky.type, sky.data)],
            "the picture is attached, under its name, byte for byte",
        )
        self._check(f"bob@{MAIL_DOMAIN}" in first.header("From"), f"it comes from bob@{MAIL_DOMAIN}")
        self._check("<bob+" in first.header("Reply-To") or first.header("Reply-To").startswith("bob+"), "answers go to an address of this thread")
        self._check(first.header("Message-ID") and not first.header("In-Reply-To"), "it begins a thread")
        return mails

    def _alice_answers(self, mails: list[Caught], room: Room) -> str:
        self._screen.say("Alice answers above a quotation, with an attachment, from her mail program.")
        timetable = document("Saturday: 10:12, 11:12, 13:12")
        answer = self._program.answer(mails[-1], ANSWER, (timetable,))
        self._program.send(answer)
        event = self._message(room, "What a sky!")
        content = event["content"]
        self._check("until Sunday." in content["body"] and "timetable is attached" in content["body"], "her whole answer is in the chat, as Alice")
        shown = content["body"] + content.get("formatted_body", "")
        self._check("old mill" not in shown and "wrote:" not in shown, "the quotation is not")
        self._check("Example Limited" not in shown, "nor is her signature")
        # The homeserver takes a changed profile into the rooms in its own time, beside the message, and a
        # sync then shows either; its room state is what counts in the end.
        name = lambda: self.bob.client.member(room.id, PUPPET).get("displayname", "")  # noqa: E731
        self._lab.until(lambda: "Alice Example" in name(), "the puppet named Alice Example in the room")
        self._check(True, f"her name is shown: {name()}")

        def file() -> list[dict]:
            return [event for event in room.messages(PUPPET) if "url" in event["content"]]

        content = self._lab.until(file, "Alice's attachment in the chat")[0]["content"]
        data, kind = self.bob.client.download(content["url"])
        self._check(
            (data, kind, content.get("filename", content["body"])) == (timetable.data, timetable.type, timetable.name),
            "her attachment can be downloaded, with its name and type, byte for byte",
        )
        return str(answer["Message-ID"])

    def _bob_goes_on(self, room: Room, mails: list[Caught], answered: str) -> None:
        self._screen.say("Bob goes on in the chat.")
        self.bob.client.text(room.id, BACK)
        mail = self._mails(len(mails) + 1)[-1]
        self._check(BACK in mail.body("plain"), "it leaves as the next email")
        self._check(mail.header("In-Reply-To") == answered, "which answers Alice's")
        references = mail.references()
        chain = [mails[0].header("Message-ID"), answered]
        self._check([known for known in references if known in chain] == chain, "and refers to the whole thread, in order")
        subject = mails[0].header("Subject").removeprefix("Re: ")
        self._check(mail.header("Subject") == f"Re: {subject}", "under the same subject")

    def _alice_opens_a_chat(self) -> tuple[Room, str]:
        self._screen.say("Alice writes a new email to Bob, which answers none.")
        message = self._program.write(f"bob@{MAIL_DOMAIN}", SUBJECT, OPENING)
        self._program.send(message)
        room = self._lab.until(self.bob.invites, "an invitation for Bob")[0]
        invite = room.state[("m.room.member", self.bob.client.user)]
        self._check(invite["sender"] == PUPPET and invite["content"].get("is_direct") is True, "Alice's puppet invites Bob to a second direct chat")
        self._check(room.content("m.room.name").get("name") == SUBJECT, "it is named by the subject")
        self.bob.client.act(room.id, "join")
        event = self._message(room, "two tickets")
        self._check(event["content"]["body"].startswith("Dear Bob,"), "her email is in it")
        return room, str(message["Message-ID"])

    def _bob_accepts(self, room: Room, opening: str) -> None:
        before = len(self._lab.relay.to(ALICE))
        self.bob.client.text(room.id, ACCEPT)
        mail = self._mails(before + 1)[-1]
        self._check(ACCEPT in mail.body("plain") and mail.header("In-Reply-To") == opening, "Bob's answer answers it")
        self._check(mail.header("Subject") == f"Re: {SUBJECT}", f"under its subject: {mail.header('Subject')}")

    def _puppet_knows_its_chats(self, rooms: list[str]) -> None:
        puppet = self._lab.puppet(ALICE)

        def both() -> bool:
            return set(rooms) <= set(puppet.account_data("m.direct").get(self.bob.client.user, []))

        self._lab.until(both, "both chats in the puppet's m.direct")
        self._check(True, "the puppet has recorded both as direct chats with Bob")
