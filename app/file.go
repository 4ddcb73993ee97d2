package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Burble's own form of chats in a file is a JSON object: {"burble_chats": 1, "exported": …, "folders": […], "chats": […]}.
// It holds all that the database does, so that nothing is lost on the way from one machine to another. Columns of the
// database that this file does not name travel as "more".

// fileVersion is the version of the form. A file of a later one is refused.
const fileVersion = 1

// fileFolder is a folder in a file. Its id counts within the file.
type fileFolder struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	Collapsed bool   `json:"collapsed,omitempty"`
}

// fileChat is a chat in a file.
type fileChat struct {
	Title    string            `json:"title"`
	Titled   string            `json:"titled,omitempty"` // who gave the title, as in the database
	Created  time.Time         `json:"created"`
	Updated  time.Time         `json:"updated"`
	Folder   int64             `json:"folder,omitempty"` // id of a fileFolder
	Pinned   time.Time         `json:"pinned,omitzero"`
	Archived time.Time         `json:"archived,omitzero"`
	Options  ChatOptions       `json:"options,omitzero"`
	Draft    string            `json:"draft,omitempty"`
	Leaf     int64             `json:"leaf,omitempty"` // id of the last message of the branch that is shown
	Messages list[fileMessage] `json:"messages"`
	More     map[string]any    `json:"more,omitempty"`
}

// fileMessage is a message in a file. Ids count within the chat.
type fileMessage struct {
	ID        int64           `json:"id"`
	Parent    int64           `json:"parent,omitempty"` // id of the message before it
	Role      string          `json:"role"`
	Content   string          `json:"content"`
	Reasoning string          `json:"reasoning,omitempty"`
	Thought   int64           `json:"thought_ms,omitempty"`
	Created   time.Time       `json:"created"`
	Status    string          `json:"status"`
	Error     string          `json:"error,omitempty"`
	Finish    string          `json:"finish,omitempty"`
	Stats     json.RawMessage `json:"stats,omitempty"`
	Model     string          `json:"model,omitempty"`
	Warning   string          `json:"warning,omitempty"`

	Attachments list[fileAttachment] `json:"attachments,omitempty"`

	More map[string]any `json:"more,omitempty"`
}

// fileAttachment is a file that goes with a message.
type fileAttachment struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Bytes int64  `json:"bytes"`
	Note  string `json:"note,omitempty"`
	Text  string `json:"text"`
}

// Columns that fileChat and fileMessage name, or that mean nothing elsewhere.
var (
	chatColumns = []string{"id", "title", "created", "updated", "options", "draft", "leaf", "deleted", "folder_id", "pinned", "archived", "titled"}
	fileColumns = []string{"id", "chat_id", "parent_id", "role", "content", "reasoning", "created", "status", "error", "finish", "stats", "model", "warning", "owner", "thought", "unspaced"}
)

// extraColumn is a column that travels as "more".
type extraColumn struct{ name, kind string } // kind: "TEXT", "INTEGER", "REAL" or another

// extraColumns returns the columns of a table beyond the known ones. Those that refer to other rows stay behind: ids differ
// between databases.
func extraColumns(ctx context.Context, q querier, table string, known []string) ([]extraColumn, error) {
	rows, err := q.QueryContext(ctx, `SELECT name, upper(type) FROM pragma_table_info(?)
		WHERE name NOT IN (SELECT "from" FROM pragma_foreign_key_list(?)) ORDER BY cid`, table, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var extra []extraColumn
	for rows.Next() {
		var c extraColumn
		if err := rows.Scan(&c.name, &c.kind); err != nil {
			return nil, err
		}
		if !slices.Contains(known, c.name) {
			extra = append(extra, c)
		}
	}
	return extra, rows.Err()
}

// selected is the part of a SELECT that reads columns, each after a comma.
func selected(columns []extraColumn) string {
	var b strings.Builder
	for _, c := range columns {
		b.WriteString(`, "` + c.name + `"`)
	}
	return b.String()
}

// more makes the map of columns' values.
func more(columns []extraColumn, values []any) map[string]any {
	m := map[string]any{}
	for i, c := range columns {
		switch v := (*values[i].(*any)).(type) {
		case nil:
		case []byte:
			m[c.name] = string(v)
		default:
			m[c.name] = v
		}
	}
	return m
}

// room makes places for n values of any type to be scanned into.
func room(n int) []any {
	values := make([]any, n)
	for i := range values {
		values[i] = new(any)
	}
	return values
}

func (c *Chats) exportJSON(ctx context.Context, w io.Writer, list []Chat) (n int, err error) {
	folders, err := c.Folders()
	if err != nil {
		return 0, err
	}
	var used []fileFolder
	for _, f := range folders {
		if slices.ContainsFunc(list, func(c Chat) bool { return c.Folder == f.ID }) {
			used = append(used, fileFolder(f))
		}
	}
	head, err := json.Marshal(used)
	if err != nil {
		return 0, err
	}
	if used == nil {
		head = []byte("[]")
	}
	if _, err := fmt.Fprintf(w, "{\n\"burble_chats\": %d,\n\"exported\": %q,\n\"folders\": %s,\n\"chats\": [", fileVersion, time.Now().UTC().Format(time.RFC3339), head); err != nil {
		return 0, err
	}
	chatExtra, err := extraColumns(ctx, c.store.db, "chats", chatColumns)
	if err != nil {
		return 0, err
	}
	messageExtra, err := extraColumns(ctx, c.store.db, "messages", fileColumns)
	if err != nil {
		return 0, err
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, info := range list {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if !slices.ContainsFunc(used, func(f fileFolder) bool { return f.ID == info.Folder }) {
			info.Folder = 0 // it was deleted
		}
		f, err := c.fileChat(ctx, info, chatExtra, messageExtra)
		if err != nil {
			return n, err
		}
		if n > 0 {
			if _, err := io.WriteString(w, ","); err != nil {
				return n, err
			}
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return n, err
		}
		if err := e.Encode(f); err != nil {
			return n, err
		}
		n++
	}
	_, err = io.WriteString(w, "]\n}\n")
	return n, err
}

// fileChat reads all of a chat.
func (c *Chats) fileChat(ctx context.Context, info Chat, chatExtra, messageExtra []extraColumn) (fileChat, error) {
	f := fileChat{Title: info.Title, Created: info.Created.UTC(), Updated: info.Updated.UTC(), Folder: info.Folder, Options: c.portable(info.Options), Draft: info.Draft,
		Messages: list[fileMessage]{}}
	var leaf, pinned, archived sql.NullInt64
	extra := room(len(chatExtra))
	row := c.store.db.QueryRowContext(ctx, "SELECT leaf, pinned, archived, titled"+selected(chatExtra)+" FROM chats WHERE id = ?", info.ID)
	if err := row.Scan(append([]any{&leaf, &pinned, &archived, &f.Titled}, extra...)...); err != nil {
		return f, err
	}
	if pinned.Valid {
		f.Pinned = millis(pinned.Int64).UTC()
	}
	if archived.Valid {
		f.Archived = millis(archived.Int64).UTC()
	}
	f.More = more(chatExtra, extra)

	rows, err := c.store.db.QueryContext(ctx, `SELECT id, coalesce(parent_id, 0), role, content, reasoning, thought, created, status, error, finish,
		stats, model, warning`+selected(messageExtra)+" FROM messages WHERE chat_id = ? AND removed IS NULL ORDER BY id", info.ID)
	if err != nil {
		return f, err
	}
	defer rows.Close()
	numbers := map[int64]int64{} // within the file, from 1 on
	for rows.Next() {
		var m fileMessage
		var id, parent, created int64
		var stats sql.NullString
		extra := room(len(messageExtra))
		if err := rows.Scan(append([]any{&id, &parent, &m.Role, &m.Content, &m.Reasoning, &m.Thought, &created, &m.Status, &m.Error, &m.Finish,
			&stats, &m.Model, &m.Warning}, extra...)...); err != nil {
			return f, err
		}
		m.ID = int64(len(numbers)) + 1
		numbers[id] = m.ID
		m.Parent, m.Created = numbers[parent], millis(created).UTC()
		if m.Status == string(StatusStreaming) {
			m.Status = string(StatusInterrupted)
		}
		if stats.Valid && json.Valid([]byte(stats.String)) {
			m.Stats = json.RawMessage(stats.String)
		}
		m.More = more(messageExtra, extra)
		f.Messages = append(f.Messages, m)
	}
	f.Leaf = numbers[leaf.Int64]
	if err := rows.Err(); err != nil {
		return f, err
	}
	return f, c.fileAttachments(ctx, info.ID, numbers, f.Messages)
}
