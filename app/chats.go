package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"burble/inference"
)

// Errors of Chats, for errors.Is.
var (
	ErrNotFound = errors.New("there is no such chat or message any more")
	ErrBusy     = errors.New("an answer is on its way in this chat: stop it, or wait for its end")
	ErrNoModel  = errors.New("no model is loaded: open one first")
	ErrEmpty    = errors.New("there is nothing to send")
)

// Chats are the user's conversations. See conversation.go for what makes answers, and answer.go for how they arrive.
type Chats struct {
	ctx      context.Context // of the App
	store    *store
	engine   Engine
	settings *Settings
	models   *Models
	presets  *Presets
	signals  *hub
	reading  chan struct{} // holds one for each file that is being read
	wake     chan struct{} // holds one signal: there is something to write

	mu    sync.Mutex
	live  map[int64]*answer        // by chat: the answers on their way
	byID  map[inference.ID]*answer // the same, by request
	tasks []func() error           // other things to write
	// asides are requests that are no answers of a chat, and what to do with what comes of them.
	asides map[inference.ID]func(inference.Done, error)

	temporary *Chats  // see temporary.go; nil in the temporary ones' own
	titles    *titler // shared with the temporary ones
}

func newChats(ctx context.Context, s *store, e Engine, settings *Settings, h *hub) *Chats {
	return &Chats{
		ctx: ctx, store: s, engine: e, settings: settings, signals: h,
		reading: make(chan struct{}, 2), wake: make(chan struct{}, 1), live: map[int64]*answer{}, byID: map[inference.ID]*answer{},
		asides: map[inference.ID]func(inference.Done, error){},
	}
}

// List returns all chats that are not archived, the one with the latest message first.
func (c *Chats) List() ([]Chat, error) {
	return c.query("deleted IS NULL AND archived IS NULL ORDER BY updated DESC, id DESC")
}

// Archived returns the chats that were put away, the one with the latest message first.
func (c *Chats) Archived() ([]Chat, error) {
	return c.query("deleted IS NULL AND archived IS NOT NULL ORDER BY updated DESC, id DESC")
}

// Deleted returns the chats that Restore can bring back, the latest first.
func (c *Chats) Deleted() ([]Chat, error) {
	return c.query("deleted IS NOT NULL ORDER BY deleted DESC, id DESC")
}

// Chat returns one chat.
func (c *Chats) Chat(id int64) (Chat, error) {
	if t := c.of(id); t != c {
		return t.Chat(id)
	}
	list, err := c.query("id = ? AND deleted IS NULL", id)
	if err != nil {
		return Chat{}, err
	}
	if len(list) == 0 {
		return Chat{}, fmt.Errorf("chat %d: %w", id, ErrNotFound)
	}
	return list[0], nil
}

func (c *Chats) query(where string, args ...any) ([]Chat, error) {
	rows, err := c.store.db.QueryContext(c.ctx, `SELECT id, title, created, updated, options, draft, coalesce(folder_id, 0),
		pinned IS NOT NULL, archived IS NOT NULL FROM chats WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the chats: %w", err)
	}
	defer rows.Close()
	var list []Chat
	for rows.Next() {
		var chat Chat
		var created, updated int64
		var options string
		if err := rows.Scan(&chat.ID, &chat.Title, &created, &updated, &options, &chat.Draft, &chat.Folder, &chat.Pinned, &chat.Archived); err != nil {
			return nil, fmt.Errorf("reading the chats: %w", err)
		}
		chat.Created, chat.Updated = millis(created), millis(updated)
		if options != "{}" { // as those of most chats are
			if err := json.Unmarshal([]byte(options), &chat.Options); err != nil {
				chat.Options = ChatOptions{} // the settings serve
			}
		}
		list = append(list, chat)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the chats: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range list {
		_, list[i].Busy = c.live[list[i].ID]
	}
	return list, nil
}

// Create makes an empty chat. One that stays empty is gone after a day.
func (c *Chats) Create() (Chat, error) {
	now := time.Now()
	chat := Chat{Created: millis(now.UnixMilli()), Updated: millis(now.UnixMilli())}
	err := c.store.transact(c.ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(c.ctx, "INSERT INTO chats (created, updated) VALUES (?, ?)", now.UnixMilli(), now.UnixMilli())
		if err != nil {
			return err
		}
		chat.ID, err = r.LastInsertId()
		return err
	})
	if err != nil {
		return Chat{}, fmt.Errorf("making a chat: %w", err)
	}
	c.signals.publish(ChatsChanged{})
	return chat, nil
}

// Rename gives a chat a title of the user's own.
func (c *Chats) Rename(id int64, title string) error {
	if t := c.of(id); t != c {
		return t.Rename(id, title)
	}
	title = strings.Join(strings.Fields(title), " ")
	if title == "" {
		return errors.New("a chat's title can't be empty")
	}
	return c.change(id, "renaming the chat", "UPDATE chats SET title = ?, titled = '' WHERE id = ?", title, id)
}

// Delete removes a chat from the list. Restore brings it back, for 30 days.
func (c *Chats) Delete(id int64) error {
	if t := c.of(id); t != c {
		return t.Delete(id)
	}
	c.Stop(id)
	return c.change(id, "deleting the chat", "UPDATE chats SET deleted = ? WHERE id = ? AND deleted IS NULL", time.Now().UnixMilli(), id)
}

// Restore undoes Delete.
func (c *Chats) Restore(id int64) error {
	if t := c.of(id); t != c {
		return t.Restore(id)
	}
	return c.change(id, "restoring the chat", "UPDATE chats SET deleted = NULL WHERE id = ?", id)
}

// SetOptions stores a chat's own choices, for its answers from now on. Values beyond their limits are brought within them.
func (c *Chats) SetOptions(id int64, o ChatOptions) error {
	if t := c.of(id); t != c {
		return t.SetOptions(id, o)
	}
	b, err := json.Marshal(o.clamp())
	if err != nil {
		return fmt.Errorf("keeping the chat's options: %w", err)
	}
	return c.change(id, "keeping the chat's options", "UPDATE chats SET options = ? WHERE id = ?", string(b), id)
}

// SetDraft keeps what the user has typed and not sent. It gives no signal.
func (c *Chats) SetDraft(id int64, text string) error {
	if t := c.of(id); t != c {
		return t.SetDraft(id, text)
	}
	missing := fmt.Errorf("chat %d: %w", id, ErrNotFound)
	if err := c.store.execOne(c.ctx, missing, "UPDATE chats SET draft = ? WHERE id = ?", text, id); err != nil {
		return fmt.Errorf("keeping the draft: %w", err)
	}
	return nil
}

func (c *Chats) change(id int64, doing, statement string, args ...any) error {
	missing := fmt.Errorf("chat %d: %w", id, ErrNotFound)
	if err := c.store.execOne(c.ctx, missing, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	c.signals.publish(ChatsChanged{})
	return nil
}

// Messages returns the messages of a chat on the branch that is shown, oldest first, with what has arrived of an answer.
func (c *Chats) Messages(chatID int64) ([]Message, error) {
	if t := c.of(chatID); t != c {
		return t.Messages(chatID)
	}
	list, err := c.store.branch(c.ctx, c.store.db, chatID)
	if err != nil {
		return nil, fmt.Errorf("reading the messages: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.live[chatID]; a != nil {
		for i := range list {
			if list[i].ID == a.message.ID {
				siblings := list[i].Siblings
				list[i] = a.current()
				list[i].Siblings = siblings
			}
		}
	}
	return list, nil
}

// Message returns one message as it is by now. For an answer on its way it reads no file.
func (c *Chats) Message(id int64) (Message, error) {
	if t := c.of(id); t != c {
		return t.Message(id)
	}
	c.mu.Lock()
	for _, a := range c.live {
		if a.message.ID == id {
			m := a.current()
			c.mu.Unlock()
			return m, nil
		}
	}
	c.mu.Unlock()
	m, err := c.store.message(c.ctx, c.store.db, id)
	if err != nil {
		return m, fmt.Errorf("reading a message: %w", err)
	}
	return m, nil
}

// Siblings returns the ids of the messages that answer the same message as id does, itself included, oldest first.
func (c *Chats) Siblings(id int64) ([]int64, error) {
	if t := c.of(id); t != c {
		return t.Siblings(id)
	}
	rows, err := c.store.db.QueryContext(c.ctx, `SELECT s.id FROM messages m JOIN messages s
		ON s.chat_id = m.chat_id AND s.parent_id IS m.parent_id WHERE m.id = ? AND s.removed IS NULL ORDER BY s.id`, id)
	if err != nil {
		return nil, fmt.Errorf("reading the versions of a message: %w", err)
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var sibling int64
		if err := rows.Scan(&sibling); err != nil {
			return nil, fmt.Errorf("reading the versions of a message: %w", err)
		}
		ids = append(ids, sibling)
	}
	return ids, rows.Err()
}

// Show makes the branch that message id is on the one that is shown: the messages before it, itself, and the latest ones
// after it.
func (c *Chats) Show(id int64) error {
	if t := c.of(id); t != c {
		return t.Show(id)
	}
	var chatID int64
	err := c.store.transact(c.ctx, func(tx *sql.Tx) error {
		m, err := c.store.message(c.ctx, tx, id)
		if err != nil {
			return err
		}
		chatID = m.ChatID
		c.mu.Lock()
		_, busy := c.live[chatID]
		c.mu.Unlock()
		if busy {
			return ErrBusy
		}
		return c.showFrom(tx, chatID, id)
	})
	if err != nil {
		return fmt.Errorf("showing another version: %w", err)
	}
	c.signals.publish(MessagesChanged{chatID})
	return nil
}

// titleLength is the most characters of an automatic title.
const titleLength = 60

// title makes a chat's title from its first message: the first line of text, cut between words.
func title(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(strings.Join(strings.Fields(line), " "), "#>*- ")
		if line == "" || strings.HasPrefix(line, "```") {
			continue
		}
		runes := []rune(line)
		if len(runes) <= titleLength {
			return line
		}
		cut := titleLength - 1 // room for the ellipsis
		for i := cut; i > titleLength/2; i-- {
			if unicode.IsSpace(runes[i]) {
				cut = i
				break
			}
		}
		return string(runes[:cut]) + "…"
	}
	return ""
}
