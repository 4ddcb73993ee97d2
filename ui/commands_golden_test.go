package ui

import (
	"testing"

	"fyne.io/fyne/v2"

	"burble/app"
	"burble/ui/golden"
)

// TestCommandPictures holds the palette, the overview of keys, the settings and the welcome to pictures.
func TestCommandPictures(t *testing.T) {
	t.Setenv(scaleVariable, "")
	for _, theme := range []app.Theme{app.ThemeLight, app.ThemeDark} {
		f := furnished()
		f.values.Theme = theme
		f.load()
		w := open(t, f, 800, 560)
		key(w, fyne.KeyK, ctrl)
		w.palette.entry.SetText("th")
		golden.Match(t, w.win, "palette-"+string(theme))
		key(w, fyne.KeyK, ctrl)
		w.openSettings()
		golden.Match(t, w.win, "settings-"+string(theme))
		w.settings.close()
	}
}
