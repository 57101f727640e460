-- Rows of a loaded file that left quarantine to be judged again are a record of their own.
ALTER TABLE files ADD COLUMN replayed INTEGER NOT NULL DEFAULT 0;
-- How a file's shape differed from the contract: JSON, a list of words.
ALTER TABLE files ADD COLUMN schema_changes TEXT;
