package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"burble/inference/chat"
)

// ExportFormat is a form that chats can be written in.
type ExportFormat string

const (
	// ExportMarkdown is for people: the branch that is shown of each chat.
	ExportMarkdown ExportFormat = "markdown"
	// ExportJSON is Burble's own form, from which Import makes the same chats again, with all branches. See file.go.
	ExportJSON ExportFormat = "json"
	// ExportShareGPT is for training: a line of JSON for each chat, with the branch that is shown.
	ExportShareGPT ExportFormat = "sharegpt"
)

// ExportFormats are all there are.
func ExportFormats() []ExportFormat {
	return []ExportFormat{ExportMarkdown, ExportJSON, ExportShareGPT}
}

// Extension is that of the format's files, with its dot.
func (f ExportFormat) Extension() string {
	switch f {
	case ExportMarkdown:
		return ".md"
	case ExportShareGPT:
		return ".jsonl"
	}
	return ".json"
}

// Selection says which chats to export: one, those of a folder, or with the zero value all. Deleted ones are left out.
type Selection struct {
	Chat   int64
	Folder int64
}

// Export writes chats to w, one after another, the latest first, and returns how many.
func (c *Chats) Export(ctx context.Context, w io.Writer, f ExportFormat, s Selection) (n int, err error) {
	if t := c.of(s.Chat); t != c {
		return t.Export(ctx, w, f, s)
	}
	if !slices.Contains(ExportFormats(), f) {
		return 0, fmt.Errorf("there is no format %q to export to", f)
	}
	var list []Chat
	switch {
	case s.Chat != 0:
		var one Chat
		one, err = c.Chat(s.Chat)
		list = []Chat{one}
	case s.Folder != 0:
		list, err = c.query("deleted IS NULL AND folder_id = ? ORDER BY updated DESC, id DESC", s.Folder)
	default:
		list, err = c.query("deleted IS NULL ORDER BY updated DESC, id DESC")
	}
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	switch f {
	case ExportMarkdown:
		n, err = c.exportMarkdown(ctx, out, list)
	case ExportShareGPT:
		n, err = c.exportShareGPT(ctx, out, list)
	default:
		n, err = c.exportJSON(ctx, out, list)
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return n, fmt.Errorf("exporting the chats: %w", err)
	}
	return n, nil
}

// ExportFile writes chats to a file, as Export does. Where that fails, a file that was there stays as it was.
func (c *Chats) ExportFile(ctx context.Context, path string, f ExportFormat, s Selection) (n int, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".burble-export-*")
	if err != nil {
		return 0, fmt.Errorf("exporting the chats: %w", err)
	}
	defer os.Remove(file.Name())
	n, err = c.Export(ctx, file, f, s)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return n, err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return n, fmt.Errorf("exporting the chats: %w", err)
	}
	return n, nil
}

// eachBranch calls do with every chat that has messages, and the branch of it that is shown.
func (c *Chats) eachBranch(ctx context.Context, list []Chat, do func(Chat, []Message) error) (n int, err error) {
	for _, info := range list {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		branch, err := c.store.branch(ctx, c.store.db, info.ID)
		if err != nil {
			return n, err
		}
		if len(branch) == 0 {
			continue
		}
		if err := do(info, branch); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (c *Chats) exportMarkdown(ctx context.Context, w io.Writer, list []Chat) (int, error) {
	first := true
	return c.eachBranch(ctx, list, func(info Chat, branch []Message) error {
		var b strings.Builder
		if !first {
			b.WriteString("\n---\n\n")
		}
		first = false
		name := info.Title
		if name == "" {
			name = "Chat"
		}
		fmt.Fprintf(&b, "# %s\n\n*%s*\n", name, info.Created.Format("2 January 2006, 15:04"))
		if s := info.Options.System; s != nil && strings.TrimSpace(*s) != "" {
			fmt.Fprintf(&b, "\n## System prompt\n\n%s\n", strings.TrimSpace(*s))
		}
		for _, m := range branch {
			who := "You"
			switch {
			case m.Role == chat.System:
				who = "System prompt"
			case m.Role == chat.Assistant && m.Model != "":
				who = m.Model
			case m.Role == chat.Assistant:
				who = "Answer"
			}
			fmt.Fprintf(&b, "\n## %s\n\n", who)
			if m.Reasoning != "" {
				fmt.Fprintf(&b, "<details>\n<summary>Reasoning</summary>\n\n%s\n\n</details>\n\n", strings.TrimSpace(m.Reasoning))
			}
			for _, a := range m.Attachments {
				text, err := c.AttachmentText(a.ID)
				if err != nil {
					return err
				}
				fmt.Fprintf(&b, "<details>\n<summary>%s</summary>\n\n%s\n\n</details>\n\n", html.EscapeString(a.Name), FramedFile(a.Name, a.Kind, text))
			}
			if text := strings.TrimSpace(m.Content); text != "" {
				b.WriteString(text + "\n")
			} else if m.Error != "" {
				fmt.Fprintf(&b, "*%s*\n", m.Error)
			}
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// shareTurn is a message as ShareGPT's files have it.
type shareTurn struct {
	From  string `json:"from"` // system, human or gpt
	Value string `json:"value"`
}

func (c *Chats) exportShareGPT(ctx context.Context, w io.Writer, list []Chat) (int, error) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return c.eachBranch(ctx, list, func(info Chat, branch []Message) error {
		system := ""
		if s := info.Options.System; s != nil {
			system = *s
		}
		var turns []shareTurn
		branch, err := c.forModel(branch)
		if err != nil {
			return err
		}
		for _, m := range conversation(system, branch) {
			from := map[chat.Role]string{chat.System: "system", chat.User: "human", chat.Assistant: "gpt"}[m.Role]
			turns = append(turns, shareTurn{from, m.Content})
		}
		return e.Encode(struct {
			ID    string      `json:"id"`
			Title string      `json:"title"`
			Turns []shareTurn `json:"conversations"`
		}{fmt.Sprint("burble-", info.ID), info.Title, turns})
	})
}
