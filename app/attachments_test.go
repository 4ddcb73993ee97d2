package app

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"burble/app/attach"
	"burble/inference/chat"
)

func textCount(t *testing.T, c *Chats) (n int) {
	t.Helper()
	if err := c.store.db.QueryRowContext(t.Context(), "SELECT count(*) FROM attachment_texts").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAttachments(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	path := filepath.Join(dir, "notes.md")
	if err := os.WriteFile(path, []byte("# Notes\n\n```go\nx\n```\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	notes, err := a.Chats.ReadAttachment(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	table := attach.Document{Name: "a`b.csv", Kind: attach.CSV, Bytes: 8, Text: "a,b\n1,2", Note: "Cut."}
	c := newChat(t, a)
	if err := a.Chats.SendWith(c.ID, "Sum them up.", []attach.Document{notes, table}); err != nil {
		t.Fatal(err)
	}
	id, r := f.asked(t, 1)
	want := "Attached file `notes.md`:\n\n````markdown\n# Notes\n\n```go\nx\n```\n````\n\nAttached file `a'b.csv`:\n\n```csv\na,b\n1,2\n```\n\nSum them up."
	if len(r.Messages) != 1 || r.Messages[0].Content != want {
		t.Errorf("the model gets %q\nwant %q", r.Messages[0].Content, want)
	}
	f.answer(id, "A sum.")
	m := settled(t, a, c.ID)
	if m[0].Content != "Sum them up." || len(m[0].Attachments) != 2 || m[0].Attachments[1].Name != "a`b.csv" || m[0].Attachments[1].Bytes != 8 ||
		m[0].Attachments[1].Note != "Cut." || m[0].Attachments[1].Kind != attach.CSV || len(m[1].Attachments) != 0 {
		t.Errorf("messages = %+v", m)
	}
	if text, err := a.Chats.AttachmentText(m[0].Attachments[1].ID); err != nil || text != table.Text {
		t.Errorf("AttachmentText = %q, %v", text, err)
	}
	if one, err := a.Chats.Message(m[0].ID); err != nil || !slices.Equal(one.Attachments, m[0].Attachments) {
		t.Errorf("Message = %+v, %v", one, err)
	}
	// The files stay through an edit, whose text is kept once.
	if err := a.Chats.Edit(m[0].ID, "In one word."); err != nil {
		t.Fatal(err)
	}
	id, r = f.asked(t, 2)
	if got := r.Messages[0].Content; !strings.HasPrefix(got, "Attached file `notes.md`") || !strings.HasSuffix(got, "In one word.") {
		t.Errorf("after an edit the model gets %q", got)
	}
	f.answer(id, "Three.")
	m = settled(t, a, c.ID)
	if len(m[0].Attachments) != 2 || textCount(t, a.Chats) != 2 {
		t.Errorf("after an edit: %+v, %d texts", m[0], textCount(t, a.Chats))
	}
	// A file without a word, in the same conversation.
	if err := a.Chats.SendWith(c.ID, "", []attach.Document{table}); err != nil {
		t.Fatal(err)
	}
	id, r = f.asked(t, 3)
	if got := r.Messages[2]; got.Role != chat.User || !strings.HasSuffix(got.Content, "1,2\n```") || !strings.HasPrefix(r.Messages[0].Content, "Attached") {
		t.Errorf("the model gets %+v", r.Messages)
	}
	f.answer(id, "Hm.")
	settled(t, a, c.ID)
	if err := a.Chats.SendWith(c.ID, " ", nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("nothing at all: %v", err)
	}
	if err := a.Chats.SendWith(c.ID, "x", make([]attach.Document, MaxAttachments+1)); err == nil {
		t.Error("any number of files is taken")
	}
	settled(t, a, c.ID)

	// They go where the chat goes.
	for _, format := range ExportFormats() {
		var b bytes.Buffer
		if _, err := a.Chats.Export(t.Context(), &b, format, Selection{Chat: c.ID}); err != nil || !strings.Contains(b.String(), "a,b") {
			t.Errorf("%s: %v\n%s", format, err, b.String())
		}
		if format != ExportJSON {
			continue
		}
		file := filepath.Join(dir, "chats.json")
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		done, err := a.Chats.Import(t.Context(), file, func(int64, int64) {})
		if err != nil || len(done.Chats) != 1 {
			t.Fatalf("Import = %+v, %v", done, err)
		}
		back := messages(t, a, done.Chats[0])
		if len(back[0].Attachments) != 2 || back[0].Attachments[0].Name != "notes.md" {
			t.Errorf("imported: %+v", back)
		}
		if text, err := a.Chats.AttachmentText(back[0].Attachments[0].ID); err != nil || text != notes.Text {
			t.Errorf("imported text: %q, %v", text, err)
		}
	}
	if n := textCount(t, a.Chats); n != 2 {
		t.Errorf("%d texts, want 2", n)
	}
	// What no message has any more is gone with the next start.
	if err := a.Chats.store.exec(t.Context(), "DELETE FROM chats"); err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.store.purge(t.Context(), m[0].Created); err != nil {
		t.Fatal(err)
	}
	if n := textCount(t, a.Chats); n != 0 {
		t.Errorf("%d texts without a chat", n)
	}
}

// Nothing of a temporary chat's files is written.
func TestTemporaryAttachments(t *testing.T) {
	a, f := start(t, t.TempDir())
	c, err := a.Chats.CreateTemporary()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.SendWith(c.ID, "", []attach.Document{{Name: "secret.txt", Kind: attach.Text, Text: "hush"}}); err != nil {
		t.Fatal(err)
	}
	id, r := f.asked(t, 1)
	if !strings.Contains(r.Messages[0].Content, "hush") {
		t.Errorf("the model gets %+v", r.Messages)
	}
	f.answer(id, "Hm.")
	m := settled(t, a, c.ID)
	if len(m[0].Attachments) != 1 || !Temporary(m[0].Attachments[0].ID) {
		t.Fatalf("messages = %+v", m)
	}
	if text, err := a.Chats.AttachmentText(m[0].Attachments[0].ID); err != nil || text != "hush" {
		t.Errorf("AttachmentText = %q, %v", text, err)
	}
	if n := textCount(t, a.Chats); n != 0 {
		t.Errorf("%d texts are on disk", n)
	}
	// Unless the chat is kept, and then its preset stays, too.
	precise := presetNamed(t, a, "Precise").ID
	if err := a.Chats.SetOptions(c.ID, ChatOptions{Preset: &precise}); err != nil {
		t.Fatal(err)
	}
	kept, err := a.Chats.Keep(c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if m := messages(t, a, kept.ID); len(m) != 2 || len(m[0].Attachments) != 1 || textCount(t, a.Chats) != 1 {
		t.Errorf("kept: %+v", m)
	}
	if kept, err = a.Chats.Chat(kept.ID); err != nil || kept.Options.Preset == nil || *kept.Options.Preset != precise {
		t.Errorf("kept with %+v, %v", kept.Options, err)
	}
}
