"""Restarts and outages of either side: nothing lost, nothing twice."""

from lab.scenario import Scenario, new_lab


class Restarts(Scenario):
    def test_a_restarted_homeserver_begins_its_transaction_numbers_again(self):
        room = self.open_chat()
        self.say(room, "Before the restart")
        self.lab.synapse.service.stop()
        self.lab.synapse.start()
        for number in range(5):
            mail = self.say(room, f"After the restart, {number}")
        self.answer(mail, "All here")
        self.heard(room, "All here")
        self.sole("Before the restart")
        for number in range(5):
            self.sole(f"After the restart, {number}")

    def test_what_is_written_while_penpal_is_down_arrives_after_its_start(self):
        room = self.open_chat()
        mail = self.say(room, "Before the outage")
        self.lab.penpal.service.stop()
        self.client.text(room.id, "Written during the outage")
        self.lab.penpal.start()
        # At its start Penpal pings itself through the homeserver, which ends the homeserver's waiting.
        self.mail_with("Written during the outage")
        self.answer(mail, "Back again")
        self.heard(room, "Back again")
        self.sole("Before the outage")
        self.sole("Written during the outage")

    def test_mail_that_comes_while_the_homeserver_is_down_arrives_after_its_start(self):
        room = self.open_chat()
        mail = self.say(room, "Are you there?")
        self.lab.synapse.service.stop()
        self.answer(mail, "I am, are you?")
        self.lab.synapse.start()
        self.heard(room, "I am, are you?", 60)
        self.assertEqual(len([e for e in room.messages(self.puppet) if "are you?" in e["content"]["body"]]), 1)


class HomeserverLast(Scenario):
    def make_lab(self):
        lab = new_lab()
        self.addCleanup(lab.stop)
        lab.prepare()
        lab.relay.start()
        lab.penpal.start()
        lab.synapse.start()
        return lab

    def test_penpal_waits_for_a_homeserver_that_starts_later(self):
        self.say(self.open_chat(), "Better late than never")
