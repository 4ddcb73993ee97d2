package ui

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"

	"burble/app"
	"burble/app/attach"
	"burble/ui/golden"
)

// withDocuments lets a fake read some files.
func withDocuments(f *fake) {
	f.load()
	f.documents = map[string]attach.Document{
		"/d/report.pdf": {Kind: attach.PDF, Bytes: 120_400, Text: strings.Repeat("word ", 1200)},
		"/d/a very long name of a table with measured values 2026.csv": {Kind: attach.CSV, Bytes: 8_100, Text: "a,b\n1,2", Note: "Cut."},
		"/d/main.go": {Kind: attach.Code, Bytes: 900, Text: "package main"},
		"/d/big.md":  {Kind: attach.Markdown, Bytes: 90_000, Text: strings.Repeat("word ", 5000)},
	}
}

func attachedNames(w *window) (list []string) {
	for _, f := range w.pending() {
		list = append(list, filepath.Base(f.path))
	}
	return list
}

func TestAttachAndSend(t *testing.T) {
	f := newFake()
	withDocuments(f)
	w := open(t, f, 1000, 700)
	w.dropped(fyne.NewPos(600, 300), []fyne.URI{storage.NewFileURI("/d/report.pdf"), storage.NewFileURI("/d/main.go"), storage.NewFileURI("/d/main.go")})
	if !slices.Equal(attachedNames(w), []string{"report.pdf", "main.go"}) {
		t.Fatalf("attached: %q", attachedNames(w))
	}
	if d := w.pending()[0].chip.detail.Text; d != "120 kB · 1,205 tokens" {
		t.Errorf("the chip says %q", d)
	}
	if w.composer.button.Disabled() {
		t.Error("files alone can't be sent")
	}
	test.Tap(w.pending()[1].chip.remove)
	if !slices.Equal(attachedNames(w), []string{"report.pdf"}) || len(w.composer.chips.Objects) != 1 {
		t.Errorf("after taking one off: %q", attachedNames(w))
	}
	test.Type(w.composer.entry, "Sum it up")
	press(w.composer.entry, fyne.KeyReturn)
	drain(w, f)
	if len(f.sent) != 1 || f.sent[0].Name != "report.pdf" || len(w.pending()) != 0 || len(w.composer.chips.Objects) != 0 {
		t.Fatalf("sent %v, left %q", f.sent, attachedNames(w))
	}
	m := w.messages[0]
	cards := w.cards(m)
	if cards == nil || (*cards)[0].Name != "report.pdf" || (*cards)[0].Detail != "PDF · 120 kB" || w.cards(m) != cards {
		t.Errorf("the transcript shows %+v", cards)
	}
	w.showFile(m.ID, m.Attachments[0].ID)
	e, ok := w.win.Canvas().Focused().(*entry)
	if !ok || !strings.HasPrefix(e.Text, "word word") {
		t.Fatal("the text is not shown")
	}
	test.Type(e, "x")
	press(e, fyne.KeyDelete)
	if !strings.HasPrefix(e.Text, "word word") {
		t.Error("the text can be changed")
	}
	press(e, fyne.KeyEscape)
	if w.win.Canvas().Focused() != w.composer.entry {
		t.Error("the composer has no focus")
	}
}

func TestAttachProblems(t *testing.T) {
	f := newFake()
	withDocuments(f)
	w := open(t, f, 1000, 700)
	w.attachFiles([]string{"/d/scan.pdf"})
	if len(w.pending()) != 0 || !strings.Contains(w.toast.text.Text, "its pages are pictures") {
		t.Errorf("a scanned file: %q, %q", attachedNames(w), w.toast.text.Text)
	}
	// More than the context holds is said in tokens, and not sent.
	w.attachFiles([]string{"/d/big.md"})
	if !strings.Contains(w.composer.over.Text, "909 tokens more than the context of 4,096") {
		t.Errorf("it says %q", w.composer.over.Text)
	}
	press(w.composer.entry, fyne.KeyReturn)
	if f.sent != nil || len(w.pending()) != 1 {
		t.Error("it was sent")
	}
	w.detach(w.chat, w.pending()[0])
	if w.composer.over.Visible() {
		t.Error("the warning stays")
	}
	// A conversation that fills the context, too.
	id := f.chatWith("Long", noon, "Hello", "Hi")
	f.messages[id][1].Stats.ContextUsed = 3500
	w.openChat(id)
	w.attachFiles([]string{"/d/report.pdf"})
	if !strings.Contains(w.composer.over.Text, "649 tokens more") {
		t.Errorf("it says %q", w.composer.over.Text)
	}
	f.values.Overflow = app.OverflowDrop
	w.showAttached()
	if !strings.Contains(w.composer.over.Text, "oldest messages") {
		t.Errorf("it says %q", w.composer.over.Text)
	}
	// Each chat has its own.
	w.newChat()
	if len(w.pending()) != 0 || len(w.composer.chips.Objects) != 0 {
		t.Errorf("in a new chat: %q", attachedNames(w))
	}
	w.openChat(id)
	if len(w.composer.chips.Objects) != 1 {
		t.Error("the file is lost by looking at another chat")
	}
	// Without a model, tokens are guessed.
	f.current = nil
	w.countAgain()
	if d := w.pending()[0].chip.detail.Text; !strings.Contains(d, "about ") {
		t.Errorf("the chip says %q", d)
	}
}

// A file that is still being read is not sent, and one that was taken off meanwhile does not come back.
func TestAttachSlowly(t *testing.T) {
	f := newFake()
	withDocuments(f)
	w := open(t, f, 1000, 700)
	var waiting []func()
	w.spawn = func(do func()) { waiting = append(waiting, do) }
	w.attachFiles([]string{"/d/report.pdf", "/d/main.go"})
	press(w.composer.entry, fyne.KeyReturn)
	if f.sent != nil || !strings.Contains(w.toast.text.Text, "still being read") {
		t.Errorf("toast: %q", w.toast.text.Text)
	}
	w.detach(w.chat, w.pending()[0])
	for _, do := range waiting {
		do()
	}
	if !slices.Equal(attachedNames(w), []string{"main.go"}) || !w.pending()[0].ready {
		t.Errorf("attached: %q", attachedNames(w))
	}
}

func TestTextPages(t *testing.T) {
	for _, text := range []string{"", "a", "ab\ncd\nef\ngh", "abcdefghijklmnopqrstuvwxyz", "äöüßäöüßä\nx"} {
		pages := textPages(text, 6)
		for _, p := range pages {
			if len([]rune(p)) > 6 {
				t.Errorf("%q: page %q", text, p)
			}
		}
		if got := strings.ReplaceAll(strings.Join(pages, ""), "\n", ""); got != strings.ReplaceAll(text, "\n", "") {
			t.Errorf("%q became %q", text, pages)
		}
	}
}

func TestPasteFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "some notes.md")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
	for text, want := range map[string]int{
		path: 1, address + "\r\n": 1, "copy\n" + address: 1, path + "\n" + address: 2,
		"": 0, "Hello": 0, "see " + path: 0, path + "\nand more": 0, dir: 0, "/none/at/all": 0, "https://example.org/a": 0, "file://elsewhere" + path: 0,
	} {
		if got := filePaths(text); len(got) != want || want > 0 && got[0] != path {
			t.Errorf("%q: %q", text, got)
		}
	}
	f := newFake()
	f.load()
	f.documents = map[string]attach.Document{path: {Kind: attach.Markdown, Bytes: 1, Text: "x"}}
	w := open(t, f, 1000, 700)
	clipboard := w.app.Clipboard()
	clipboard.SetContent(path)
	w.composer.entry.TypedShortcut(&fyne.ShortcutPaste{Clipboard: clipboard})
	if len(w.pending()) != 1 || w.composer.entry.Text != "" {
		t.Fatalf("attached %q, text %q", attachedNames(w), w.composer.entry.Text)
	}
	test.Tap(w.toast.action)
	if len(w.pending()) != 0 || w.composer.entry.Text != path {
		t.Errorf("as text: %q, %q", attachedNames(w), w.composer.entry.Text)
	}
}

func TestAttachmentGolden(t *testing.T) {
	for _, c := range []struct {
		name          string
		theme         app.Theme
		width, height float32
	}{{"attach-light", app.ThemeLight, 900, 420}, {"attach-dark-narrow", app.ThemeDark, 420, 560}} {
		f := newFake()
		withDocuments(f)
		f.values.Theme = c.theme
		id := f.chatWith("Files", noon, "What does it say?", "It says a word, often.")
		f.messages[id][0].Attachments = []app.Attachment{{ID: 7, Name: "report.pdf", Kind: attach.PDF, Bytes: 120_400}, {ID: 8, Name: "main.go", Kind: attach.Code, Bytes: 900}}
		w := open(t, f, c.width, c.height)
		w.openChat(id)
		w.attachFiles([]string{"/d/report.pdf", "/d/a very long name of a table with measured values 2026.csv", "/d/big.md"})
		w.composer.entry.SetText("And these?")
		w.win.Canvas().Unfocus()
		golden.Match(t, w.win, c.name)
		keep(t, w, c.name)
	}
}
