"""Files both ways, over SMTP and over LMTP."""

from lab.samples import document, picture
from lab.scenario import Scenario


class Attachments(Scenario):
    def test_files_keep_name_type_and_bytes_both_ways(self):
        room = self.open_chat()
        sky = picture()
        uri = self.client.upload(sky.data, sky.name, sky.type)
        self.client.send(room.id, {"msgtype": "m.file", "body": "the sky, with a caption", "filename": sky.name, "url": uri})
        mail = self.mail_with("the sky, with a caption")
        self.assertEqual([(file.name, file.type, file.data) for file in mail.attachments()], [(sky.name, sky.type, sky.data)])
        paper = document("Received over LMTP")
        over_lmtp = self.lab.mail_program("Alice Example", self.alice, lmtp=True)
        over_lmtp.send(over_lmtp.answer(mail, "Two files for you", (paper, sky)))
        self.heard(room, "Two files for you")
        files = lambda: [event["content"] for event in room.messages(self.puppet) if "url" in event["content"]]  # noqa: E731
        self.lab.until(lambda: len(files()) == 2, "two files in the chat")
        for content, sent in zip(files(), (paper, sky), strict=True):
            self.assertEqual(self.client.download(content["url"]), (sent.data, sent.type))
            self.assertEqual((content["info"]["size"], content["info"]["mimetype"]), (len(sent.data), sent.type))
        self.assertEqual([content["msgtype"] for content in files()], ["m.file", "m.image"])
