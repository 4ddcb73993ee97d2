package app

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"burble/app/attach"
	"burble/inference"
)

// Attachment is a file that goes with a message: what the model reads of it, as it was when the message was sent.
type Attachment struct {
	ID    int64
	Name  string // of the file
	Kind  attach.Kind
	Bytes int64  // of the file
	Note  string // a sentence about what could not be read of it; or empty
}

// Limits of what goes with a message.
const (
	MaxAttachments    = 50       // files
	maxAttachmentText = 32 << 20 // bytes of text in all of them
)

// TokenCounter is an Engine that can count tokens. It may be called from any goroutine, at any time.
type TokenCounter interface {
	// CountTokens counts the tokens of a text by the loaded model's vocabulary; !ok: there is none.
	CountTokens(text string) (n int, ok bool)
}

// Vocabulary is an Engine that knows the tokens of the loaded model. It may be asked from any goroutine, at any time.
type Vocabulary interface {
	// Tokens takes a text apart; !ok: there is no vocabulary.
	Tokens(text string) (list []inference.Alternative, ok bool)
	// TokenText returns the text of a token; !ok: there is no such token.
	TokenText(id int32) (text string, ok bool)
}

// Tokens takes a text apart by the loaded model's vocabulary; !ok: none is known, as of a server's model.
func (m *Models) Tokens(text string) (list []inference.Alternative, ok bool) {
	if v, has := m.engine.(Vocabulary); has {
		return v.Tokens(text)
	}
	return nil, false
}

// TokenText returns the text of a token of the loaded model; !ok: it is not known.
func (m *Models) TokenText(id int32) (text string, ok bool) {
	if v, has := m.engine.(Vocabulary); has {
		return v.TokenText(id)
	}
	return "", false
}

// CountTokens returns how many tokens a text is for the loaded model. Where that can't be known, it is about a quarter of
// the text's bytes, and exact is false. It takes about a second for ten megabytes: call it off Fyne's goroutine.
func (m *Models) CountTokens(text string) (n int, exact bool) {
	if c, ok := m.engine.(TokenCounter); ok {
		if n, ok := c.CountTokens(text); ok {
			return n, true
		}
	}
	return (len(text) + 3) / 4, false
}

// ReadAttachment gets the text out of a file, for SendWith. It takes as long as it takes: call it off Fyne's goroutine. Two
// files are read at a time; others wait.
func (c *Chats) ReadAttachment(ctx context.Context, path string) (attach.Document, error) {
	select {
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
	case <-ctx.Done():
		return attach.Document{}, ctx.Err()
	}
	return attach.Read(ctx, path)
}

// AttachmentText returns the text of an attachment.
func (c *Chats) AttachmentText(id int64) (string, error) {
	if t := c.of(id); t != c {
		return t.AttachmentText(id)
	}
	text, err := c.store.attachmentText(c.ctx, c.store.db, id)
	if err != nil {
		return "", fmt.Errorf("reading an attachment: %w", err)
	}
	return text, nil
}

func (s *store) attachmentText(ctx context.Context, q querier, id int64) (text string, err error) {
	err = q.QueryRowContext(ctx, "SELECT t.content FROM attachments a JOIN attachment_texts t ON t.hash = a.hash WHERE a.id = ?", id).Scan(&text)
	return text, err
}

// attach stores documents with a message. A text that is there already is not stored again.
func (s *store) attach(ctx context.Context, tx *sql.Tx, m *Message, docs []attach.Document) error {
	if len(docs) > MaxAttachments {
		return fmt.Errorf("%d files are too many for a message: %d are the most", len(docs), MaxAttachments)
	}
	size := 0
	for _, d := range docs {
		if size += len(d.Text); size > maxAttachmentText {
			return fmt.Errorf("the files have more than %d MB of text: send them with several messages", maxAttachmentText>>20)
		}
		sum := sha256.Sum256([]byte(d.Text))
		hash := hex.EncodeToString(sum[:])
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO attachment_texts (hash, content) VALUES (?, ?)", hash, d.Text); err != nil {
			return err
		}
		a := Attachment{Name: d.Name, Kind: d.Kind, Bytes: d.Bytes, Note: d.Note}
		r, err := tx.ExecContext(ctx, "INSERT INTO attachments (chat_id, message_id, name, kind, bytes, note, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
			m.ChatID, m.ID, a.Name, string(a.Kind), a.Bytes, a.Note, hash)
		if err != nil {
			return err
		}
		if a.ID, err = r.LastInsertId(); err != nil {
			return err
		}
		m.Attachments = append(m.Attachments, a)
	}
	return nil
}

// copyAttachments gives a message those of another.
func (s *store) copyAttachments(ctx context.Context, tx *sql.Tx, from int64, to Message) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO attachments (chat_id, message_id, name, kind, bytes, note, hash)
		SELECT ?, ?, name, kind, bytes, note, hash FROM attachments WHERE message_id = ? ORDER BY id`, to.ChatID, to.ID, from)
	return err
}

// attachments reads what goes with messages, and gives it to them.
func (s *store) attachments(ctx context.Context, q querier, where string, id int64, give func(messageID int64, a Attachment)) error {
	rows, err := q.QueryContext(ctx, "SELECT id, message_id, name, kind, bytes, note FROM attachments WHERE message_id IS NOT NULL AND "+where+" ORDER BY id", id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a Attachment
		var message int64
		var kind string
		if err := rows.Scan(&a.ID, &message, &a.Name, &kind, &a.Bytes, &a.Note); err != nil {
			return err
		}
		a.Kind = attach.Kind(kind)
		give(message, a)
	}
	return rows.Err()
}

// withAttachments completes messages of a chat.
func (s *store) withAttachments(ctx context.Context, q querier, chatID int64, list []Message) error {
	index := map[int64]int{}
	for i, m := range list {
		index[m.ID] = i
	}
	return s.attachments(ctx, q, "chat_id = ?", chatID, func(id int64, a Attachment) {
		if i, ok := index[id]; ok {
			list[i].Attachments = append(list[i].Attachments, a)
		}
	})
}

// forModel returns the messages with the text of their attachments in front of what the user wrote.
func (c *Chats) forModel(branch []Message) ([]Message, error) {
	var out []Message // a copy, once there is something to change
	for i, m := range branch {
		if len(m.Attachments) == 0 {
			continue
		}
		if out == nil {
			out = append(out, branch...)
		}
		var b strings.Builder
		for _, a := range m.Attachments {
			text, err := c.store.attachmentText(c.ctx, c.store.db, a.ID)
			if err != nil {
				return branch, fmt.Errorf("reading the attachment %s: %w", a.Name, err)
			}
			b.WriteString(FramedFile(a.Name, a.Kind, text))
			b.WriteString("\n\n")
		}
		out[i].Content = strings.TrimRight(b.String()+m.Content, "\n")
	}
	if out == nil {
		return branch, nil
	}
	return out, nil
}

// fileAttachments adds the attachments of a chat to its messages in a file. numbers are the messages' ids there, from 1 on.
func (c *Chats) fileAttachments(ctx context.Context, chatID int64, numbers map[int64]int64, messages []fileMessage) error {
	rows, err := c.store.db.QueryContext(ctx, `SELECT a.message_id, a.name, a.kind, a.bytes, a.note, t.content FROM attachments a
		JOIN attachment_texts t ON t.hash = a.hash WHERE a.chat_id = ? AND a.message_id IS NOT NULL ORDER BY a.id`, chatID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var message int64
		var a fileAttachment
		if err := rows.Scan(&message, &a.Name, &a.Kind, &a.Bytes, &a.Note, &a.Text); err != nil {
			return err
		}
		if n := numbers[message]; n > 0 {
			messages[n-1].Attachments = append(messages[n-1].Attachments, a)
		}
	}
	return rows.Err()
}

// documents are a file's attachments as SendWith takes them.
func (m fileMessage) documents() []attach.Document {
	var list []attach.Document
	for _, a := range m.Attachments {
		list = append(list, attach.Document{Name: filepath.Base(a.Name), Kind: attach.Kind(a.Kind), Bytes: max(a.Bytes, 0), Note: a.Note, Text: a.Text})
	}
	return list
}

// FramedFile is how a model gets a file: its name, and its content in a Markdown block whose fence is longer than any in it.
func FramedFile(name string, kind attach.Kind, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	language := strings.TrimPrefix(strings.ToLower(filepath.Ext(name)), ".")
	switch kind {
	case attach.Text, attach.PDF:
		language = "text"
	case attach.DOCX, attach.ODT, attach.HTML, attach.Markdown:
		language = "markdown"
	}
	if strings.ContainsFunc(language, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		language = ""
	}
	name = strings.Join(strings.Fields(strings.ReplaceAll(name, "`", "'")), " ")
	return fmt.Sprintf("Attached file `%s`:\n\n%s%s\n%s\n%s", name, fence, language, text, fence)
}
