"""Every kind of email that Penpal sends, as the events in a chat that lead to it."""

from collections.abc import Callable

from lab.matrix import Client
from lab.samples import document

PICTURE = {"mimetype": "image/png", "w": 240, "h": 160}
SENTENCE = "We saw the roses by the wall this morning, and they have come through the winter better than we had hoped."


class Chat:
    """One of Bob's chats with Alice: `first` is what he wrote in the email that has left already."""

    def __init__(self, client: Client, room: str, first: str, picture_uri: str):
        self._client = client
        self._room = room
        self.first = first
        # It has been uploaded before: what belongs into one email must not wait for that.
        self.picture_uri = picture_uri

    def send(self, content: dict, kind: str = "m.room.message") -> str:
        """Any event."""
        return self._client.send(self._room, content, kind)

    def text(self, body: str, html: str | None = None, **more: object) -> str:
        """A text, with `html` a formatted one."""
        return self._client.text(self._room, body, html, **more)

    def formatted(self, html: str) -> str:
        """A formatted text in which PICTURE stands for the address of the picture."""
        return self.text("see the formatted text", html.replace("PICTURE", self.picture_uri))

    def file(self, msgtype: str, name: str, kind: str, data: bytes, **more: object) -> str:
        """A file."""
        uri = self._client.upload(data, name, kind)
        return self.send({"msgtype": msgtype, "body": name, "url": uri, "info": {"mimetype": kind, "size": len(data)}} | more)

    def picture(self, **more: object) -> str:
        """The picture."""
        return self.send({"msgtype": "m.image", "body": "evening sky.png", "url": self.picture_uri, "info": PICTURE} | more)


def _pictures_between(chat: Chat, texts: tuple[str, ...]) -> None:
    for text in texts[:-1]:
        chat.text(text)
        chat.picture()
    chat.text(texts[-1])


def _poll(chat: Chat) -> str:
    question = "Which day suits you?"
    answers = [{"id": day, "m.text": [{"body": day}]} for day in ("Friday", "Saturday")]
    poll = {"kind": "m.disclosed", "max_selections": 1, "question": {"m.text": [{"body": question}]}, "answers": answers}
    return chat.send({"m.poll": poll, "m.text": [{"body": f"{question} Friday or Saturday"}]}, "m.poll.start")


def _poll_end(chat: Chat) -> None:
    reference = {"m.relates_to": {"rel_type": "m.reference", "event_id": _poll(chat)}}
    chat.send(reference | {"m.selections": ["Saturday"]}, "m.poll.response")
    chat.send(reference | {"m.text": [{"body": "The poll is over: Saturday"}]}, "m.poll.end")


def _edit(chat: Chat) -> None:
    new = {"msgtype": "m.text", "body": "Good morning Alice, how are your roses?"}
    chat.text(f"* {new['body']}", **{"m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": chat.first}})


def _several(chat: Chat) -> None:
    chat.text("The programme for Saturday is ready.")
    chat.text("We begin at ten, and end before it gets dark.")
    chat.send({"msgtype": "m.emote", "body": "looks for the spade"})
    paper = document("Programme")
    chat.file("m.file", paper.name, paper.type, paper.data)


def _gallery(chat: Chat) -> None:
    names = ("Monday.png", "Tuesday.png", "Wednesday.png")
    items = [{"itemtype": "m.image", "body": name, "url": chat.picture_uri, "info": PICTURE} for name in names]
    chat.send({"msgtype": "m.gallery", "body": "Three evenings", "itemtypes": items})


ALL: dict[str, Callable[[Chat], object]] = {
    "text": lambda chat: chat.text("Yes, Saturday is fine.\nI'll bring the spade."),
    "one word": lambda chat: chat.text("Yes"),
    "formatted text": lambda chat: chat.text("It is very late", "It is <strong>very</strong> <em>late</em>"),
    "blocks": lambda chat: chat.formatted(
        "<h2>Plan</h2><ol start=3><li>dig</li><li>plant</li></ol><blockquote>and water</blockquote><pre><code class=\"language-py\">"
        "grow('roses')</code></pre><table><tr><th>Day</th><th>Work</th></tr><tr><td>Friday</td><td>dig</td></tr></table>"
    ),
    "spoiler, colours and formula": lambda chat: chat.formatted(
        "The winner is <span data-mx-spoiler=\"contest\">Carol</span>. <span data-mx-color=\"#ff0000\" data-mx-bg-color=\"#ffffff\">"
        "Red</span>, and <span data-mx-maths=\"e^{i\\pi}=-1\"><code>e^{i\\pi}=-1</code></span>."
    ),
    "emote": lambda chat: chat.send({"msgtype": "m.emote", "body": "digs"}),
    "notice": lambda chat: chat.send({"msgtype": "m.notice", "body": "The watering has begun."}),
    "picture": lambda chat: chat.picture(),
    "picture with caption": lambda chat: chat.picture(filename="sky.png", body="The sky over our garden"),
    "picture between words": lambda chat: _pictures_between(chat, ("Look", "Nice")),
    "picture and a text": lambda chat: _pictures_between(chat, (SENTENCE, SENTENCE)),
    "pictures between texts": lambda chat: _pictures_between(chat, ("Look at this:", "And later:", "And in the end:", "Good night!")),
    "pictures between long texts": lambda chat: _pictures_between(chat, (4 * SENTENCE,) * 4),
    "picture within a text": lambda chat: chat.formatted("Here <img src=\"PICTURE\" alt=\"the sky\" width=\"240\"> it is."),
    "pictures alone in a text": lambda chat: chat.formatted("<img src=\"PICTURE\" alt=\"the sky\"><img src=\"PICTURE\" alt=\"again\">"),
    "Chinese with an emoticon": lambda chat: chat.formatted("你好 <img data-mx-emoticon src=\"PICTURE\" alt=\":wave:\">"),
    "emoticon of one's own": lambda chat: chat.formatted("Hi <img data-mx-emoticon src=\"PICTURE\" alt=\":wave:\" height=\"32\">"),
    "gallery": _gallery,
    "file": lambda chat: chat.file("m.file", "timetable.pdf", "application/pdf", document("Trains").data),
    "sound": lambda chat: chat.file("m.audio", "birds.ogg", "audio/ogg", b"OggS" + bytes(2000)),
    "voice message": lambda chat: chat.file(
        "m.audio", "Voice message.ogg", "audio/ogg", b"OggS" + bytes(2000), **{"org.matrix.msc3245.voice": {}}
    ),
    "video": lambda chat: chat.file("m.video", "bees.mp4", "video/mp4", b"\0\0\0\x20ftypisom" + bytes(2000)),
    "location": lambda chat: chat.send({"msgtype": "m.location", "body": "Our garden", "geo_uri": "geo:47.3769,8.5417"}),
    "sticker": lambda chat: chat.send({"body": "A wave", "url": chat.picture_uri, "info": PICTURE}, "m.sticker"),
    "poll": _poll,
    "end of a poll": _poll_end,
    "reaction": lambda chat: chat.send(
        {"m.relates_to": {"rel_type": "m.annotation", "event_id": chat.first, "key": "👍"}}, "m.reaction"
    ),
    "correction": _edit,
    "reply": lambda chat: chat.text("I did mean the roses.", **{"m.relates_to": {"m.in_reply_to": {"event_id": chat.first}}}),
    "thread": lambda chat: chat.text(
        "More about that.", **{"m.relates_to": {"rel_type": "m.thread", "event_id": chat.first}}
    ),
    "several at once": _several,
    "long": lambda chat: chat.text("\n\n".join(f"{number}. {6 * (SENTENCE + ' ')}" for number in range(50))),
    "long line": lambda chat: chat.text(" ".join(["word"] * 2000)),
    "unbroken line": lambda chat: chat.text("x" * 3000),
    "right to left": lambda chat: chat.text("שלום אליס, מה שלומך? הוורדים פורחים.\nمرحبا أليس، كيف حالك؟"),
    "Chinese": lambda chat: chat.text("你好,爱丽丝。星期六我们一起种玫瑰,好吗?请带上铁锹。"),
    "German": lambda chat: chat.text("Grüße aus Zürich – über alle Dächer. Es wäre schön, wenn du Samstag kämst!"),
    "smileys alone": lambda chat: chat.text("😀🌹🚂"),
    "link alone": lambda chat: chat.text("https://www.example.org/garden?day=saturday"),
    "formatted link": lambda chat: chat.formatted("See <a href=\"https://www.example.org/garden\">the garden's page</a>."),
    "dots and blanks": lambda chat: chat.text(".\n..\n.hidden   \n\n\ntrailing \t\n.\n\nFrom the end"),
    "shouting": lambda chat: chat.text("WHERE ARE YOU"),
    "unknown": lambda chat: chat.send({"msgtype": "org.example.unknown", "body": "Something new"}),
}
