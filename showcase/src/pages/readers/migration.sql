CREATE TABLE IF NOT EXISTS readers_articles (
    id INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    teaser TEXT NOT NULL,
    body TEXT NOT NULL,
    -- Grows with every like and comment: of two figures it tells which is newer.
    version INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS readers_comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    article_id INTEGER NOT NULL REFERENCES readers_articles (id),
    author TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 500),
    -- Names the form: sent twice, because an answer was lost, it is still one comment.
    draft TEXT NOT NULL,
    written_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (author, draft)
);
-- The newest 10,000 are kept, so that nobody fills the database.
CREATE TRIGGER IF NOT EXISTS readers_comments_bound AFTER INSERT ON readers_comments BEGIN
    DELETE FROM readers_comments WHERE id <= NEW.id - 10000;
END;
CREATE INDEX IF NOT EXISTS readers_comments_by_article ON readers_comments (article_id, id);

-- The primary key is the rule: one like per person and article. Who takes a like back keeps the row, so that the author is
-- not notified again and again.
CREATE TABLE IF NOT EXISTS readers_likes (
    article_id INTEGER NOT NULL REFERENCES readers_articles (id),
    person TEXT NOT NULL,
    likes INTEGER NOT NULL,
    PRIMARY KEY (article_id, person)
) WITHOUT ROWID;

-- The numbers of readers that the list was told last: one row.
CREATE TABLE IF NOT EXISTS readers_told (id INTEGER PRIMARY KEY CHECK (id = 1), readers TEXT NOT NULL);
INSERT OR IGNORE INTO readers_told VALUES (1, '');

CREATE VIEW IF NOT EXISTS readers_overview AS
    SELECT readers_articles.*, readers_articles.id AS article, users.name AS author,
        (SELECT count(*) FROM readers_likes WHERE article_id = readers_articles.id AND likes) AS likes,
        (SELECT count(*) FROM readers_comments WHERE article_id = readers_articles.id) AS comments
    FROM readers_articles JOIN users ON users.id = author_id;

INSERT OR IGNORE INTO readers_articles (id, author_id, title, teaser, body) VALUES
    (1, 1, 'The laptop lid is the real test', 'Anybody can push an event to a page that listens. The hard part is the page that was asleep.',
'Close a laptop in the middle of a conversation and open it an hour later. The page is still there, with the last message that it heard. The socket is dead, but nobody has told it: there was no goodbye, only silence.

Sooner or later the client notices, dials again and subscribes again. From then on everything works as before, and that is the trap. The messages of the hour in between went to whoever was listening. The page shows one from nine o’clock, then one from ten, and looks complete.

No server can mend this alone by keeping a buffer. A buffer has an end, and someone’s train has a longer tunnel. What helps is to decide where the truth lives. If it lives in the database, then the channel has a humbler task: it says that something has changed, and mostly it is kind enough to say what.

So a page does two things each time it is subscribed, the first time and every other time. It asks for what came after the last thing it has. And it puts what it gets in by its number, so that a message that arrives on both ways appears once.

There is one order that matters: subscribe first, then ask. Done the other way round there is a gap between the answer and the subscription, a few milliseconds wide, and one message in ten thousand falls into it. It will be the important one.'),
    (2, 2, 'Counting people, not sockets', 'One reader has three tabs, another one left without a word. How many are there?',
'“Three people are reading this.” It looks like the easiest number on the page. Add one when somebody comes, take one away when somebody goes.

Then Ada opens the article in a second tab. She is still one person, so what comes and goes must be people, and a tab is only a hint. The number goes up with the first tab of a person and down with the last one, and somebody has to know which one is the last, even if the tabs are connected to two different machines.

Then a browser crashes. A tab that is closed says goodbye; a tab that crashes does not, nor does a phone that falls into a lake. If the operating system closes the socket the server sees it at once. Otherwise only silence tells, and a ping that nobody answers.

Then the server is restarted. Everybody leaves and nobody says so, and everybody comes back. Whoever counts in a table of their own now has every reader twice.

The way out is not to count at all. The server holds the connections; it is the only one that knows who is there at this moment, so ask it. Its hooks are a good reason to ask: somebody came, somebody left, look again. And since a hook can be lost like any message, look again now and then without a reason.

Guests are people, too. They have no account, but they have a cookie, and a random number in it is enough to tell two tabs from two readers.'),
    (3, 3, 'Send what is, not what happened', 'An event that may come twice, late or not at all should still leave the page right.',
'Suppose a page hears “one more vote” and adds one. It is right as long as each event arrives exactly once and in order. The first time one is lost the page is wrong, and it stays wrong until somebody reloads it. The first time one is doubled it is wrong in the other direction.

Now suppose that the page hears “there are 42 votes, and this is version 42”. A lost event is repaired by the next one. A doubled event changes nothing. A late one carries an older version and is ignored. The same bytes on the wire, and a whole class of faults is gone.

There is a price: the sender has to look at the state before it speaks, and the state has to be small enough to be sent. For a score, a status, a result or a price it always is. For a long document it is not, and there you need the real machinery of operations that commute. Most features are not documents.

One more thing comes for free. If events carry the state, the sender may leave some of them out. When a hundred votes arrive within a second, five messages tell the story as well as a hundred, and the thousandth viewer gets them in time.

I once asked whether a machine can think. It is enough if it does not have to remember what it has been told.'),
    (4, 6, 'After the commit', 'Told too early, an event speaks of rows that nobody can read. Told too late, of nothing at all.',
'An order is paid. The handler writes a row, broadcasts “paid”, then updates the stock, and there it fails. The transaction is rolled back. The customer’s screen says “paid” all the same, and nothing in the database agrees.

So the event must wait for the commit. It sounds like a detail, but it is easy to get wrong in both directions. Sent before the commit, a fast browser asks for the order and is told that there is none. Sent after it, by a line of code that follows, it is lost when the process dies between the two.

During the landings we had a rule: when there is more to do than time, drop what can be done again and keep what can’t. An event can be done again, if it was written down. Where losing it is unacceptable it is a row in the same transaction as the order, and somebody sends it later, perhaps twice.

Where a reload would do, memory is fine: note the event, commit, send. What must never happen is the third way, that an event is sent for something that did not take place. People forgive a page that is a second late. They don’t forgive one that says “delivered” when the shelf is empty.');

INSERT OR IGNORE INTO readers_comments (article_id, author, name, text, draft) VALUES
    (1, '2', 'Grace Hopper', 'Subscribe first, then ask. I have that on a note at my monitor.', 'seed-1'),
    (2, '5', 'Linus Åkesson', 'My phone did fall into a lake. I was still “online” for a minute.', 'seed-2');
