package ui

import (
	"io"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// showCrash says that the last run crashed, and offers what it left behind.
func (w *window) showCrash(r app.CrashReport) {
	what := widget.NewLabel(lang.L("Burble crashed when it last ran. The report below says where. It holds no conversation, and it was sent to nobody: copy or save it if you want to report the crash."))
	what.Wrapping = fyne.TextWrapWord
	path := widget.NewLabel(r.Path)
	path.SizeName, path.Importance, path.Wrapping, path.Selectable = theme.SizeNameCaptionText, widget.LowImportance, fyne.TextWrapBreak, true
	copied := look.NewButton(look.IconCopy, lang.L("Copy"), look.Soft, nil)
	copied.OnTapped = func() {
		w.app.Clipboard().SetContent(r.Text)
		copied.Set(look.IconCheck, lang.L("Copied"), look.Soft)
	}
	save := look.NewButton(look.Icon{}, lang.L("Save report…"), look.Soft, func() {
		w.saveFile("burble-crash.txt", func(f io.Writer) error { _, err := io.WriteString(f, r.Text); return err }, func(path string) string {
			return lang.L("The report is in {{.Path}}. It holds no conversation.", map[string]any{"Path": path})
		})
	})
	buttons := container.NewHBox(copied, save, layout.NewSpacer())
	d := dialog.NewCustom(lang.L("The last run crashed"), lang.L("Close"),
		container.NewBorder(what, container.NewVBox(path, buttons), nil, nil, newLines(strings.Split(r.Text, "\n"))), w.win)
	size := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(720, size.Width-40), min(520, size.Height-40)))
	d.Show()
}

// newLines returns a list of lines in a fixed pitch. There may be thousands: only those in sight are made.
func newLines(lines []string) *widget.List {
	list := widget.NewList(
		func() int { return len(lines) },
		func() fyne.CanvasObject {
			t := canvas.NewText("", nil)
			t.TextStyle, t.TextSize = fyne.TextStyle{Monospace: true}, 11
			return t
		},
		func(i widget.ListItemID, o fyne.CanvasObject) {
			t := o.(*canvas.Text)
			t.Text, t.Color = strings.ReplaceAll(lines[i], "\t", "    "), look.Color(theme.ColorNameForeground)
			t.Refresh()
		})
	list.HideSeparators = true
	list.OnSelected = func(i widget.ListItemID) { list.Unselect(i) }
	return list
}

// saveFile asks for a file, has write fill it in the background, and says by done where it is.
func (w *window) saveFile(name string, write func(io.Writer) error, done func(path string) string) {
	d := dialog.NewFileSave(func(f fyne.URIWriteCloser, err error) {
		if err != nil {
			w.report(err)
			return
		}
		if f == nil {
			return // nothing was chosen
		}
		w.spawn(func() {
			err := write(f)
			if closed := f.Close(); err == nil {
				err = closed
			}
			fyne.Do(func() {
				if err != nil {
					w.report(errorText(lang.L("The report could not be written: {{.Reason}}", map[string]any{"Reason": err})))
					return
				}
				w.toast.show(done(f.URI().Path()), "", nil)
			})
		})
	}, w.win)
	d.SetFileName(name)
	w.showFileDialog(d)
}
