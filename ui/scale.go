package ui

import (
	"os"
	"strconv"
	"time"

	"fyne.io/fyne/v2"

	"burble/ui/look"
)

// scaleVariable is the environment variable by which users of Fyne's programs scale them. Fyne reads it whenever settings
// change, and has no other way for a program to scale itself.
const scaleVariable = "FYNE_SCALE"

// userScale returns the scale that the user gave to all of Fyne's programs.
func userScale(s fyne.Settings) float64 {
	if f, err := strconv.ParseFloat(os.Getenv(scaleVariable), 64); err == nil && f > 0 {
		return f
	}
	if f := float64(s.Scale()); f > 0 {
		return f
	}
	return 1
}

// applyLook brings theme and scale in line with the settings, and reports whether they were not.
func (w *window) applyLook() bool {
	v := w.b.Settings.Get()
	mode, scale := look.Mode(v.Theme), v.FontScale
	before := w.fontScale
	if t, ok := w.app.Settings().Theme().(*look.Theme); ok && t.Mode() == mode && scale == before {
		return false
	}
	if scale != before {
		w.fontScale = scale
		if err := os.Setenv(scaleVariable, strconv.FormatFloat(w.userScale*scale, 'f', 2, 64)); err != nil {
			w.report(err)
		}
	}
	w.holdSize(before)
	w.app.Settings().SetTheme(look.NewTheme(mode)) // has Fyne read the scale
	if scale != before {                           // the window stays as large as it was on the screen
		w.win.Resize(fyne.NewSize(w.held.Width/float32(scale), w.held.Height/float32(scale)))
	}
	return true
}

// holdSize notes how large the window is in its size at scale 1. Fyne hears of a new size some time after it was asked for, so what
// was noted a moment ago still counts.
func (w *window) holdSize(scale float64) {
	if time.Since(w.heldAt) > time.Second {
		size := w.win.Canvas().Size()
		w.held = fyne.NewSize(size.Width*float32(scale), size.Height*float32(scale))
	}
	w.heldAt = time.Now()
}
