package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
)

// showFileDialog shows a dialog that asks for a file, as large as there is room for, and returns what is over the window for it; nil
// where the desktop shows one of its own.
func (w *window) showFileDialog(d *dialog.FileDialog) fyne.CanvasObject {
	before := w.win.Canvas().Overlays().Top()
	d.Show()
	// Fyne 2.8.1 crashes on a size before the dialog is shown, and where the desktop shows one of its own.
	shown := w.win.Canvas().Overlays().Top()
	if shown == before {
		return nil
	}
	size := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width-40, 900), min(size.Height-40, 620)))
	return shown
}
