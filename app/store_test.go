package app

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func never(string) bool { return false }

// fill makes a database with a chat in it and returns its path.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "chats.db")
	s, notice, err := openStore(t.Context(), path, "me", never)
	if err != nil || notice != "" {
		t.Fatal(err, notice)
	}
	defer s.close()
	err = s.transact(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO chats (title, created, updated) VALUES ('Kept', 1, 99999999999999)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDurability(t *testing.T) {
	s, _, err := openStore(t.Context(), filepath.Join(t.TempDir(), "a folder with ? and % and # in it.db"), "me", never)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, want %q (%v)", pragma, got, want, err)
		}
	}
}

func TestMigrate(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "chats.db")
	db, err := openDB(path, "rwc")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	version := func() (n int) {
		if err := db.QueryRow("PRAGMA user_version").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	steps := []string{"CREATE TABLE one (x)", "CREATE TABLE two (x); INSERT INTO one VALUES (1)"}
	if err := migrate(ctx, db, path, steps[:1]); err != nil || version() != 1 {
		t.Fatalf("the first step: version %d, %v", version(), err)
	}
	if err := migrate(ctx, db, path, steps); err != nil || version() != 2 {
		t.Fatalf("the second step: version %d, %v", version(), err)
	}
	if err := migrate(ctx, db, path, steps); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
	var n int
	if err := db.QueryRow("SELECT count(*) FROM one").Scan(&n); err != nil || n != 1 {
		t.Errorf("steps ran more than once: %d rows, %v", n, err)
	}
	// A step that fails leaves everything as it was.
	bad := append(steps, "CREATE TABLE three (x); INSERT INTO nowhere VALUES (1)")
	if err := migrate(ctx, db, path, bad); err == nil || !strings.Contains(err.Error(), "from format 2 to 3") {
		t.Errorf("a step that fails: %v", err)
	}
	if err := db.QueryRow("SELECT count(*) FROM three").Scan(&n); err == nil || version() != 2 {
		t.Errorf("half a step is left; version %d", version())
	}
	var newer *NewerError
	if err := migrate(ctx, db, path, steps[:1]); !errors.As(err, &newer) {
		t.Errorf("a newer database: %v", err)
	}
}

func TestNewerDatabase(t *testing.T) {
	dir := t.TempDir()
	path := fill(t, dir)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 1000"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = openStore(t.Context(), path, "me", never)
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Have != 1000 || newer.Known != len(migrations) {
		t.Errorf("opening a newer database: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has been touched (%v)", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("files beside it: %v", files)
	}
	// An App says so, and leaves nothing running.
	o := folders(dir)
	o.DataDir, o.Engine = dir, newFake()
	if a, err := New(context.Background(), o); !errors.As(err, &newer) || a != nil {
		t.Errorf("New = %v, %v", a, err)
	}
}

func TestDamagedDatabase(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"no database": func([]byte) []byte { return []byte(strings.Repeat("This is not SQLite. ", 500)) },
		"zeroed": func(b []byte) []byte {
			clear(b[100:])
			return b
		},
		"a page in the middle": func(b []byte) []byte {
			for i := range b[4096:8192] {
				b[4096+i] = byte(i * 7)
			}
			return b
		},
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := fill(t, dir)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b = damage(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			s, notice, err := openStore(t.Context(), path, "me", never)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			aside, err := filepath.Glob(filepath.Join(dir, "chats.db.damaged-*"))
			if err != nil || len(aside) != 1 || !strings.Contains(notice, aside[0]) {
				t.Fatalf("set aside: %v; notice: %q", aside, notice)
			}
			if kept, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(kept, b) {
				t.Errorf("the damaged file is not what it was (%v)", err)
			}
			var n int
			if err := s.db.QueryRow("SELECT count(*) FROM chats").Scan(&n); err != nil || n != 0 {
				t.Errorf("the new database has %d chats (%v)", n, err)
			}
		})
	}
	t.Run("whole", func(t *testing.T) {
		dir := t.TempDir()
		s, notice, err := openStore(t.Context(), fill(t, dir), "me", never)
		if err != nil || notice != "" {
			t.Fatal(err, notice)
		}
		defer s.close()
		var n int
		if err := s.db.QueryRow("SELECT count(*) FROM chats WHERE title = 'Kept'").Scan(&n); err != nil || n != 1 {
			t.Errorf("%d chats (%v)", n, err)
		}
	})
}

// TestFullDisk lets writes fail for a while: what has arrived of an answer is kept in memory, and written later.
func TestFullDisk(t *testing.T) {
	a, f := start(t, t.TempDir())
	log := record(t, a)
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	// A trigger that raises stands for a disk that is full.
	if _, err := a.store.db.Exec("CREATE TRIGGER full BEFORE UPDATE ON messages BEGIN SELECT raise(ABORT, 'database or disk is full'); END"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.answer(id, "Hi")
	find(t, log, func(n Notice) bool { return strings.Contains(n.Text, "disk is full") })
	if m := messages(t, a, c.ID); m[1].Content != "Hi" || m[1].Status != StatusComplete {
		t.Errorf("the answer in memory = %+v", m[1])
	}
	if _, err := a.store.db.Exec("DROP TRIGGER full"); err != nil {
		t.Fatal(err)
	}
	find(t, log, any1[AnswerDone])
	find(t, log, func(n Notice) bool { return strings.Contains(n.Text, "can be written to disk again") })
	if m, err := a.store.message(t.Context(), a.store.db, messages(t, a, c.ID)[1].ID); err != nil || m.Content != "Hi" {
		t.Errorf("the answer on disk = %+v, %v", m, err)
	}
}
