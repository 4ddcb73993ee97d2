package ui

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// exportItem is the menu of the formats that chats can be exported in. name is that of a chat or a folder.
func (w *window) exportItem(s app.Selection, name string) *fyne.MenuItem {
	item := fyne.NewMenuItem(lang.L("Export"), nil)
	if s == (app.Selection{}) {
		item.Label = lang.L("Export all chats")
	}
	var items []*fyne.MenuItem
	for _, f := range app.ExportFormats() {
		items = append(items, fyne.NewMenuItem(formatName(f), func() { w.askExport(s, name, f) }))
	}
	item.ChildMenu = fyne.NewMenu("", items...)
	return item
}

// formatName says what a format is for.
func formatName(f app.ExportFormat) string {
	switch f {
	case app.ExportMarkdown:
		return lang.L("Markdown, for reading…")
	case app.ExportShareGPT:
		return lang.L("ShareGPT JSONL, for training…")
	}
	return lang.L("JSON, to import again…")
}

// askExport asks for a file, and writes chats to it.
func (w *window) askExport(s app.Selection, name string, f app.ExportFormat) {
	w.askSave(fileName(name)+f.Extension(), func(path string) {
		w.work(lang.L("Exporting chats"), func(ctx context.Context, _ func(done, total int64)) func() {
			n, err := w.b.Chats.ExportFile(ctx, path, f, s)
			return func() {
				if err != nil {
					if info, statErr := os.Stat(path); statErr == nil && info.Size() == 0 {
						_ = os.Remove(path) // made by the dialog
					}
					w.reportWork(err)
					return
				}
				text := lang.N("{{.Count}} chats were written to {{.File}}.", n, map[string]any{"Count": countText(n), "File": filepath.Base(path)})
				w.toast.show(text, "", nil)
			}
		})
	})
}

// fileName makes a file's name of a title.
func fileName(title string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, title)
	if r := []rune(name); len(r) > 60 {
		name = string(r[:60])
	}
	if name = strings.Trim(name, " .-"); name == "" {
		name = "chat"
	}
	return name
}

// importable are the endings of files that chats can be imported from.
var importable = []string{".json", ".jsonl", ".zip"}

// askImport asks for a file, and imports the chats in it.
func (w *window) askImport() {
	w.askOpen(importable, w.importFile)
}

// importFile imports the chats of a file.
func (w *window) importFile(path string) {
	w.work(lang.L("Importing chats"), func(ctx context.Context, progress func(done, total int64)) func() {
		done, err := w.b.Chats.Import(ctx, path, progress)
		return func() {
			if err != nil {
				w.reportWork(err)
				return
			}
			w.imported(done)
		}
	})
}

// imported says what an import has brought, and offers to undo it.
func (w *window) imported(done app.Imported) {
	n := len(done.Chats)
	text := lang.N("{{.Count}} chats were imported from {{.From}}.", n, map[string]any{"Count": countText(n), "From": strings.Join(done.From, ", ")})
	if done.Left > 0 {
		text += " " + lang.N("{{.Count}} pictures and other parts that are no text were left out.", done.Left, map[string]any{"Count": countText(done.Left)})
	}
	w.did(text, func() error {
		err := w.b.Chats.DeleteAll(done.Chats)
		for _, id := range done.Folders {
			err = errors.Join(err, w.b.Chats.DeleteFolder(id))
		}
		return err
	})
}

// reportWork shows why something slow failed: in a dialog, because the reason can be long. Being cancelled is no failure.
func (w *window) reportWork(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	text := widget.NewLabel(sentence(err.Error()))
	text.Wrapping = fyne.TextWrapWord
	dialog.ShowCustom(lang.L("That did not work"), lang.L("Close"), container.New(fixedWidth(420), text), w.win)
}

// askSave asks where to write a file.
func (w *window) askSave(name string, do func(path string)) {
	d := dialog.NewFileSave(func(f fyne.URIWriteCloser, err error) {
		if err == nil && f != nil {
			err = f.Close()
		}
		if err != nil || f == nil {
			w.report(err)
			return
		}
		do(f.URI().Path())
	}, w.win)
	d.SetFileName(name)
	w.showFiles(d)
}

// askOpen asks for a file to read.
func (w *window) askOpen(endings []string, do func(path string)) {
	d := dialog.NewFileOpen(func(f fyne.URIReadCloser, err error) {
		if err == nil && f != nil {
			err = f.Close()
		}
		if err != nil || f == nil {
			w.report(err)
			return
		}
		do(f.URI().Path())
	}, w.win)
	d.SetFilter(storage.NewExtensionFileFilter(endings))
	w.showFiles(d)
}

func (w *window) showFiles(d *dialog.FileDialog) {
	if home, err := os.UserHomeDir(); err == nil {
		if dir, err := storage.ListerForURI(storage.NewFileURI(home)); err == nil {
			d.SetLocation(dir)
		}
	}
	w.showFileDialog(d)
}

// work runs something slow beside the window, over which its progress is shown once it takes a while. What it returns is done
// on the window's goroutine.
func (w *window) work(title string, run func(ctx context.Context, progress func(done, total int64)) (finish func())) {
	w.endWork()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.endWork = func() { cancel(); <-done }
	bar := newMeter()
	stop := look.NewButton(look.Icon{}, lang.L("Cancel"), look.Soft, cancel)
	label := widget.NewLabel(title)
	popup := widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(12, 12, 16, 16), container.New(fixedWidth(320),
		container.New(layout.NewCustomPaddedVBoxLayout(10), label, bar, container.NewCenter(stop)))), w.win.Canvas())
	show := w.timers.After(300*time.Millisecond, popup.Show)
	last := time.Now()
	w.spawn(func() {
		defer close(done)
		finish := run(ctx, func(n, total int64) {
			if now := time.Now(); total > 0 && now.Sub(last) > 2*frame {
				last = now
				fyne.Do(func() { bar.set(float32(float64(n) / float64(total))) })
			}
		})
		fyne.Do(func() {
			show.Stop()
			popup.Hide()
			finish()
		})
	})
}

// droppedChats imports files that were dropped onto the sidebar, and reports whether it takes them.
func (w *window) droppedChats(at fyne.Position, files []fyne.URI) bool {
	if !w.sidebar.Visible() || at.X > w.sidebar.Size().Width || len(files) != 1 {
		return false
	}
	if info, err := os.Stat(files[0].Path()); err == nil && info.IsDir() { // LM Studio's conversations
		w.importFile(files[0].Path())
		return true
	}
	for _, ending := range importable {
		if strings.EqualFold(files[0].Extension(), ending) {
			w.importFile(files[0].Path())
			return true
		}
	}
	return false
}
