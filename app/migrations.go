package app

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations bring a database from version i to i+1. A published one is never changed.
//
// Times are Unix milliseconds. Messages form a tree: several may share a parent, as answers that were made again do.
// The chat's leaf is the last message of the branch that is shown. An answer that is streaming names its owner, the
// process at work on it. It is indexed for search when it has ended.
var migrations = []string{
	`CREATE TABLE chats (
		id      INTEGER PRIMARY KEY AUTOINCREMENT,
		title   TEXT NOT NULL DEFAULT '',
		created INTEGER NOT NULL,
		updated INTEGER NOT NULL,
		options TEXT NOT NULL DEFAULT '{}',
		draft   TEXT NOT NULL DEFAULT '',
		leaf    INTEGER REFERENCES messages (id) ON DELETE SET NULL,
		deleted INTEGER
	);
	CREATE INDEX chats_updated ON chats (updated DESC) WHERE deleted IS NULL;
	CREATE INDEX chats_leaf ON chats (leaf);

	CREATE TABLE messages (
		id        INTEGER PRIMARY KEY AUTOINCREMENT,
		chat_id   INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
		parent_id INTEGER REFERENCES messages (id) ON DELETE CASCADE,
		role      TEXT NOT NULL,
		content   TEXT NOT NULL DEFAULT '',
		reasoning TEXT NOT NULL DEFAULT '',
		created   INTEGER NOT NULL,
		status    TEXT NOT NULL,
		error     TEXT NOT NULL DEFAULT '',
		finish    TEXT NOT NULL DEFAULT '',
		stats     TEXT,
		model     TEXT NOT NULL DEFAULT '',
		warning   TEXT NOT NULL DEFAULT '',
		owner     TEXT NOT NULL DEFAULT ''
	);
	CREATE INDEX messages_chat ON messages (chat_id, parent_id);
	CREATE INDEX messages_parent ON messages (parent_id);
	CREATE INDEX messages_streaming ON messages (status) WHERE status = 'streaming';

	CREATE VIRTUAL TABLE messages_text USING fts5 (
		content, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
	);
	CREATE TRIGGER messages_inserted AFTER INSERT ON messages WHEN new.status <> 'streaming' BEGIN
		INSERT INTO messages_text (rowid, content) VALUES (new.id, new.content);
	END;
	CREATE TRIGGER messages_deleted AFTER DELETE ON messages WHEN old.status <> 'streaming' BEGIN
		INSERT INTO messages_text (messages_text, rowid, content) VALUES ('delete', old.id, old.content);
	END;
	CREATE TRIGGER messages_updated AFTER UPDATE OF content, status ON messages BEGIN
		INSERT INTO messages_text (messages_text, rowid, content)
			SELECT 'delete', old.id, old.content WHERE old.status <> 'streaming';
		INSERT INTO messages_text (rowid, content)
			SELECT new.id, new.content WHERE new.status <> 'streaming';
	END;

	CREATE TABLE recent_models (
		path TEXT PRIMARY KEY,
		used INTEGER NOT NULL
	);`,

	// How long the reasoning took, in milliseconds.
	`ALTER TABLE messages ADD COLUMN thought INTEGER NOT NULL DEFAULT 0`,

	// Folders; when a chat was pinned and archived; and who gave it its title: the user (''), its first words or the model.
	`CREATE TABLE folders (
		id        INTEGER PRIMARY KEY AUTOINCREMENT,
		name      TEXT NOT NULL,
		created   INTEGER NOT NULL,
		collapsed INTEGER NOT NULL DEFAULT 0,
		deleted   INTEGER
	);
	ALTER TABLE chats ADD COLUMN folder_id INTEGER REFERENCES folders (id) ON DELETE SET NULL;
	ALTER TABLE chats ADD COLUMN pinned INTEGER;
	ALTER TABLE chats ADD COLUMN archived INTEGER;
	ALTER TABLE chats ADD COLUMN titled TEXT NOT NULL DEFAULT '';
	CREATE INDEX chats_folder ON chats (folder_id) WHERE folder_id IS NOT NULL;`,

	// Presets, with a few to start with; and files that go with messages, whose text is kept once however often it is
	// used.
	`CREATE TABLE presets (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT NOT NULL,
		model      TEXT NOT NULL DEFAULT '',
		parameters TEXT NOT NULL,
		deleted    INTEGER
	);
	INSERT INTO presets (name, parameters) VALUES
		('Balanced', '{"sampling": {"temperature": 0.7, "top_k": 40, "top_p": 0.95, "min_p": 0.05}}'),
		('Precise', '{"system_prompt": "Answer briefly and exactly. Where you do not know something, say so.",
			"sampling": {"temperature": 0.2, "top_k": 40, "top_p": 0.9, "min_p": 0.1}}'),
		('Creative', '{"sampling": {"temperature": 1.1, "top_p": 0.98, "min_p": 0.05, "xtc_probability": 0.3, "xtc_threshold": 0.1,
			"dry_multiplier": 0.8, "dry_base": 1.75, "dry_allowed_length": 2}}'),
		('Code', '{"system_prompt": "You are an experienced programmer. Answer with correct, complete code in Markdown blocks that name their language, and explain only what is not obvious.",
			"sampling": {"temperature": 0.15, "top_k": 40, "top_p": 0.95, "min_p": 0.05}, "lookup": 8}');

	CREATE TABLE attachment_texts (
		hash    TEXT PRIMARY KEY,
		content TEXT NOT NULL
	);
	CREATE TABLE attachments (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		chat_id    INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
		message_id INTEGER REFERENCES messages (id) ON DELETE CASCADE,
		name       TEXT NOT NULL,
		kind       TEXT NOT NULL,
		bytes      INTEGER NOT NULL,
		note       TEXT NOT NULL DEFAULT '',
		hash       TEXT NOT NULL REFERENCES attachment_texts (hash)
	);
	CREATE INDEX attachments_message ON attachments (message_id);
	CREATE INDEX attachments_chat ON attachments (chat_id);
	CREATE INDEX attachments_hash ON attachments (hash);`,

	// When a message was deleted, with what followed it; and what an answer was made of, as JSON: see receipt.go.
	`ALTER TABLE messages ADD COLUMN removed INTEGER;
	ALTER TABLE messages ADD COLUMN receipt TEXT;
	CREATE INDEX messages_removed ON messages (removed) WHERE removed IS NOT NULL`,

	// Whether a message has characters of languages written without spaces; NULL: not known.
	`ALTER TABLE messages ADD COLUMN unspaced INTEGER;
	CREATE INDEX messages_unspaced ON messages (id) WHERE unspaced IS NOT 0`,

	// Pairs of neighbouring characters of text without spaces; see pairs.go. Messages from before have none, and are known by
	// unspaced being NULL.
	`CREATE VIRTUAL TABLE messages_pairs USING fts5 (pairs, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
	CREATE TRIGGER messages_pairs_deleted AFTER DELETE ON messages WHEN old.unspaced = 1 BEGIN
		DELETE FROM messages_pairs WHERE rowid = old.id;
	END;
	DROP INDEX messages_unspaced;
	UPDATE messages SET unspaced = NULL;
	CREATE INDEX messages_unspaced ON messages (id) WHERE unspaced IS NULL`,

	// Passages of the text of attached files, for search; see passages.go. What of a text is not indexed yet begins at its byte
	// unindexed; NULL: all of it is.
	`ALTER TABLE attachment_texts ADD COLUMN unindexed INTEGER DEFAULT 0;
	CREATE INDEX attachment_texts_unindexed ON attachment_texts (hash) WHERE unindexed IS NOT NULL;
	CREATE TABLE passages (
		id    INTEGER PRIMARY KEY,
		hash  TEXT NOT NULL REFERENCES attachment_texts (hash) ON DELETE CASCADE,
		start INTEGER NOT NULL,
		bytes INTEGER NOT NULL
	);
	CREATE INDEX passages_hash ON passages (hash);
	CREATE VIRTUAL TABLE passages_text USING fts5 (
		content, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
	);
	CREATE VIRTUAL TABLE passages_pairs USING fts5 (pairs, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
	CREATE TRIGGER passages_deleted AFTER DELETE ON passages BEGIN
		DELETE FROM passages_text WHERE rowid = old.id;
		DELETE FROM passages_pairs WHERE rowid = old.id;
	END`,
}

// NewerError says that a database was written by a newer Burble.
type NewerError struct {
	Path        string
	Have, Known int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s was written by a newer version of Burble (format %d; this one knows up to %d): "+
		"install that version, or move the file away to start afresh. The file has not been touched.", e.Path, e.Have, e.Known)
}

// migrate brings the database to the latest version, in one transaction: another process sees all of it or nothing.
func migrate(ctx context.Context, db *sql.DB, path string, steps []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return &NewerError{path, version, len(steps)}
	}
	if version == len(steps) {
		return nil
	}
	for i, step := range steps[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("bringing %s from format %d to %d: %w", path, version+i, version+i+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}
