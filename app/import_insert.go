package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"burble/inference"
	"burble/inference/chat"
)

// inserter writes imported chats in one transaction.
type inserter struct {
	ctx     context.Context
	chats   *Chats
	tx      *sql.Tx
	message *sql.Stmt
	done    Imported
	count   int // chats seen, for messages about them
	now     time.Time

	folders      []fileFolder
	inFolder     map[int64][]int64 // chats by the id of their folder in the file
	chatExtra    []extraColumn
	messageExtra []extraColumn
}

func newInserter(ctx context.Context, c *Chats, tx *sql.Tx) (*inserter, error) {
	in := &inserter{ctx: ctx, chats: c, tx: tx, now: time.Now(), inFolder: map[int64][]int64{}}
	var err error
	if in.chatExtra, err = extraColumns(ctx, tx, "chats", chatColumns); err != nil {
		return nil, err
	}
	if in.messageExtra, err = extraColumns(ctx, tx, "messages", fileColumns); err != nil {
		return nil, err
	}
	in.message, err = tx.PrepareContext(ctx, `INSERT INTO messages (chat_id, parent_id, role, content, reasoning, thought, created, status,
		error, finish, stats, model, warning, unspaced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	return in, err
}

// from notes the program that a chat comes from.
func (in *inserter) from(program string) {
	if !slices.Contains(in.done.From, program) {
		in.done.From = append(in.done.From, program)
	}
}

// failed says in which chat something is wrong.
func (in *inserter) failed(title string, err error) error {
	if title = cutTitle(title); title != "" {
		return fmt.Errorf("chat %d, “%s”: %w", in.count+1, title, err)
	}
	return fmt.Errorf("chat %d: %w", in.count+1, err)
}

// cutTitle makes one line of a title, of a length that is sensible.
func cutTitle(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 300 {
		return string(runes[:299]) + "…"
	}
	return text
}

// latestTime is the last moment that is taken for one.
var latestTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// moment is t as the database has it, or otherwise where t is none.
func moment(t, otherwise time.Time) int64 {
	if t.Year() <= 1 || t.Before(time.UnixMilli(0)) || t.After(latestTime) {
		t = otherwise
	}
	return t.UnixMilli()
}

// add writes a chat.
func (in *inserter) add(f fileChat) error {
	if err := in.insert(f); err != nil {
		return in.failed(f.Title, err)
	}
	in.count++
	return nil
}

func (in *inserter) insert(f fileChat) error {
	if len(f.Messages) == 0 {
		in.done.Empty++
		return nil
	}
	order, err := parentsFirst(f.Messages)
	if err != nil {
		return err
	}
	created := millis(moment(f.Created, in.now))
	updated := f.Updated
	if updated.IsZero() {
		updated = created
		for _, m := range f.Messages {
			if m.Created.After(updated) {
				updated = m.Created
			}
		}
	}
	name := cutTitle(f.Title)
	if name == "" {
		name = firstWords(f.Messages)
	}
	options, err := json.Marshal(f.Options.clamp())
	if err != nil {
		return err
	}
	optional := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return moment(t, in.now)
	}
	titled := f.Titled
	if titled != "words" && titled != "model" {
		titled = ""
	}
	r, err := in.tx.ExecContext(in.ctx, "INSERT INTO chats (title, titled, created, updated, options, draft, pinned, archived) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		name, titled, created.UnixMilli(), moment(updated, in.now), string(options), f.Draft, optional(f.Pinned), optional(f.Archived))
	if err != nil {
		return err
	}
	chatID, err := r.LastInsertId()
	if err != nil {
		return err
	}
	if err := in.extra("chats", chatID, in.chatExtra, f.More); err != nil {
		return err
	}
	ids := map[int64]int64{} // in the database, by those in the file
	at := map[int64]time.Time{}
	var last int64
	for _, m := range order {
		otherwise := created
		if before, ok := at[m.Parent]; ok {
			otherwise = before
		}
		at[m.ID] = millis(moment(m.Created, otherwise))
		if last, err = in.insertMessage(chatID, ids[m.Parent], at[m.ID], m); err != nil {
			return err
		}
		ids[m.ID] = last
	}
	if f.Leaf != 0 {
		leaf, ok := ids[f.Leaf]
		if !ok {
			return fmt.Errorf("message %d, which it ends with, is missing", f.Leaf)
		}
		last = leaf
	}
	if _, err := in.tx.ExecContext(in.ctx, "UPDATE chats SET leaf = ? WHERE id = ?", last, chatID); err != nil {
		return err
	}
	if f.Folder != 0 {
		in.inFolder[f.Folder] = append(in.inFolder[f.Folder], chatID)
	}
	in.done.Chats = append(in.done.Chats, chatID)
	in.done.Messages += len(order)
	return nil
}

func (in *inserter) insertMessage(chatID, parent int64, created time.Time, m fileMessage) (int64, error) {
	switch chat.Role(m.Role) {
	case chat.User, chat.Assistant, chat.System:
	default:
		return 0, fmt.Errorf("message %d is of the unknown role %.30q", m.ID, m.Role)
	}
	status := Status(m.Status)
	switch status {
	case "":
		status = StatusComplete
	case StatusStreaming:
		status = StatusInterrupted
	case StatusComplete, StatusStopped, StatusInterrupted, StatusFailed:
	default:
		return 0, fmt.Errorf("message %d is in the unknown state %.30q", m.ID, m.Status)
	}
	var stats any
	if len(m.Stats) > 0 && string(m.Stats) != "null" {
		var s inference.Stats
		if err := json.Unmarshal(m.Stats, &s); err != nil {
			return 0, fmt.Errorf("the figures of message %d: %w", m.ID, err)
		}
		stats = string(m.Stats)
	}
	before := sql.NullInt64{Int64: parent, Valid: parent != 0}
	r, err := in.message.ExecContext(in.ctx, chatID, before, m.Role, m.Content, m.Reasoning, max(m.Thought, 0), created.UnixMilli(), string(status),
		m.Error, m.Finish, stats, m.Model, m.Warning, strings.ContainsFunc(m.Content, unspaced))
	if err != nil {
		return 0, err
	}
	id, err := r.LastInsertId()
	if err != nil {
		return 0, err
	}
	if err := indexPairs(in.ctx, in.tx, Message{ID: id, Content: m.Content, Status: status}); err != nil {
		return 0, err
	}
	if docs := m.documents(); len(docs) > 0 {
		if err := in.chats.store.attach(in.ctx, in.tx, &Message{ID: id, ChatID: chatID}, docs); err != nil {
			return 0, err
		}
	}
	return id, in.extra("messages", id, in.messageExtra, m.More)
}

// extra writes the columns that travel as "more". Those that this database lacks are of another version, and left out.
func (in *inserter) extra(table string, id int64, columns []extraColumn, values map[string]any) error {
	for _, c := range columns {
		v, ok := values[c.name]
		if !ok || v == nil {
			continue
		}
		var fits bool
		switch v := v.(type) {
		case string:
			fits = c.kind == "TEXT"
		case json.Number:
			_, err := v.Int64()
			fits = c.kind == "INTEGER" && err == nil || c.kind == "REAL"
		case int64: // from another database, by no file
			fits = true
		case float64:
			fits = true
		}
		if !fits {
			return fmt.Errorf("%q is of the wrong type", c.name)
		}
		if n, ok := v.(json.Number); ok {
			v = n.String()
		}
		if _, err := in.tx.ExecContext(in.ctx, "UPDATE "+table+` SET "`+c.name+`" = ? WHERE id = ?`, v, id); err != nil {
			return err
		}
	}
	return nil
}

// finish puts the chats into their folders, which may come after them in a file. A folder of the same name is used.
func (in *inserter) finish() error {
	for _, f := range in.folders {
		chats := in.inFolder[f.ID]
		name := cutTitle(f.Name)
		if name == "" || len(chats) == 0 {
			continue
		}
		var id int64
		err := in.tx.QueryRowContext(in.ctx, "SELECT id FROM folders WHERE name = ? AND deleted IS NULL ORDER BY id LIMIT 1", name).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			if id, err = insertFolder(in.chats, in.tx, name); err == nil {
				in.done.Folders = append(in.done.Folders, id)
				_, err = in.tx.ExecContext(in.ctx, "UPDATE folders SET collapsed = ? WHERE id = ?", f.Collapsed, id)
			}
		}
		if err != nil {
			return err
		}
		for _, chatID := range chats {
			if _, err := in.tx.ExecContext(in.ctx, "UPDATE chats SET folder_id = ? WHERE id = ?", id, chatID); err != nil {
				return err
			}
		}
	}
	in.folders = nil
	clear(in.inFolder) // ids count within a file
	return nil
}

// parentsFirst returns messages in an order in which every one comes after its parent, and versions of one in the order they
// had. It fails where parents are missing or go round in a circle.
func parentsFirst(messages []fileMessage) ([]fileMessage, error) {
	at := make(map[int64]int, len(messages))
	inOrder := true
	for i, m := range messages {
		if m.ID <= 0 {
			return nil, fmt.Errorf("message %d has no number", i+1)
		}
		if _, twice := at[m.ID]; twice {
			return nil, fmt.Errorf("there are two messages %d", m.ID)
		}
		if _, ok := at[m.Parent]; m.Parent != 0 && !ok {
			inOrder = false
		}
		at[m.ID] = i
	}
	if inOrder {
		return messages, nil
	}
	children := map[int64][]int{}
	for i, m := range messages {
		if _, ok := at[m.Parent]; m.Parent != 0 && !ok {
			return nil, fmt.Errorf("message %d follows message %d, which is missing", m.ID, m.Parent)
		}
		children[m.Parent] = append(children[m.Parent], i)
	}
	order := make([]fileMessage, 0, len(messages))
	for next := children[0]; len(next) > 0; {
		m := messages[next[0]]
		order = append(order, m)
		next = append(next[1:], children[m.ID]...)
	}
	if len(order) < len(messages) {
		return nil, errCircle
	}
	return order, nil
}

var errCircle = errors.New("its messages follow each other in a circle")
