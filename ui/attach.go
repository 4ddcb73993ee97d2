package ui

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/app/attach"
	"burble/ui/look"
	"burble/ui/transcript"
)

// pendingFile is a file that will go with the next message.
type pendingFile struct {
	path   string
	doc    attach.Document
	ready  bool // doc is there
	tokens int  // that it takes in the prompt
	exact  bool // tokens were counted, not guessed
	cancel context.CancelFunc
	chip   *fileChip
}

// attachments are the files that wait to be sent, for each chat; 0 is the one that is not made yet.
type attachments struct {
	files  map[int64][]*pendingFile
	asking fyne.CanvasObject // the file dialog, or the last one
}

func (w *window) pending() []*pendingFile { return w.attached.files[w.chat] }

// attachFiles reads files for the next message.
func (w *window) attachFiles(paths []string) {
	if w.attached.files == nil {
		w.attached.files = map[int64][]*pendingFile{}
	}
	chat := w.chat
	for _, path := range paths {
		if slices.ContainsFunc(w.attached.files[chat], func(f *pendingFile) bool { return f.path == path }) {
			continue
		}
		if len(w.attached.files[chat]) == app.MaxAttachments {
			w.toast.show(lang.L("{{.Count}} files are the most that go with a message.", map[string]any{"Count": app.MaxAttachments}), "", nil)
			break
		}
		ctx, cancel := context.WithCancel(context.Background())
		f := &pendingFile{path: path, cancel: cancel}
		f.chip = newFileChip(filepath.Base(path), func() { w.detach(chat, f) })
		w.attached.files[chat] = append(w.attached.files[chat], f)
		w.spawn(func() {
			doc, err := w.b.Chats.ReadAttachment(ctx, path)
			tokens, exact := 0, false
			if err == nil {
				tokens, exact = w.b.Models.CountTokens(app.FramedFile(doc.Name, doc.Kind, doc.Text))
			}
			fyne.Do(func() {
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					w.detach(chat, f)
					w.toast.show(sentence(err.Error()), "", nil)
					return
				}
				f.doc, f.tokens, f.exact, f.ready = doc, tokens, exact, true
				w.showAttached()
			})
		})
	}
	w.showAttached()
	w.focusComposer()
}

// detach takes a file off the next message.
func (w *window) detach(chat int64, f *pendingFile) {
	f.cancel()
	w.attached.files[chat] = slices.DeleteFunc(w.attached.files[chat], func(g *pendingFile) bool { return f == g })
	w.showAttached()
}

// stopReading ends the reading of files: the window closes.
func (w *window) stopReading() {
	for _, list := range w.attached.files {
		for _, f := range list {
			f.cancel()
		}
	}
}

// countAgain counts the tokens of the files that wait, for another model.
func (w *window) countAgain() {
	for _, list := range w.attached.files {
		for _, f := range list {
			if !f.ready {
				continue
			}
			w.spawn(func() {
				tokens, exact := w.b.Models.CountTokens(app.FramedFile(f.doc.Name, f.doc.Kind, f.doc.Text))
				fyne.Do(func() {
					f.tokens, f.exact = tokens, exact
					w.showAttached()
				})
			})
		}
	}
}

// showAttached shows the files that will go with the next message, and whether the model can read all of it.
func (w *window) showAttached() {
	var chips []fyne.CanvasObject
	for _, f := range w.pending() {
		detail := lang.L("reading…")
		if f.ready {
			detail = fileDetail(f.doc.Bytes, f.tokens, f.exact)
		}
		f.chip.set(detail, f.doc.Note)
		chips = append(chips, f.chip)
	}
	w.composer.setFiles(chips, w.overText())
}

// fileTokens is what the files take of the context.
func (w *window) fileTokens() (n int) {
	for _, f := range w.pending() {
		n += f.tokens
	}
	return n
}

// overText says by how many tokens the files are more than the context holds, or more than is left of it.
func (w *window) overText() string {
	info, loaded := w.b.Models.Current()
	files := w.fileTokens()
	if !loaded || files == 0 || info.ContextSize == 0 {
		return ""
	}
	used := w.usedTokens()
	all := map[string]any{"Over": countText(files - info.ContextSize), "Size": countText(info.ContextSize)}
	switch {
	case files >= info.ContextSize:
		return lang.L("That is {{.Over}} tokens more than the context of {{.Size}} holds. Remove a file, or raise the context size in the settings.", all)
	case files+used >= info.ContextSize && w.b.Settings.Get().Overflow == app.OverflowDrop:
		return lang.L("With that the context is full: the oldest messages will be left out.")
	case files+used >= info.ContextSize:
		all["Over"] = countText(files + used - info.ContextSize)
		return lang.L("With this conversation, that is {{.Over}} tokens more than the context of {{.Size}} holds. Start a new chat, or raise the context size in the settings.", all)
	}
	return ""
}

// templateTokens is about what a model's template puts around a message.
const templateTokens = 40

// usedTokens is how much of the context the conversation takes, with about what is being written.
func (w *window) usedTokens() int {
	return w.contextUsed() + len(w.composer.entry.Text)/3 + templateTokens
}

func (w *window) contextUsed() int {
	for i := len(w.messages) - 1; i >= 0; i-- {
		if s := w.messages[i].Stats; s != nil {
			return s.ContextUsed
		}
	}
	return 0
}

// filesToSend returns the files that wait. It reports whether they can be sent.
func (w *window) filesToSend() (docs []attach.Document, ok bool) {
	for _, f := range w.pending() {
		if !f.ready {
			w.toast.show(lang.L("{{.Name}} is still being read.", map[string]any{"Name": filepath.Base(f.path)}), "", nil)
			return nil, false
		}
		docs = append(docs, f.doc)
	}
	if info, loaded := w.b.Models.Current(); loaded && info.ContextSize > 0 && w.fileTokens() >= info.ContextSize {
		w.toast.show(w.overText(), "", nil)
		return nil, false
	}
	return docs, true
}

// filesSent forgets the files of a chat: they are in its messages now.
func (w *window) filesSent(chat int64) {
	delete(w.attached.files, chat)
	w.showAttached()
}

// askFiles lets the user choose a file to attach.
func (w *window) askFiles() {
	if slices.Contains(w.win.Canvas().Overlays().List(), w.attached.asking) {
		return
	}
	d := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if err != nil {
			w.report(err)
			return
		}
		if r != nil {
			path := r.URI().Path()
			r.Close()
			w.attachFiles([]string{path})
		}
		w.focusComposer()
	}, w.win)
	d.SetTitleText(lang.L("Attach a file"))
	d.SetConfirmText(lang.L("Attach"))
	w.attached.asking = w.showFileDialog(d)
}

// pastedFiles attaches files whose paths or addresses are pasted, as file managers copy them, and reports whether it took
// them. A path that is meant as text is put back by the message's button.
func (w *window) pastedFiles(text string) bool {
	paths := filePaths(text)
	if len(paths) == 0 {
		return false
	}
	w.attachFiles(paths)
	w.toast.show(lang.L("The files were attached."), lang.L("Paste as text"), func() {
		for _, f := range slices.Clone(w.pending()) {
			if slices.Contains(paths, f.path) {
				w.detach(w.chat, f)
			}
		}
		w.composer.insert(text)
		w.focusComposer()
	})
	return true
}

// filePaths returns the files that a text names: lines that are absolute paths or file:// addresses, and nothing else.
func filePaths(text string) []string {
	var paths []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line == "copy" { // GNOME's file manager begins with this word
			continue
		}
		if u, err := url.Parse(line); err == nil && u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") {
			line = filepath.FromSlash(u.Path)
		}
		if !filepath.IsAbs(line) || len(paths) == app.MaxAttachments {
			return nil
		}
		if info, err := os.Stat(line); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		paths = append(paths, line)
	}
	return paths
}

// droppedFiles attaches what was dropped onto the conversation.
func (w *window) droppedFiles(files []fyne.URI) {
	var paths []string
	for _, f := range files {
		if f.Scheme() == "file" {
			paths = append(paths, f.Path())
		}
	}
	w.attachFiles(paths)
}

// cards are what the transcript shows of a message's files. They stay the same as long as the message does.
func (w *window) cards(m app.Message) *transcript.Files {
	if len(m.Attachments) == 0 {
		return nil
	}
	if c := w.shownFiles[m.ID]; c != nil && len(*c) == len(m.Attachments) && (*c)[0].ID == m.Attachments[0].ID {
		return c
	}
	list := make(transcript.Files, len(m.Attachments))
	for i, a := range m.Attachments {
		list[i] = transcript.File{ID: a.ID, Name: a.Name, Detail: kindText(a.Kind) + " · " + bytesText(a.Bytes)}
	}
	if w.shownFiles == nil {
		w.shownFiles = map[int64]*transcript.Files{}
	}
	w.shownFiles[m.ID] = &list
	return &list
}

// showFile shows the text of a file, as the model got it.
func (w *window) showFile(message, id int64) {
	text, err := w.b.Chats.AttachmentText(id)
	if err != nil {
		w.report(err)
		return
	}
	var a app.Attachment
	for _, m := range w.messages {
		if i := slices.IndexFunc(m.Attachments, func(a app.Attachment) bool { return a.ID == id }); m.ID == message && i >= 0 {
			a = m.Attachments[i]
		}
	}
	pages := textPages(text, pageLength)
	e := newEntry("", nil)
	e.MultiLine, e.Wrapping = true, fyne.TextWrapWord
	e.TextStyle.Monospace = a.Kind == attach.Code || a.Kind == attach.CSV || a.Kind == attach.JSON
	page, number := 0, widget.NewLabel("")
	var before, after *look.Button
	turn := func(by int) {
		page = min(max(page+by, 0), len(pages)-1)
		e.SetText(pages[page])
		e.CursorRow, e.CursorColumn = 0, 0
		e.Refresh()
		number.SetText(fmt.Sprintf("%d/%d", page+1, len(pages)))
		before.SetEnabled(page > 0)
		after.SetEnabled(page < len(pages)-1)
	}
	before = look.NewIconButton(look.IconLeft, func() { turn(-1) })
	after = look.NewIconButton(look.IconRight, func() { turn(+1) })
	note := widget.NewLabel(a.Note)
	note.Wrapping, note.Importance, note.SizeName = fyne.TextWrapWord, widget.WarningImportance, theme.SizeNameCaptionText
	copying := look.NewButton(look.IconCopy, lang.L("Copy all"), look.Ghost, func() { w.app.Clipboard().SetContent(text) })
	line := container.NewHBox(copying)
	if len(pages) > 1 {
		line = container.NewHBox(before, number, after, copying)
	}
	turn(0)
	d := dialog.NewCustom(a.Name, lang.L("Close"), container.NewBorder(container.NewBorder(nil, nil, nil, line, note), nil, nil, nil, e), w.win)
	e.key = func(k *fyne.KeyEvent) bool {
		switch k.Name {
		case fyne.KeyEscape:
			d.Hide()
			return true
		case fyne.KeyBackspace, fyne.KeyDelete, fyne.KeyReturn, fyne.KeyEnter:
			return true // it is for reading
		}
		return false
	}
	e.readOnly = true
	size := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width-60, 760), min(size.Height-60, 600)))
	d.SetOnClosed(w.focusComposer)
	d.Show()
	w.win.Canvas().Focus(e)
}

// pageLength is how much of a text is shown at a time, in characters: Fyne takes seconds to wrap more.
const pageLength = 10_000

// textPages cuts a text at line ends, or within a line that is too long.
func textPages(text string, most int) []string {
	r := []rune(text)
	var pages []string
	for len(r) > most {
		cut := most
		for i := most; i > most/2; i-- {
			if r[i-1] == '\n' {
				cut = i
				break
			}
		}
		pages = append(pages, strings.TrimSuffix(string(r[:cut]), "\n"))
		r = r[cut:]
	}
	return append(pages, string(r))
}

// kindText names a kind of file.
func kindText(k attach.Kind) string {
	switch k {
	case attach.Text:
		return lang.L("Text")
	case attach.Code:
		return lang.L("Source text")
	case attach.Markdown:
		return "Markdown"
	}
	return strings.ToUpper(string(k))
}

// fileDetail says how large a file is: "120 KB · 3,210 tokens".
func fileDetail(bytes int64, tokens int, exact bool) string {
	count := map[string]any{"Count": countText(tokens)}
	if !exact {
		return bytesText(bytes) + " · " + lang.N("about {{.Count}} tokens", tokens, count)
	}
	return bytesText(bytes) + " · " + lang.N("{{.Count}} tokens", tokens, count)
}
