package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExport(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	furnish(t, a, f)
	list, err := a.Chats.List()
	must(t, err)
	folders, err := a.Chats.Folders()
	must(t, err)
	write := func(format ExportFormat, s Selection, want int) string {
		t.Helper()
		var b bytes.Buffer
		n, err := a.Chats.Export(t.Context(), &b, format, s)
		must(t, err)
		if n != want {
			t.Errorf("%s of %+v: %d chats, want %d", format, s, n, want)
		}
		return b.String()
	}
	md := write(ExportMarkdown, Selection{}, 2)
	for _, want := range []string{"# What is “quoted”?\n", "## System prompt\n\nBe brief & <exact>.\n", "## You\n\nWhat is “quoted”?\n\n```go\nx := 1\n```",
		"First <b>answer</b>", "\n---\n\n# What is"} {
		if !strings.Contains(md, want) {
			t.Errorf("the Markdown lacks %q:\n%s", want, md)
		}
	}
	for _, other := range []string{"Second answer", "Gone", "half a thought"} {
		if strings.Contains(md, other) {
			t.Errorf("the Markdown has %q", other)
		}
	}
	m := messages(t, a, list[0].ID)
	versions, err := a.Chats.Siblings(m[1].ID)
	must(t, err)
	must(t, a.Chats.Show(versions[1]))
	if md := write(ExportMarkdown, Selection{Folder: folders[0].ID}, 1); !strings.Contains(md, "<summary>Reasoning</summary>\n\nHm.\n") || strings.Contains(md, "Put away") {
		t.Errorf("the folder's Markdown:\n%s", md)
	}
	lines := strings.Split(strings.TrimSpace(write(ExportShareGPT, Selection{}, 2)), "\n")
	var one struct {
		Conversations []shareTurn
	}
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	must(t, json.Unmarshal([]byte(lines[1]), &one))
	if c := one.Conversations; len(c) != 5 || c[0] != (shareTurn{"system", "Be brief & <exact>."}) || c[2] != (shareTurn{"gpt", "Second answer"}) || c[3].From != "human" {
		t.Errorf("ShareGPT: %+v", c)
	}
	if js := write(ExportJSON, Selection{Chat: list[0].ID}, 1); strings.Contains(js, "Put away") || !strings.Contains(js, "Edited question") {
		t.Errorf("one chat's JSON:\n%s", js)
	}
	if js := write(ExportJSON, Selection{Folder: 99}, 0); !strings.Contains(js, `"chats": []`) && !json.Valid([]byte(js)) {
		t.Errorf("no chats: %s", js)
	}
	// A temporary chat can be kept: by way of a file.
	c, err := a.Chats.CreateTemporary()
	must(t, err)
	must(t, a.Chats.Send(c.ID, "worth keeping"))
	id, _ := f.asked(t, 7)
	f.answer(id, "indeed")
	settled(t, a, c.ID)
	kept, err := a.Chats.Keep(c.ID)
	must(t, err)
	if got := tree(t, a, kept.ID); kept.Title != "worth keeping" || got != "user: worth keeping\n assistant: indeed [fake.gguf] ←\n" {
		t.Errorf("kept %+v:\n%s", kept, got)
	}
	if _, err := a.Chats.Keep(kept.ID); err == nil {
		t.Error("a chat that is kept was kept again")
	}
	// A file that can't be written costs nothing.
	path := filepath.Join(dir, "x.md")
	must(t, os.WriteFile(path, []byte("old"), 0o600))
	if _, err := a.Chats.ExportFile(t.Context(), path, ExportMarkdown, Selection{Chat: 999}); err == nil {
		t.Error("no error for a chat that is not there")
	}
	if _, err := a.Chats.Export(t.Context(), &bytes.Buffer{}, "pdf", Selection{}); err == nil {
		t.Error("no error for a format that is not there")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("the old file holds %q, %v", data, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".burble-export-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
