"""Addresses with letters outside ASCII (RFC 6531), through a real Postfix."""

from behind import Behind
from lab.lab import puppet_of


class OutsideAscii(Behind):
    def setUp(self):
        super().setUp()
        # The domain leaves as `xn--bcher-kva.example`: it needs no consent of any server.
        self.program.address = self.alice.replace("alice", "jürgen").replace("example.org", "bücher.example")
        self.alice = self.program.address.replace("bücher", "xn--bcher-kva")
        self.puppet = puppet_of(self.alice)
        self.addCleanup(self.lab.relay.offer_utf8, True)

    def test_a_conversation_passes_through_both_ways(self):
        room = self.open_chat()
        first = self.say(room, "Grüezi")
        self.program.send(self.program.answer(first, "Grüezi zurück"))
        self.heard(room, "Grüezi zurück")
        second = self.say(room, "Bis dann")
        self.assertIn(self.alice, second.header("To"))
        self.assertEqual(second.references()[0], first.header("Message-ID"))

    def test_a_server_behind_postfix_that_does_not_take_them_is_told_of(self):
        self.lab.relay.offer_utf8(False)
        room = self.open_chat()
        event = self.client.text(room.id, "Do you get this?")
        notice = self.heard(room, "letters outside ASCII")["content"]
        self.assertEqual(notice["m.relates_to"]["m.in_reply_to"]["event_id"], event)
