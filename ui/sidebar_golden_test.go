package ui

import (
	"testing"

	"fyne.io/fyne/v2"

	"burble/app"
	"burble/ui/golden"
)

// TestSidebarGolden holds the sidebar to pictures: with folders and pins, with what a search found, and while a chat is dragged.
func TestSidebarGolden(t *testing.T) {
	for _, theme := range []app.Theme{app.ThemeLight, app.ThemeDark} {
		f := shelved()
		f.values.Theme = theme
		w := open(t, f, 1000, 700)
		w.newTemporary()
		w.sidebar.moveCursor(4, 1)
		alone(t, w, "sidebar-folders-"+string(theme))
		w.newChat()
		w.toast.hide()
		w.sidebar.search.SetText("cut")
		alone(t, w, "sidebar-search-"+string(theme))
	}
	f := shelved()
	w := open(t, f, 1000, 700)
	w.showAway(viewArchived)
	alone(t, w, "sidebar-archive")
}

// alone holds a picture of the sidebar alone.
func alone(t *testing.T, w *window, name string) {
	t.Helper()
	own := fyne.CurrentApp().NewWindow("sidebar")
	defer own.Close()
	own.SetPadded(false)
	own.SetContent(w.sidebar)
	own.Resize(fyne.NewSize(264, 420))
	golden.Match(t, own, name)
	own.SetContent(fyne.CurrentApp().NewWindow("").Content())
	w.win.SetContent(w.root)
	w.root.Refresh()
}
