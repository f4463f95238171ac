-- The people that a visitor can choose to be. Pages have tables of their own, in their migration.sql.
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('customer', 'staff')),
    about TEXT NOT NULL
);
INSERT OR IGNORE INTO users VALUES
    (1, 'Ada Lovelace', 'customer', 'Writes the first program'),
    (2, 'Grace Hopper', 'staff', 'Ships compilers and orders'),
    (3, 'Alan Turing', 'customer', 'Asks whether machines think'),
    (4, 'Katherine Johnson', 'customer', 'Computes the way to the moon'),
    (5, 'Linus Åkesson', 'customer', 'Plays the chipophone'),
    (6, 'Margaret Hamilton', 'staff', 'Keeps the software of Apollo running');

-- What the application remembers between two starts, such as the key of its cookies.
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL);
