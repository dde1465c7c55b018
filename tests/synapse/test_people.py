"""Who takes part: names, third members, strangers, and people for whom Penpal may act."""

import smtplib
import threading

from lab.lab import SERVER_NAME
from lab.scenario import Scenario, running_lab

BOT = f"@penpal:{SERVER_NAME}"


class People(Scenario):
    def rename(self, client, name):
        client.request("PUT", f"/profile/{client.user}/displayname", {"displayname": name})

    def test_the_name_of_that_moment_stands_in_from(self):
        room = self.open_chat()
        self.assertEqual(self.say(room, "As Bob").header("From"), f"Bob <{self.address}>")
        self.rename(self.client, 'Robert "Bob" Löwe, Jr.')
        renamed = lambda: room.content("m.room.member", self.client.user).get("displayname") != "Bob"  # noqa: E731
        self.lab.until(renamed, "the new name in the room")
        mail = self.say(room, "As Robert")
        sender, = mail.message["From"].addresses
        self.assertEqual((sender.display_name, sender.addr_spec), ('Robert "Bob" Löwe, Jr.', self.address))

    def test_a_third_member_speaks_in_the_same_thread_under_its_own_name(self):
        assistant, _ = self.lab.person(f"helper-{self.client.user[1:].partition(':')[0]}", "Helpful Assistant")
        room = self.open_chat()
        first = self.say(room, "Let me bring somebody")
        self.client.act(room.id, "invite", user_id=assistant.client.user)
        assistant.client.act(room.id, "join")
        assistant.client.text(room.id, "I found three trains")
        mail = self.mail_with("I found three trains")
        self.assertTrue(mail.header("From").startswith("Helpful Assistant <"))
        self.assertEqual(mail.header("In-Reply-To"), first.header("Message-ID"))
        self.assertEqual(mail.header("Reply-To").partition("+")[2], first.header("Reply-To").partition("+")[2])
        self.answer(mail, "I take the second one")
        self.heard(room, "I take the second one")

    def test_two_members_of_the_same_name_are_told_apart(self):
        other, _ = self.lab.person(f"other-{self.client.user[1:].partition(':')[0]}", "Bob")
        room = self.open_chat()
        self.client.act(room.id, "invite", user_id=other.client.user)
        other.client.act(room.id, "join")
        other.client.text(room.id, "I am another Bob")
        self.assertIn(other.client.user, self.mail_with("I am another Bob").header("From"))

    def test_a_stranger_is_refused_until_bob_lets_strangers_in(self):
        letter = self.program.write(self.address, "Hello", "You don't know me")
        with self.assertRaises(smtplib.SMTPException) as refused:
            self.program.send(letter)
        self.assertIn("does not take new conversations", str(refused.exception))
        talk = self.client.create_room(is_direct=True, invite=[BOT])
        self.await_membership(talk, BOT, "join")
        self.client.text(talk, "strangers anyone")
        room = self.room(talk)
        self.lab.until(lambda: [event for event in room.messages(BOT) if "anyone" in event["content"]["body"]], "the bot's answer")
        self.program.send(letter)
        offered = self.invitation()
        self.client.act(offered.id, "join")
        self.heard(self.room(offered.id), "You don't know me")

    def test_chats_that_begin_at_once_are_all_recorded_beside_what_others_wrote(self):
        first = self.open_chat()
        self.await_direct([first.id])
        puppet = self.lab.puppet(self.alice)
        known = puppet.account_data("m.direct") | {"@friend:elsewhere.test": ["!old:elsewhere.test"], "odd": {"kept": True}}
        puppet.request("PUT", f"/user/{puppet.user}/account_data/m.direct", known)
        rooms = [first.id]
        openers = [threading.Thread(target=lambda: rooms.append(self.open_chat().id)) for _ in range(4)]
        for opener in openers:
            opener.start()
        for opener in openers:
            opener.join()
        self.assertEqual(len(rooms), 5)
        self.await_direct(rooms)
        left = {key: value for key, value in puppet.account_data("m.direct").items() if key != self.client.user}
        self.assertEqual(left, {"@friend:elsewhere.test": ["!old:elsewhere.test"], "odd": {"kept": True}})


class DoublePuppeting(Scenario):
    def make_lab(self):
        lab = running_lab(double_puppet=True)
        self.addCleanup(lab.stop)
        return lab

    def test_bob_need_not_accept_and_his_own_list_is_kept_right(self):
        room = self.open_chat()
        self.say(room, "You can write to me now")
        mine = lambda: self.client.account_data("m.direct").get(self.puppet, [])  # noqa: E731
        self.lab.until(lambda: mine() == [room.id], "the chat in Bob's own m.direct")
        self.program.send(self.program.write(self.address, "News", "I have moved"))
        self.lab.until(lambda: len(mine()) == 2, "the second chat in Bob's own m.direct")
        second = next(known for known in mine() if known != room.id)
        self.await_membership(second, self.client.user, "join")
        self.heard(self.room(second), "I have moved")
        self.client.act(second, "leave")
        self.lab.until(lambda: mine() == [room.id], "the second chat gone from Bob's own m.direct")
