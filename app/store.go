package app

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"burble/inference"
	"burble/inference/chat"
)

// store is the database of chats. What a method has written when it returns survives a power cut. Several processes
// may use one database.
type store struct {
	db    *sql.DB
	owner string                  // this process, in messages that are streaming
	alive func(owner string) bool // tells which owners are at work

	// write is held by whoever writes, so that writers of this process don't have to poll for each other.
	write sync.Mutex

	held *sql.Conn // of a database in memory, which is gone with its last connection; else nil
}

// busyTimeout is how long a statement waits for another process.
const busyTimeout = 10 * time.Second

// keepDeleted is how long a deleted chat can be restored.
const keepDeleted = 30 * 24 * time.Hour

// openStore opens the database at path, or makes it. alive tells which owners of streaming answers are at work. A
// damaged database is set aside and a new one made; notice says so then.
func openStore(ctx context.Context, path, owner string, alive func(owner string) bool) (s *store, notice string, err error) {
	s, err = tryStore(ctx, path, owner, alive)
	if !damaged(err) {
		return s, "", err
	}
	cause := err
	stamp := time.Now().Format("20060102-150405")
	aside, err := setAside(path, stamp)
	if err != nil {
		return nil, "", fmt.Errorf("%s is damaged (%w), and could not be moved away: %w", path, cause, err)
	}
	for _, suffix := range []string{"-wal", "-shm"} { // SQLite finds them by the database's name
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !os.IsNotExist(err) {
			return nil, "", fmt.Errorf("moving away %s%s of a damaged database: %w", path, suffix, err)
		}
	}
	if s, err = tryStore(ctx, path, owner, alive); err != nil {
		return nil, "", err
	}
	return s, fmt.Sprintf("The file with your chats is damaged (%v). It has been kept as %s, and a new one started.", cause, aside), nil
}

func tryStore(ctx context.Context, path, owner string, alive func(string) bool) (*store, error) {
	if err := checkVersion(ctx, path, len(migrations)); err != nil {
		return nil, err
	}
	db, err := openDB(path, "rwc")
	if err != nil {
		return nil, err
	}
	s := &store{db: db, owner: owner, alive: alive}
	if err := s.prepare(ctx, path); err != nil {
		db.Close()
		return nil, err
	}
	return s, nil
}

// openDB opens a database. The mode is SQLite's: "ro" or "rwc".
func openDB(path, mode string) (*sql.DB, error) {
	q := url.Values{"mode": {mode}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "foreign_keys(1)"}}
	if mode != "ro" {
		// A transaction that starts by reading could not wait for another process when it comes to writing.
		q["_txlock"] = []string{"immediate"}
		q["_pragma"] = append(q["_pragma"], "journal_mode(WAL)", "synchronous(FULL)")
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/…
	}
	file := url.URL{Scheme: "file", Path: slashed, OmitHost: true, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

// checkVersion looks at a database without changing anything about it, and fails where it is newer than known.
func checkVersion(ctx context.Context, path string, known int) error {
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0) {
		return nil
	}
	version, err := readVersion(ctx, path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if version > known {
		return &NewerError{path, version, known}
	}
	return nil
}

// readVersion returns user_version. It asks SQLite only where that is needed, because SQLite leaves files behind.
func readVersion(ctx context.Context, path string) (version int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var header [64]byte // big-endian, user_version at byte 60: sqlite.org/fileformat.html
	_, headerErr := io.ReadFull(f, header[:])
	_, walErr := os.Stat(path + "-wal")
	if headerErr == nil && walErr != nil && string(header[:16]) == "SQLite format 3\x00" {
		return int(int32(binary.BigEndian.Uint32(header[60:]))), nil
	}
	db, err := openDB(path, "ro")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// smallDatabase is the size up to which a database is checked page by page at every start: at 5 ms a megabyte (measured),
// that takes less than a tenth of a second. In a larger one, damage shows when the page is read.
const smallDatabase = 16 << 20

// prepare migrates the database and tidies it up.
func (s *store) prepare(ctx context.Context, path string) error {
	// Two processes that make the same database at once: switching to WAL doesn't wait for busyTimeout.
	var err error
	for deadline := time.Now().Add(busyTimeout); ; time.Sleep(20 * time.Millisecond) {
		if err = s.db.PingContext(ctx); !busy(err) || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	if err := migrate(ctx, s.db, path, migrations); err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	if info, err := os.Stat(path); err == nil && info.Size() <= smallDatabase {
		if err := s.check(ctx); err != nil {
			return err
		}
	}
	if err := s.interrupt(ctx); err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	if err := s.purge(ctx, time.Now()); err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	return nil
}

// errDamaged is wrapped by what check finds.
var errDamaged = errors.New("the database is damaged")

// check fails where the database's pages don't make sense.
func (s *store) check(ctx context.Context) error {
	var found string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, found)
	}
	return nil
}

// damaged reports whether err says that a file is no database, or a broken one.
func damaged(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		code := e.Code() & 0xff // the rest are details
		return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	return errors.Is(err, errDamaged)
}

func busy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// interrupt ends the answers whose process has died.
func (s *store) interrupt(ctx context.Context) error {
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT owner FROM messages WHERE status = 'streaming'")
	if err != nil {
		return err
	}
	defer rows.Close()
	var dead []string
	for rows.Next() {
		var owner string
		if err := rows.Scan(&owner); err != nil {
			return err
		}
		if !s.alive(owner) {
			dead = append(dead, owner)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, owner := range dead {
		err := s.exec(ctx, "UPDATE messages SET status = 'interrupted', owner = '' WHERE status = 'streaming' AND owner = ?", owner)
		if err != nil {
			return err
		}
	}
	return nil
}

// purge deletes for good what was deleted long ago, and chats of other days that nobody wrote anything in.
func (s *store) purge(ctx context.Context, now time.Time) error {
	if err := s.exec(ctx, "DELETE FROM chats WHERE deleted < ?", now.Add(-keepDeleted).UnixMilli()); err != nil {
		return err
	}
	if err := s.exec(ctx, "DELETE FROM messages WHERE removed < ?", now.Add(-keepDeleted).UnixMilli()); err != nil {
		return err
	}
	if err := s.exec(ctx, "DELETE FROM folders WHERE deleted < ?", now.Add(-keepDeleted).UnixMilli()); err != nil {
		return err
	}
	if err := s.exec(ctx, "DELETE FROM presets WHERE deleted < ?", now.Add(-keepDeleted).UnixMilli()); err != nil {
		return err
	}
	if err := s.exec(ctx, "DELETE FROM attachment_texts WHERE NOT EXISTS (SELECT 1 FROM attachments WHERE hash = attachment_texts.hash)"); err != nil {
		return err
	}
	return s.exec(ctx, `DELETE FROM chats WHERE leaf IS NULL AND title = '' AND draft = '' AND updated < ?
		AND NOT EXISTS (SELECT 1 FROM messages WHERE chat_id = chats.id)`, now.Add(-24*time.Hour).UnixMilli())
}

// exec runs one statement that writes.
func (s *store) exec(ctx context.Context, statement string, args ...any) error {
	s.write.Lock()
	defer s.write.Unlock()
	_, err := s.db.ExecContext(ctx, statement, args...)
	return err
}

// execOne runs a statement that has to change a row, or missing says what there is not.
func (s *store) execOne(ctx context.Context, missing error, statement string, args ...any) error {
	s.write.Lock()
	defer s.write.Unlock()
	r, err := s.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(missing, err)
	}
	return nil
}

// transact runs f in a transaction that writes.
func (s *store) transact(ctx context.Context, f func(tx *sql.Tx) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *store) close() error {
	if s.held != nil {
		return errors.Join(s.held.Close(), s.db.Close())
	}
	return s.db.Close()
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// millis returns the time of a column.
func millis(n int64) time.Time { return time.UnixMilli(n) }

// messageColumns are what scanMessage reads.
const messageColumns = `m.id, m.chat_id, coalesce(m.parent_id, 0), m.role, m.content, m.reasoning, m.created, m.status, m.error,
	m.finish, m.stats, m.model, m.warning, m.thought,
	(SELECT count(*) FROM messages s WHERE s.chat_id = m.chat_id AND s.parent_id IS m.parent_id AND s.removed IS NULL)`

func scanMessage(row interface{ Scan(...any) error }) (Message, error) {
	var m Message
	var role, status, finish string
	var created, thought int64
	var stats sql.NullString
	err := row.Scan(&m.ID, &m.ChatID, &m.ParentID, &role, &m.Content, &m.Reasoning, &created, &status, &m.Error,
		&finish, &stats, &m.Model, &m.Warning, &thought, &m.Siblings)
	if err != nil {
		return m, err
	}
	m.Role, m.Status, m.Finish, m.Created = chat.Role(role), Status(status), inference.FinishReason(finish), millis(created)
	m.Thought = time.Duration(thought) * time.Millisecond
	if stats.Valid {
		m.Stats = new(inference.Stats)
		if err := json.Unmarshal([]byte(stats.String), m.Stats); err != nil {
			m.Stats = nil // figures of another format are no reason to lose the message
		}
	}
	return m, nil
}

// message reads one message.
func (s *store) message(ctx context.Context, q querier, id int64) (Message, error) {
	m, err := scanMessage(q.QueryRowContext(ctx, "SELECT "+messageColumns+" FROM messages m WHERE m.id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("message %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return m, err
	}
	return m, s.attachments(ctx, q, "message_id = ?", id, func(_ int64, a Attachment) { m.Attachments = append(m.Attachments, a) })
}

// branch reads the messages of a chat from the first to its leaf.
func (s *store) branch(ctx context.Context, q querier, chatID int64) ([]Message, error) {
	rows, err := q.QueryContext(ctx, `WITH RECURSIVE branch (id, parent_id, depth) AS (
			SELECT m.id, m.parent_id, 0 FROM chats c JOIN messages m ON m.id = c.leaf WHERE c.id = ?
			UNION ALL
			SELECT m.id, m.parent_id, b.depth + 1 FROM branch b JOIN messages m ON m.id = b.parent_id
		) SELECT `+messageColumns+` FROM branch b JOIN messages m ON m.id = b.id ORDER BY b.depth DESC`, chatID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Message
	for rows.Next() {
		m, err := scanMessage(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, s.withAttachments(ctx, q, chatID, list)
}

// insert writes a new message as the chat's leaf and sets its ID.
func (s *store) insert(ctx context.Context, tx *sql.Tx, m *Message) error {
	parent := sql.NullInt64{Int64: m.ParentID, Valid: m.ParentID != 0}
	owner := ""
	if m.Status == StatusStreaming {
		owner = s.owner
	}
	r, err := tx.ExecContext(ctx, `INSERT INTO messages (chat_id, parent_id, role, content, created, status, model, owner, unspaced)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, m.ChatID, parent, string(m.Role), m.Content, m.Created.UnixMilli(), string(m.Status), m.Model, owner,
		hasUnspaced(*m))
	if err != nil {
		return err
	}
	if m.ID, err = r.LastInsertId(); err != nil {
		return err
	}
	if err := indexPairs(ctx, tx, *m); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE chats SET leaf = ?, updated = ? WHERE id = ?", m.ID, m.Created.UnixMilli(), m.ChatID)
	return err
}

// save writes what an answer is by now.
func (s *store) save(ctx context.Context, m Message) error {
	owner := ""
	if m.Status == StatusStreaming {
		owner = s.owner
	}
	var stats sql.NullString
	if m.Stats != nil {
		b, err := json.Marshal(m.Stats)
		if err != nil {
			return err
		}
		stats = sql.NullString{String: string(b), Valid: true}
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE messages SET content = ?, reasoning = ?, status = ?, error = ?, finish = ?, stats = ?, model = ?,
		warning = ?, thought = ?, owner = ?, unspaced = ? WHERE id = ?`, m.Content, m.Reasoning, string(m.Status), m.Error, string(m.Finish), stats, m.Model,
			m.Warning, m.Thought.Milliseconds(), owner, hasUnspaced(m), m.ID)
		if err != nil {
			return err
		}
		return indexPairs(ctx, tx, m)
	})
}
