package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"
)

// A temporary chat is never written: not to the database or its log, and not as a draft. It lives in a database of its own in
// memory, of the same form as the one on disk, with a Chats of its own on top. So everything works in it as in any other,
// by the same code. Its ids and those of its messages begin at temporaryIDs: a method that gets one hands over to it,
// by its first line.

// temporaryIDs is where the ids of temporary chats and their messages begin.
const temporaryIDs = 1 << 52

// Temporary reports whether id is a temporary chat's, or that of a message in one.
func Temporary(id int64) bool { return id >= temporaryIDs }

// of returns the Chats that an id of a chat or a message belongs to.
func (c *Chats) of(id int64) *Chats {
	if Temporary(id) && c.temporary != nil {
		return c.temporary
	}
	return c
}

// CreateTemporary makes an empty chat that is kept in memory alone, and ends with Burble. Any other temporary chat is
// forgotten for good; Delete and Restore work on the one there is.
func (c *Chats) CreateTemporary() (Chat, error) {
	t := c.temporary
	old, err := t.query("TRUE")
	if err != nil {
		return Chat{}, err
	}
	for _, chat := range old {
		t.Stop(chat.ID)
		if err := t.store.exec(t.ctx, "DELETE FROM chats WHERE id = ?", chat.ID); err != nil {
			return Chat{}, fmt.Errorf("forgetting a temporary chat: %w", err)
		}
	}
	return t.Create()
}

// newTemporary returns the Chats of temporary chats beside c.
func (c *Chats) newTemporary() (*Chats, error) {
	s, err := openMemory(c.ctx, c.store.owner, c.store.alive)
	if err != nil {
		return nil, fmt.Errorf("making room for temporary chats: %w", err)
	}
	t := newChats(c.ctx, s, c.engine, c.settings, c.signals)
	t.models, t.presets, t.titles = c.models, c.presets, c.titles
	return t, nil
}

var memories atomic.Int64 // names the databases in memory; an identity, not state

// openMemory makes a store that is in memory alone. Its ids begin at temporaryIDs.
func openMemory(ctx context.Context, owner string, alive func(owner string) bool) (*store, error) {
	name := fmt.Sprintf("/burble-%d-%d", time.Now().UnixNano(), memories.Add(1))
	// SQLite keeps such a database as long as a connection is open. What it sorts and may have to undo would go to
	// files, without the pragmas.
	q := url.Values{"vfs": {"memdb"}, "_txlock": {"immediate"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "foreign_keys(1)", "temp_store(MEMORY)", "journal_mode(MEMORY)"}}
	db, err := sql.Open("sqlite", "file:"+name+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	s := &store{db: db, owner: owner, alive: alive}
	if s.held, err = db.Conn(ctx); err == nil {
		if err = migrate(ctx, db, "memory", migrations); err == nil {
			_, err = db.ExecContext(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES ('chats', ?), ('messages', ?), ('attachments', ?)", temporaryIDs, temporaryIDs, temporaryIDs)
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// Keep makes a chat like any other of a temporary one, which is gone then. It returns the new chat.
func (c *Chats) Keep(id int64) (Chat, error) {
	t := c.of(id)
	if t == c {
		return Chat{}, fmt.Errorf("chat %d is kept already", id)
	}
	info, err := t.Chat(id)
	if err != nil {
		return Chat{}, err
	}
	if info.Busy {
		return Chat{}, ErrBusy
	}
	extraOfChats, err := extraColumns(t.ctx, t.store.db, "chats", chatColumns)
	if err != nil {
		return Chat{}, fmt.Errorf("keeping the chat: %w", err)
	}
	extraOfMessages, err := extraColumns(t.ctx, t.store.db, "messages", fileColumns)
	if err != nil {
		return Chat{}, fmt.Errorf("keeping the chat: %w", err)
	}
	f, err := t.fileChat(t.ctx, info, extraOfChats, extraOfMessages)
	if err != nil {
		return Chat{}, fmt.Errorf("keeping the chat: %w", err)
	}
	f.Options = info.Options // the presets are the same
	var kept int64
	err = c.store.transact(c.ctx, func(tx *sql.Tx) error {
		in, err := newInserter(c.ctx, c, tx)
		if err == nil {
			err = in.add(f)
		}
		if err == nil && len(in.done.Chats) == 0 {
			err = errors.New("it has no messages yet")
		}
		if err == nil {
			kept = in.done.Chats[0]
		}
		return err
	})
	if err != nil {
		return Chat{}, fmt.Errorf("keeping the chat: %w", err)
	}
	c.later(c.indexFiles)
	if err := t.Delete(id); err != nil {
		return Chat{}, err
	}
	c.signals.publish(ChatsChanged{})
	return c.Chat(kept)
}
