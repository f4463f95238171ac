"""Python's `pusher` publishes, `pysher` receives: both unmodified."""

import json
import queue
import unittest

import pusher
import pysher

from server import APP_ID, DEADLINE_SECONDS, KEY, SECRET, Server


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        cls.publisher = pusher.Pusher(
            app_id=APP_ID, key=KEY, secret=SECRET, ssl=False, host="127.0.0.1", port=cls.server.port
        )

    def test_pysher_receives_what_pusher_triggers(self):
        news = self.subscribe("news", "headline")
        self.assertEqual(self.publisher.trigger("news", "headline", {"title": "It works", "n": 1.0}), {})
        self.assertEqual(json.loads(news.get(timeout=DEADLINE_SECONDS)), {"title": "It works", "n": 1.0})

    def test_text_that_is_not_ascii_arrives_intact(self):
        news = self.subscribe("texts", "text")
        text = "Zoë 😀 \u2028 שלום 𝒳 \\ \" /"
        self.publisher.trigger("texts", "text", text)
        self.assertEqual(news.get(timeout=DEADLINE_SECONDS), text)

    def test_a_batch_arrives_in_order(self):
        news = self.subscribe("batch", "step")
        batch = [{"channel": "batch", "name": "step", "data": {"n": n}} for n in range(10)]
        self.assertEqual(self.publisher.trigger_batch(batch), {})
        received = [json.loads(news.get(timeout=DEADLINE_SECONDS))["n"] for _ in range(10)]
        self.assertEqual(received, list(range(10)))

    def test_the_sender_is_left_out_by_its_socket_id(self):
        sender = self.connect()
        mine = self.listen(sender, "others", "said")
        fence = self.bind(sender.channels["others"], "fence")
        theirs = self.subscribe("others", "said")
        self.publisher.trigger("others", "said", {}, sender.connection.socket_id)
        self.publisher.trigger("others", "fence", {})
        fence.get(timeout=DEADLINE_SECONDS)
        theirs.get(timeout=DEADLINE_SECONDS)
        self.assertTrue(mine.empty())

    def test_pysher_signs_for_a_private_channel(self):
        orders = self.subscribe("private-orders.7", "App\\Events\\OrderShipped")
        self.publisher.trigger("private-orders.7", "App\\Events\\OrderShipped", {"id": 7})
        self.assertEqual(json.loads(orders.get(timeout=DEADLINE_SECONDS)), {"id": 7})

    def test_pusher_signs_for_pysher(self):
        client = self.connect()
        auth = self.publisher.authenticate("private-signed", client.connection.socket_id)["auth"]
        events = self.listen(client, "private-signed", "e", auth=auth)
        self.publisher.trigger("private-signed", "e", {"n": 1})
        self.assertEqual(json.loads(events.get(timeout=DEADLINE_SECONDS)), {"n": 1})

    def test_pysher_joins_a_presence_channel(self):
        one = self.connect(user_data={"user_id": "7", "user_info": {"name": "Zoë"}})
        self.listen(one, "presence-room", "e")
        added = self.bind(one.channels["presence-room"], "pusher_internal:member_added")
        two = self.connect(user_data={"user_id": "8", "user_info": {"name": "Bo"}})
        self.listen(two, "presence-room", "e")
        self.assertEqual(
            json.loads(added.get(timeout=DEADLINE_SECONDS)),
            {"user_id": "8", "user_info": {"name": "Bo"}},
        )
        users = self.publisher.users_info("presence-room")["users"]
        self.assertEqual(sorted(user["id"] for user in users), ["7", "8"])
        info = self.publisher.channel_info("presence-room", ["user_count"])
        self.assertEqual((info["occupied"], info["user_count"]), (True, 2))

    def test_client_events_reach_the_others(self):
        one, two = self.connect(), self.connect()
        mine = self.listen(one, "private-chat", "client-typing")
        theirs = self.listen(two, "private-chat", "client-typing")
        one.channels["private-chat"].trigger("client-typing", {"n": 1})
        self.assertEqual(theirs.get(timeout=DEADLINE_SECONDS), {"n": 1})
        fence = self.bind(one.channels["private-chat"], "fence")
        self.publisher.trigger("private-chat", "fence", {})
        fence.get(timeout=DEADLINE_SECONDS)
        self.assertTrue(mine.empty())

    def test_channels_are_listed(self):
        self.subscribe("listed-a", "e")
        self.subscribe("listed-b", "e")
        self.assertEqual(
            self.publisher.channels_info("listed-"), {"channels": {"listed-a": {}, "listed-b": {}}}
        )

    def test_a_wrong_secret_is_an_error(self):
        stranger = pusher.Pusher(
            app_id=APP_ID, key=KEY, secret="wrong", ssl=False, host="127.0.0.1", port=self.server.port
        )
        with self.assertRaises(pusher.errors.PusherBadAuth):
            stranger.trigger("news", "headline", {})

    def connect(self, user_data=None):
        """A connected pysher client, disconnected at the end of the test."""
        client = pysher.Pusher(
            KEY,
            secure=False,
            secret=SECRET,
            user_data=user_data,
            custom_host="127.0.0.1",
            port=self.server.port,
        )
        client.seen = queue.Queue()
        deliver = client.connection.event_handler

        # pysher has no callback for a subscription that may already be confirmed when `subscribe` returns.
        def observe(event, data, channel):
            client.seen.put((event, channel))
            deliver(event, data, channel)

        client.connection.event_handler = observe
        connected = queue.Queue()
        client.connection.bind("pusher:connection_established", connected.put)
        client.connect()
        # It is not waited for: the thread of pysher notices only later.
        self.addCleanup(client.disconnect, 0)
        connected.get(timeout=DEADLINE_SECONDS)
        self.assertRegex(client.connection.socket_id, r"^\d+\.\d+$")
        return client

    def listen(self, client, channel, event, auth=None):
        """Subscribes, waits for the answer, and returns the queue of an event's data."""
        subscribed = client.subscribe(channel, auth)
        confirmed = ("pusher_internal:subscription_succeeded", channel)
        while client.seen.get(timeout=DEADLINE_SECONDS) != confirmed:
            pass
        return self.bind(subscribed, event)

    def subscribe(self, channel, event):
        return self.listen(self.connect(), channel, event)

    def bind(self, channel, event):
        events = queue.Queue()
        channel.bind(event, events.put)
        return events


if __name__ == "__main__":
    unittest.main()
