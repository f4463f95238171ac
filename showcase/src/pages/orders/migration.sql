CREATE TABLE IF NOT EXISTS orders_products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    cents INTEGER NOT NULL CHECK (cents > 0)
);

CREATE TABLE IF NOT EXISTS orders_orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    -- As they were when it was ordered.
    product TEXT NOT NULL,
    cents_each INTEGER NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 10),
    note TEXT NOT NULL CHECK (length(note) <= 140),
    status TEXT NOT NULL DEFAULT 'processing' CHECK (status IN ('processing', 'shipped', 'in-transit', 'delivered')),
    -- Grows by one with each change: of two states the one with the higher version is newer, and who changes an order
    -- says which version it was that he saw.
    version INTEGER NOT NULL DEFAULT 1,
    -- Names the form: sent twice, because an answer was lost, it is still one order.
    draft TEXT NOT NULL,
    UNIQUE (user_id, draft)
);

-- How an order came to where it is.
CREATE TABLE IF NOT EXISTS orders_steps (
    order_id INTEGER NOT NULL REFERENCES orders_orders (id),
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (order_id, version)
) WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS orders_listed AS
SELECT it.id, it.user_id, users.name AS customer, product, quantity, quantity * cents_each AS cents, note, status, version,
    (SELECT json_group_array(json_object('status', step.status, 'by_id', step.user_id, 'by', staff.name, 'at', step.at) ORDER BY step.version)
     FROM orders_steps step JOIN users staff ON staff.id = step.user_id WHERE step.order_id = it.id) AS steps
FROM orders_orders it JOIN users ON users.id = it.user_id;

INSERT OR IGNORE INTO orders_products VALUES
    (1, 'Box of punched cards', 450),
    (2, 'Slide rule', 1990),
    (3, 'Core memory, one kilobyte', 8900),
    (4, 'Logbook with moth', 1250);
INSERT OR IGNORE INTO orders_orders (id, user_id, product, cents_each, quantity, note, status, version, draft) VALUES
    (1, 1, 'Box of punched cards', 450, 2, 'For the analytical engine.', 'shipped', 2, 'seed'),
    (2, 3, 'Slide rule', 1990, 1, '', 'processing', 1, 'seed');
INSERT OR IGNORE INTO orders_steps (order_id, version, status, user_id) VALUES
    (1, 1, 'processing', 1), (1, 2, 'shipped', 2), (2, 1, 'processing', 3);
